// Backward operations go where their forward ones are. A sum goes where all its parts are, or with the value's own
// operation where they differ.
// RUN: heter-opt %s --heter-autodiff --mlir-print-local-scope | FileCheck %s

nn.parameter @w : tensor<4xf32> init #nn.init<"zeros", 0.0>
// CHECK-LABEL: nn.program @train
nn.program @train {
  %w = nn.param @w {place = #nn.place<"on:cpu", "weight">} : tensor<4xf32>
  %a = nn.exp %w {place = #nn.place<"on:gpu", "a">} : tensor<4xf32>
  %b = nn.tanh %w {place = #nn.place<"on:gpu", "b">} : tensor<4xf32>
  %c = nn.mul %a, %b {place = #nn.place<"on:xpu", "c">} : tensor<4xf32>
  %d = nn.mul %a, %c {place = #nn.place<"on:gpu", "d">} : tensor<4xf32>
  %loss = nn.reduce_sum %d axes [0] {place = #nn.place<"on:xpu", "loss">} : (tensor<4xf32>) -> tensor<f32>
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.2 : f64}>
}

// CHECK: nn.example_count {place = #nn.place<"on:xpu", "loss">}
// CHECK-NEXT: nn.broadcast {{.*}} {place = #nn.place<"on:xpu", "loss">}
// CHECK-NEXT: nn.mul {{.*}} {place = #nn.place<"on:gpu", "d">}
// CHECK-NEXT: nn.mul {{.*}} {place = #nn.place<"on:gpu", "d">}
// CHECK-NEXT: nn.mul {{.*}} {place = #nn.place<"on:xpu", "c">}
// CHECK-NEXT: nn.mul {{.*}} {place = #nn.place<"on:xpu", "c">}
// CHECK-NEXT: nn.square {{.*}} {place = #nn.place<"on:gpu", "b">}
// CHECK: nn.add {{.*}} {place = #nn.place<"on:gpu", "a">}
// CHECK-NEXT: nn.mul {{.*}} {place = #nn.place<"on:gpu", "a">}
// CHECK-NEXT: nn.add {{.*}} {place = #nn.place<"on:gpu", "b">}
// CHECK-NEXT: nn.update @w, {{.*}} {place = #nn.place<"on:cpu", "weight">}
