// What cannot be distributed.
// RUN: heter-opt %s --split-input-file --verify-diagnostics --heter-distribute

module attributes {nn.mode = "ps"} {
  nn.program @train {
    %loss = nn.constant dense<0.0> : tensor<f32>
    // expected-error @+1 {{'nn.minimize' op is still there: differentiate with --heter-autodiff first}}
    nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.1 : f64}>
  }
}
