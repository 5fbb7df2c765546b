// What cannot be differentiated is refused; what stays as it is, is warned of.
// RUN: heter-opt %s --heter-autodiff --split-input-file --verify-diagnostics

// expected-error @+1 {{nothing is minimized, so there is nothing to train: expected nn.minimize in program @train}}
module {
  nn.program @train {
    %x = nn.input "x" : tensor<?xf32>
  }
}

// -----

nn.program @infer {
  %x = nn.example_count
  // expected-error @+1 {{'nn.minimize' op belongs in program @train}}
  nn.minimize %x with #nn.optimizer<"sgd", {lr = 0.1 : f64}>
}

// -----

nn.program @train {
  %x = nn.example_count
  // expected-note @+1 {{first here}}
  nn.minimize %x with #nn.optimizer<"sgd", {lr = 0.1 : f64}>
  // expected-error @+1 {{'nn.minimize' op is the second of its program}}
  nn.minimize %x with #nn.optimizer<"sgd", {lr = 0.1 : f64}>
}

// -----

nn.program @train {
  %x = nn.input "x" : tensor<?xf32>
  %loss = nn.reduce_mean %x axes [0] : (tensor<?xf32>) -> tensor<f32>
  // expected-error @+1 {{the loss depends on no parameter and no table}}
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.1 : f64}>
}

// -----

// The path through the number of a class carries no gradient.
nn.parameter @w : tensor<4xf32> init #nn.init<"zeros", 0.0>
nn.program @train {
  %w = nn.param @w : tensor<4xf32>
  %k = nn.argmax %w axis(0) : (tensor<4xf32>) -> tensor<i64>
  %loss = nn.cast %k : (tensor<i64>) -> tensor<f32>
  // expected-error @+1 {{the loss depends on no parameter and no table}}
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.1 : f64}>
}

// -----

nn.parameter @w : tensor<4xf32> init #nn.init<"zeros", 0.0>
nn.program @train {
  %w = nn.param @w : tensor<4xf32>
  // expected-error @+1 {{'nn.relu_grad' op has no gradient, but the loss depends on a parameter through it}}
  %x = nn.relu_grad %w, %w : tensor<4xf32>
  %loss = nn.reduce_sum %x axes [0] : (tensor<4xf32>) -> tensor<f32>
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.1 : f64}>
}

// -----

nn.parameter @w : tensor<f32> init #nn.init<"zeros", 0.0>
// expected-warning @+1 {{parameter 'v' does not influence the loss and keeps its first value}}
nn.parameter @v : tensor<f32> init #nn.init<"zeros", 0.0>
// expected-warning @+1 {{table 't' does not influence the loss and gets no rows}}
nn.table @t [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
// expected-warning @+1 {{table 'fm.weight' does not influence the loss and gets no rows}}
nn.table @fm [#nn.part<"weight", 1, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.program @train {
  %v = nn.param @v : tensor<f32>
  %loss = nn.param @w : tensor<f32>
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.1 : f64}>
}

// -----

nn.parameter @w : tensor<f32> init #nn.init<"zeros", 0.0>
nn.program @train {
  %w = nn.param @w : tensor<f32>
  %zero = nn.constant dense<0.0> : tensor<f32>
  %high = nn.compare gt %w, %zero : tensor<f32>
  // expected-error @+1 {{gradients of nn.if are not supported: the loss cannot depend on a parameter through it}}
  %loss, %other = nn.if %high -> tensor<f32>, tensor<f32> {
    nn.yield %w, %zero : tensor<f32>, tensor<f32>
  } else {
    nn.yield %zero, %zero : tensor<f32>, tensor<f32>
  }
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.1 : f64}>
}

// -----

nn.parameter @w : tensor<f32> init #nn.init<"zeros", 0.0>
nn.program @train {
  %w = nn.param @w : tensor<f32>
  // expected-error @+1 {{gradients of nn.while are not supported: the loss cannot depend on a parameter through it}}
  %loss = nn.while (%w) limit(3) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: tensor<f32>):
    %more = nn.compare gt %a, %w : tensor<f32>
    nn.yield %more : tensor<i1>
  } do {
  ^bb0(%a: tensor<f32>):
    nn.yield %a : tensor<f32>
  }
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.1 : f64}>
}

// -----

// expected-error @+1 {{'nn.table' op counts clicks by 'bought', which is no label of one f32 an example}}
nn.table @t [#nn.part<"", 1, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
  policy [#nn.rule<"show_click", {clicks = "bought", show = 0.1 : f64, click = 1.0 : f64, decay = 1.0 : f64}>]
nn.program @train {
  %id = nn.input "id" : tensor<?xi64>
  %click = nn.input "click" label : tensor<?xf32>
  %a = nn.lookup @t part("") (%id) : tensor<?xi64> -> tensor<?x1xf32>
  %loss = nn.reduce_mean %a axes [0, 1] : (tensor<?x1xf32>) -> tensor<f32>
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.2 : f64}>
}

// -----

// expected-warning @+2 {{table 't.w' does not influence the loss and gets no rows}}
// expected-error @+1 {{'nn.table' op counts the shows and clicks of part 'w', which does not influence the loss}}
nn.table @t [#nn.part<"w", 1, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>,
             #nn.part<"v", 1, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}> admit #nn.rule<"count", {times = 2.0 : f64}>>]
  policy [#nn.rule<"show_click", {clicks = "click", show = 0.1 : f64, click = 1.0 : f64, decay = 1.0 : f64}>]
nn.program @train {
  %id = nn.input "id" : tensor<?xi64>
  %click = nn.input "click" label : tensor<?xf32>
  %a = nn.lookup @t part("v") (%id) : tensor<?xi64> -> tensor<?x1xf32>
  %loss = nn.reduce_mean %a axes [0, 1] : (tensor<?x1xf32>) -> tensor<f32>
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.2 : f64}>
}
