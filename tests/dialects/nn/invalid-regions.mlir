// Regions that nn.if and nn.while refuse: one case for each branch of their verifiers.
// RUN: heter-opt %s --split-input-file --verify-diagnostics

func.func @condition(%c: tensor<?xi1>) {
  // expected-error @+1 {{operand #0 must be tensor<i1>, but got 'tensor<?xi1>'}}
  "nn.if"(%c) ({ nn.yield }, { nn.yield }) : (tensor<?xi1>) -> ()
  return
}

// -----

func.func @argument(%c: tensor<i1>) {
  // expected-error @+1 {{region #0 should have no arguments}}
  nn.if %c {
  ^bb0(%a: tensor<f32>):
    nn.yield
  } else {
  }
  return
}

// -----

func.func @then(%c: tensor<i1>, %x: tensor<f32>) {
  // expected-error @+1 {{'nn.if' op expected the then region to yield ('tensor<f32>'), got ()}}
  %r = nn.if %c -> tensor<f32> {
  } else {
    nn.yield %x : tensor<f32>
  }
  return
}

// -----

func.func @else(%c: tensor<i1>, %x: tensor<f32>, %y: tensor<4xf32>) {
  // expected-error @+1 {{'nn.if' op expected the else region to yield ('tensor<f32>'), got ('tensor<4xf32>')}}
  %r = nn.if %c -> tensor<f32> {
    nn.yield %x : tensor<f32>
  } else {
    nn.yield %y : tensor<4xf32>
  }
  return
}

// -----

func.func @reads(%c: tensor<i1>) {
  %r = nn.if %c -> tensor<?xf32> {
    // expected-error @+1 {{'nn.input' op cannot be in a region of nn.if, which only computes tensors from tensors: move it outside}}
    %x = nn.input "x" : tensor<?xf32>
    nn.yield %x : tensor<?xf32>
  } else {
    %x = nn.input "x" : tensor<?xf32>
    nn.yield %x : tensor<?xf32>
  }
  return
}

// -----

func.func @acts(%c: tensor<i1>, %x: tensor<f32>) {
  nn.if %c {
  } else {
    // expected-error @+1 {{'nn.report' op cannot be in a region of nn.if}}
    nn.report "loss" name("loss") (%x) : tensor<f32>
  }
  return
}

// -----

func.func private @truth() -> tensor<i1>
func.func @foreign(%x: tensor<i1>) {
  %r = nn.while (%x) limit(1) : (tensor<i1>) -> tensor<i1> {
  ^bb0(%a: tensor<i1>):
    // expected-error @+1 {{'func.call' op cannot be in a region of nn.while}}
    %t = func.call @truth() : () -> tensor<i1>
    nn.yield %t : tensor<i1>
  } do {
  ^bb0(%a: tensor<i1>):
    nn.yield %a : tensor<i1>
  }
  return
}

// -----

func.func @rows(%c: tensor<i1>, %i: tensor<?xi64>, %g: tensor<?x4xf32>) {
  nn.if %c {
    // expected-error @+1 {{'nn.lookup_grad' op cannot be in a region of nn.if}}
    %r = nn.lookup_grad %i, %g : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
  } else {
  }
  return
}

// -----

func.func @limit(%x: tensor<i1>) {
  // expected-error @+1 {{attribute 'limit' failed to satisfy constraint}}
  %r = nn.while (%x) limit(-1) : (tensor<i1>) -> tensor<i1> {
  ^bb0(%a: tensor<i1>):
    nn.yield %a : tensor<i1>
  } do {
  ^bb0(%a: tensor<i1>):
    nn.yield %a : tensor<i1>
  }
  return
}

// -----

func.func @results(%x: tensor<i1>) {
  // expected-error @+1 {{'nn.while' op expected results of the carried types ('tensor<i1>'), got ('tensor<f32>')}}
  %r = nn.while (%x) limit(1) : (tensor<i1>) -> tensor<f32> {
  ^bb0(%a: tensor<i1>):
    nn.yield %a : tensor<i1>
  } do {
  ^bb0(%a: tensor<i1>):
    nn.yield %a : tensor<i1>
  }
  return
}

// -----

func.func @condition_arguments(%x: tensor<i1>) {
  // expected-error @+1 {{'nn.while' op expected the condition region to take ('tensor<i1>'), got ()}}
  %r = nn.while (%x) limit(1) : (tensor<i1>) -> tensor<i1> {
    nn.yield %x : tensor<i1>
  } do {
  ^bb0(%a: tensor<i1>):
    nn.yield %a : tensor<i1>
  }
  return
}

// -----

func.func @condition_yield(%x: tensor<f32>) {
  // expected-error @+1 {{'nn.while' op expected the condition region to yield ('tensor<i1>'), got ('tensor<f32>')}}
  %r = nn.while (%x) limit(1) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: tensor<f32>):
    nn.yield %a : tensor<f32>
  } do {
  ^bb0(%a: tensor<f32>):
    nn.yield %a : tensor<f32>
  }
  return
}

// -----

func.func @body_arguments(%x: tensor<i1>) {
  // expected-error @+1 {{'nn.while' op expected the body region to take ('tensor<i1>'), got ('tensor<f32>')}}
  %r = nn.while (%x) limit(1) : (tensor<i1>) -> tensor<i1> {
  ^bb0(%a: tensor<i1>):
    nn.yield %a : tensor<i1>
  } do {
  ^bb0(%a: tensor<f32>):
    nn.yield %x : tensor<i1>
  }
  return
}

// -----

func.func @body_yield(%x: tensor<i1>) {
  // expected-error @+1 {{'nn.while' op expected the body region to yield ('tensor<i1>'), got ()}}
  %r = nn.while (%x) limit(1) : (tensor<i1>) -> tensor<i1> {
  ^bb0(%a: tensor<i1>):
    nn.yield %a : tensor<i1>
  } do {
  ^bb0(%a: tensor<i1>):
    nn.yield
  }
  return
}

// -----

// expected-error @+1 {{'nn.yield' op expects parent op to be one of 'nn.if, nn.while'}}
nn.yield
