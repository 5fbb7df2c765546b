// Operations that the nn dialect refuses: one case for each branch of a verifier and of type inference.
// RUN: heter-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expected at least one part}}
nn.table @t []

// -----

// expected-error @+1 {{expected names for the parts of a table with several}}
nn.table @t [#nn.part<"", 1, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>,
             #nn.part<"v", 1, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]

// -----

// expected-error @+1 {{has two parts called 'v'}}
nn.table @t [#nn.part<"v", 1, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>,
             #nn.part<"v", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]

// -----

// expected-error @+1 {{expected a static shape, got 'tensor<?xf32>'}}
nn.parameter @w : tensor<?xf32> init #nn.init<"zeros", 0.0>

// -----

// expected-error @+1 {{attribute 'type' failed to satisfy constraint: type attribute of tensor, dynamic in dimension 0 at most, of 32-bit float values}}
nn.parameter @w : tensor<4xf64> init #nn.init<"zeros", 0.0>

// -----

nn.program @train {
  // expected-error @+1 {{expected the batch as dimension 0, got 'tensor<4xf32>'}}
  %x = nn.input "x" : tensor<4xf32>
}

// -----

nn.program @train {
  // expected-error @+1 {{expected a name}}
  %x = nn.input "" : tensor<?xf32>
}

// -----

nn.program @train {
  // expected-error @+1 {{result #0 must be value of a model (tensor or ragged), but got 'tensor<?x?xf32>'}}
  %x = nn.input "x" : tensor<?x?xf32>
}

// -----

nn.program @train {
  %x = nn.input "x" : tensor<?x4xf32>
  // expected-error @+2 {{expected two dimensions besides the batch, got 'tensor<?x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %y = nn.transpose %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
}

// -----

nn.program @train {
  %x = nn.input "x" : tensor<?x3x4xf32>
  // expected-error @+2 {{expected squares of at least 2 besides the batch, got 'tensor<?x3x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %y = nn.lower_triangle %x : (tensor<?x3x4xf32>) -> tensor<?x3xf32>
}

// -----

nn.program @train {
  %x = nn.input "x" : tensor<?x5xf32>
  // expected-error @+2 {{expected the elements left of a square's diagonal as the last dimension, got 'tensor<?x5xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %y = nn.lower_triangle_grad %x : (tensor<?x5xf32>) -> tensor<?x3x3xf32>
}

// -----

nn.program @train {
  %loss = nn.constant dense<0.0> : tensor<f32>
  // expected-error @+1 {{attribute 'clip' failed to satisfy constraint}}
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.2 : f64}> clip(0.0)
}

// -----

nn.program @train {
  // expected-error @+1 {{'nn.param' op expected a parameter, but @w is none}}
  %w = nn.param @w : tensor<4xf32>
}

// -----

nn.parameter @w : tensor<4xf32> init #nn.init<"zeros", 0.0>
nn.program @train {
  // expected-error @+1 {{parameter @w is 'tensor<4xf32>', got 'tensor<5xf32>'}}
  %w = nn.param @w : tensor<5xf32>
}

// -----

nn.parameter @w : tensor<4xf32> init #nn.init<"zeros", 0.0>
nn.program @train {
  %g = nn.constant dense<0.0> : tensor<5xf32>
  // expected-error @+1 {{parameter @w is 'tensor<4xf32>', got 'tensor<5xf32>'}}
  nn.update @w, %g : tensor<5xf32>
}

// -----

nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  // expected-error @+1 {{'nn.lookup' op expected a table, but @t is none}}
  %x = nn.lookup @t part("") (%ids) : tensor<?xi64> -> tensor<?x4xf32>
}

// -----

nn.table @t [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  // expected-error @+1 {{table @t has no part 'v'}}
  %x = nn.lookup @t part("v") (%ids) : tensor<?xi64> -> tensor<?x4xf32>
}

// -----

nn.table @t [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  // expected-error @+1 {{part '' of table @t has dim 4, got 5}}
  %x = nn.lookup @t part("") (%ids) : tensor<?xi64> -> tensor<?x5xf32>
}

// -----

nn.table @t [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  %g = nn.input "g" : tensor<?x5xf32>
  %rows = nn.lookup_grad %ids, %g : (tensor<?xi64>, tensor<?x5xf32>) -> !nn.rows<5>
  // expected-error @+1 {{part '' of table @t has dim 4, got 5}}
  nn.update_rows @t part("") %rows : !nn.rows<5>
}

// -----

nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  // expected-error @+1 {{expected the ids' shape and the part's dim as the result's, got 'tensor<?x3x4xf32>'}}
  %x = nn.lookup @t part("") (%ids) : tensor<?xi64> -> tensor<?x3x4xf32>
}

// -----

nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  // expected-error @+1 {{expected the ids' shape and the part's dim as the result's, got 'tensor<?xf32>'}}
  %x = nn.lookup @t part("") (%ids) : tensor<?xi64> -> tensor<?xf32>
}

// -----

nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  // expected-error @+1 {{expected ids with a dimension to pool besides the batch, got 'tensor<?xi64>'}}
  %x = nn.lookup @t part("") (%ids) pool(sum) : tensor<?xi64> -> tensor<4xf32>
}

// -----

nn.program @train {
  %ids = nn.input "ids" : !nn.ragged<"ids", i64>
  // expected-error @+1 {{expected pool(sum) or pool(mean) for ragged ids}}
  %x = nn.lookup @t part("") (%ids) : !nn.ragged<"ids", i64> -> tensor<?x4xf32>
}

// -----

nn.program @train {
  %ids = nn.input "ids" : !nn.ragged<"ids", f32>
  // expected-error @+1 {{expected ragged ids of i64, got '!nn.ragged<"ids", f32>'}}
  %x = nn.lookup @t part("") (%ids) pool(sum) : !nn.ragged<"ids", f32> -> tensor<?x4xf32>
}

// -----

nn.program @train {
  %ids = nn.input "ids" : tensor<?x2xi64>
  // expected-error @+1 {{expected pool none, sum or mean, got 'max'}}
  %x = nn.lookup @t part("") (%ids) pool(max) : tensor<?x2xi64> -> tensor<?x4xf32>
}

// -----

nn.program @train {
  %p = nn.constant dense<0.0> : tensor<4xf32>
  // expected-error @+1 {{expected 1 dims, got 2}}
  %x = nn.broadcast %p dims [0, 1] : tensor<4xf32> -> tensor<?x4xf32>
}

// -----

nn.program @train {
  %p = nn.constant dense<0.0> : tensor<4xf32>
  // expected-error @+1 {{the result has no dimension 2}}
  %x = nn.broadcast %p dims [2] : tensor<4xf32> -> tensor<?x4xf32>
}

// -----

nn.program @train {
  %p = nn.constant dense<0.0> : tensor<4xf32>
  // expected-error @+1 {{cannot expand dimension 0 of 'tensor<4xf32>' to dimension 1 of 'tensor<?x5xf32>'}}
  %x = nn.broadcast %p dims [1] : tensor<4xf32> -> tensor<?x5xf32>
}

// -----

nn.program @train {
  %p = nn.constant dense<0.0> : tensor<4x4xf32>
  // expected-error @+1 {{attribute 'dims' failed to satisfy constraint}}
  %x = nn.broadcast %p dims [1, 0] : tensor<4x4xf32> -> tensor<4x4xf32>
}

// -----

nn.program @train {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected at least one operand}}
  %x = "nn.concat"() {axis = 1 : i64} : () -> tensor<?x4xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x4xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'tensor<?x4xf32>' has no dimension 2}}
  %x = nn.concat %a axis(2) : (tensor<?x4xf32>) -> tensor<?x4xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x4xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected an axis other than the batch}}
  %x = nn.concat %a, %a axis(0) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x4x2xf32>
  %b = nn.input "b" : tensor<?x4x3xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{cannot concat 'tensor<?x4x2xf32>' with 'tensor<?x4x3xf32>' along dimension 1}}
  %x = nn.concat %a, %b axis(1) : (tensor<?x4x2xf32>, tensor<?x4x3xf32>) -> tensor<?x8x2xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x4xf32>
  %b = nn.input "b" : tensor<?xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{cannot concat 'tensor<?x4xf32>' with 'tensor<?xf32>' along dimension 1}}
  %x = nn.concat %a, %b axis(1) : (tensor<?x4xf32>, tensor<?xf32>) -> tensor<?x5xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x4xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<?x8xf32>' are incompatible with return type(s) of operation 'tensor<?x9xf32>'}}
  %x = nn.concat %a, %a axis(1) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x9xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+1 {{expected as many elements before and after, got 'tensor<?x6xf32>' and 'tensor<?x7xf32>'}}
  %x = nn.reshape %a : tensor<?x6xf32> -> tensor<?x7xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+1 {{expected as many elements before and after, got 'tensor<?x6xf32>' and 'tensor<6xf32>'}}
  %x = nn.reshape %a : tensor<?x6xf32> -> tensor<6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected a non-empty range within [0, 6), got [4, 7)}}
  %x = nn.slice %a axis(1) range(4, 7) : (tensor<?x6xf32>) -> tensor<?x3xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected a non-empty range within [0, 6), got [4, 4)}}
  %x = nn.slice %a axis(1) range(4, 4) : (tensor<?x6xf32>) -> tensor<?x0xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected an axis other than the batch}}
  %x = nn.slice %a axis(0) range(0, 1) : (tensor<?x6xf32>) -> tensor<1x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected an axis other than the batch}}
  %x = nn.pad %a axis(0) by(0, 1) : (tensor<?x6xf32>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+1 {{attribute 'low' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative}}
  %x = nn.pad %a axis(1) by(-1, 1) : (tensor<?x6xf32>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected a weight [in, out], got 'tensor<?x6xf32>'}}
  %x = nn.linear %a, %a : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  %w = nn.constant dense<0.0> : tensor<5x2xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected an input [.., 5], got 'tensor<?x6xf32>'}}
  %x = nn.linear %a, %w : (tensor<?x6xf32>, tensor<5x2xf32>) -> tensor<?x2xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  %w = nn.constant dense<0.0> : tensor<6x2xf32>
  %b = nn.constant dense<0.0> : tensor<3xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected a bias [2], got 'tensor<3xf32>'}}
  %x = nn.linear %a, %w, %b : (tensor<?x6xf32>, tensor<6x2xf32>, tensor<3xf32>) -> tensor<?x2xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  %b = nn.input "b" : tensor<?xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{cannot multiply 'tensor<?x6xf32>' with 'tensor<?xf32>'}}
  %x = nn.matmul %a, %b : (tensor<?x6xf32>, tensor<?xf32>) -> tensor<?xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x2x6xf32>
  %w = nn.constant dense<0.0> : tensor<2x3xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{cannot multiply 'tensor<?x2x6xf32>' with 'tensor<2x3xf32>'}}
  %x = nn.matmul %a, %w {transpose_a = true} : (tensor<?x2x6xf32>, tensor<2x3xf32>) -> tensor<?x6x3xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  %w = nn.constant dense<0.0> : tensor<5x3xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{cannot contract 'tensor<?x6xf32>' with 'tensor<5x3xf32>': unequal sizes}}
  %x = nn.matmul %a, %w : (tensor<?x6xf32>, tensor<5x3xf32>) -> tensor<?x3xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the batch must be the result's dimension 0}}
  %x = nn.matmul %a, %a {transpose_b = true} : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  %b = nn.input "b" : tensor<?x5xf32>
  // expected-error @+1 {{failed to verify that all of {lhs, rhs, result} have same type}}
  %x = "nn.add"(%a, %b) : (tensor<?x6xf32>, tensor<?x5xf32>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+1 {{failed to verify that all of {input, result} have same type}}
  %x = "nn.relu"(%a) : (tensor<?x6xf32>) -> tensor<?x5xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected at least one axis}}
  %x = nn.reduce_sum %a axes [] : (tensor<?x6xf32>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'tensor<?x6xf32>' has no dimension 2}}
  %x = nn.reduce_max %a axes [2] : (tensor<?x6xf32>) -> tensor<?xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+1 {{attribute 'axes' failed to satisfy constraint}}
  %x = nn.reduce_mean %a axes [1, 1] : (tensor<?x6xf32>) -> tensor<?xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected an axis other than the batch}}
  %x = nn.argmax %a axis(0) : (tensor<?x6xf32>) -> tensor<6xi64>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+1 {{'tensor<?x6xf32>' has no dimension 3}}
  %x = nn.softmax %a axis(3) : tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+1 {{expected an axis other than the batch}}
  %x = nn.softmax_grad %a, %a axis(0) : tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+1 {{attribute 'rate' failed to satisfy constraint: 64-bit float attribute in [0, 1)}}
  %x = nn.dropout %a rate(1.0) path("x") : tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.constant dense<0.0> : tensor<6xf32>
  // expected-error @+1 {{expected the batch as dimension 0, got 'tensor<6xf32>'}}
  %x = nn.dropout %a rate(0.5) path("x") : tensor<6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+1 {{expected a path}}
  %x = nn.dropout_grad %a rate(0.5) path("") : tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?xf32>
  %p = nn.constant dense<0.0> : tensor<6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected an input with a dimension besides the batch, got 'tensor<?xf32>'}}
  %x = nn.layer_norm %a, %p, %p epsilon(1.0e-05) : (tensor<?xf32>, tensor<6xf32>, tensor<6xf32>) -> tensor<?xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  %p = nn.constant dense<0.0> : tensor<6xf32>
  %q = nn.constant dense<0.0> : tensor<5xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected a shift [6], got 'tensor<5xf32>'}}
  %x = nn.layer_norm %a, %p, %q epsilon(1.0e-05) : (tensor<?x6xf32>, tensor<6xf32>, tensor<5xf32>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  %p = nn.constant dense<0.0> : tensor<6xf32>
  // expected-error @+1 {{attribute 'epsilon' failed to satisfy constraint: 64-bit float attribute that is positive}}
  %x = nn.layer_norm %a, %p, %p epsilon(0.0) : (tensor<?x6xf32>, tensor<6xf32>, tensor<6xf32>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  %g = nn.input "g" : tensor<?x5xf32>
  %p = nn.constant dense<0.0> : tensor<6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected a gradient 'tensor<?x6xf32>', got 'tensor<?x5xf32>'}}
  %x = nn.layer_norm_grad %g, %a, %p epsilon(1.0e-05) : (tensor<?x5xf32>, tensor<?x6xf32>, tensor<6xf32>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  %p = nn.constant dense<0.0> : tensor<5xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected a scale [6], got 'tensor<5xf32>'}}
  %x = nn.layer_norm_grad %a, %a, %p epsilon(1.0e-05) : (tensor<?x6xf32>, tensor<?x6xf32>, tensor<5xf32>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected logits with a dimension besides the batch, got 'tensor<?xf32>'}}
  %x = nn.softmax_cross_entropy %a, %a : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected class numbers of the shape of 'tensor<?x6xf32>' without its last dimension, got 'tensor<?x6xf32>'}}
  %x = nn.softmax_cross_entropy %a, %a : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  %k = nn.input "k" : tensor<?xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected a gradient 'tensor<?xf32>', got 'tensor<?x6xf32>'}}
  %x = nn.softmax_cross_entropy_grad %a, %a, %k : (tensor<?x6xf32>, tensor<?x6xf32>, tensor<?xi64>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  %k = nn.input "k" : tensor<?x6xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected class numbers of the shape of 'tensor<?x6xf32>' without its last dimension, got 'tensor<?x6xi64>'}}
  %x = nn.softmax_cross_entropy_grad %a, %a, %k : (tensor<?x6xf32>, tensor<?x6xf32>, tensor<?x6xi64>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  %y = nn.input "y" : tensor<?xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected gradient and output 'tensor<?xf32>', got 'tensor<?x6xf32>' and 'tensor<?xf32>'}}
  %x = nn.max_grad %a, %a, %y axes [1] : (tensor<?x6xf32>, tensor<?x6xf32>, tensor<?xf32>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %a = nn.input "a" : tensor<?x6xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected at least one axis}}
  %x = nn.max_grad %a, %a, %a axes [] : (tensor<?x6xf32>, tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>
}

// -----

nn.program @train {
  %ids = nn.input "ids" : tensor<?x2xi64>
  %g = nn.input "g" : tensor<?x4xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected the ids' shape and the part's dim as the gradient's, got 'tensor<?x4xf32>'}}
  %x = nn.lookup_grad %ids, %g : (tensor<?x2xi64>, tensor<?x4xf32>) -> !nn.rows<4>
}

// -----

nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  %g = nn.input "g" : tensor<?x4xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected ids with a dimension to pool besides the batch, got 'tensor<?xi64>'}}
  %x = nn.lookup_grad %ids, %g pool(sum) : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
}

// -----

nn.program @train {
  %ids = nn.input "ids" : !nn.ragged<"ids", i64>
  %g = nn.input "g" : tensor<?x4xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected pool(sum) or pool(mean) for ragged ids}}
  %x = nn.lookup_grad %ids, %g : (!nn.ragged<"ids", i64>, tensor<?x4xf32>) -> !nn.rows<4>
}

// -----

nn.program @train {
  %ids = nn.input "ids" : !nn.ragged<"ids", 2xi64>
  %g = nn.input "g" : tensor<?x4xf32>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected ragged ids of i64, got '!nn.ragged<"ids", 2xi64>'}}
  %x = nn.lookup_grad %ids, %g pool(sum) : (!nn.ragged<"ids", 2xi64>, tensor<?x4xf32>) -> !nn.rows<4>
}

// -----

nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  %g = nn.input "g" : tensor<?x4xf32>
  %a = nn.lookup_grad %ids, %g : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
  // expected-error @+1 {{operand #1 must be !nn.rows, but got 'tensor<?x4xf32>'}}
  %x = "nn.add_rows"(%a, %g) : (!nn.rows<4>, tensor<?x4xf32>) -> !nn.rows<4>
}

// -----

nn.program @train {
  %x = nn.input "x" : tensor<?xf32>
  // expected-error @+1 {{expected a name}}
  nn.report "auc" name("") (%x, %x) : tensor<?xf32>, tensor<?xf32>
}

// -----

nn.program @train {
  %x = nn.input "x" : tensor<?xf32>
  // expected-error @+1 {{expected one tensor<f32> for metric 'loss'}}
  nn.report "loss" name("loss") (%x) : tensor<?xf32>
}

// -----

nn.program @train {
  %x = nn.input "x" : tensor<?x2xf32>
  // expected-error @+1 {{expected predictions and labels, one f32 an example each, for metric 'auc'}}
  nn.report "auc" name("auc") (%x, %x) : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

nn.program @train {
  %x = nn.input "x" : tensor<?xf32>
  // expected-error @+1 {{expected metric loss or auc, got 'recall'}}
  nn.report "recall" name("recall") (%x) : tensor<?xf32>
}

// -----

nn.program @infer {
  %x = nn.input "x" : tensor<?xf32>
  // expected-error @+1 {{expected a name}}
  nn.predict ""(%x) : tensor<?xf32>
}

// -----

nn.program @infer {
  %x = nn.example_count
  // expected-error @+1 {{expected a value of each example, got 'tensor<f32>'}}
  nn.predict "p"(%x) : tensor<f32>
}

// -----

nn.program @train {
  %x = nn.input "x" : tensor<?xf32>
  // expected-error @+1 {{operand #0 must be tensor<f32>, but got 'tensor<?xf32>'}}
  "nn.minimize"(%x) {optimizer = #nn.optimizer<"sgd", {lr = 0.1 : f64}>} : (tensor<?xf32>) -> ()
}

// -----

nn.program @train {
  %x = nn.example_count
  nn.report "loss" name("loss") (%x) : tensor<f32>
  // expected-error @+1 {{'nn.report' op is the second called 'loss'}}
  nn.report "loss" name("loss") (%x) : tensor<f32>
}

// -----

nn.program @infer {
  %x = nn.input "x" : tensor<?xf32>
  nn.predict "p"(%x) : tensor<?xf32>
  // expected-error @+1 {{'nn.predict' op is the second called 'p'}}
  nn.predict "p"(%x) : tensor<?xf32>
}

// -----

nn.program @infer {
  %x = nn.input "x" : tensor<?xf32>
  // expected-error @+1 {{'x' is 'tensor<?xf32>', got 'tensor<?x2xf32>'}}
  %y = nn.input "x" : tensor<?x2xf32>
}

// -----

nn.program @predict {
  // expected-error @+1 {{'click' is a label, and labels are absent in program @predict}}
  %y = nn.input "click" label : tensor<?xf32>
}

// -----

nn.program @predict {
  %x = nn.example_count
  // expected-error @+1 {{does not belong in program @predict, which only predicts}}
  nn.report "loss" name("loss") (%x) : tensor<f32>
}

// -----

nn.parameter @w : tensor<f32> init #nn.init<"zeros", 0.0>
nn.program @predict {
  %g = nn.example_count
  // expected-error @+1 {{does not belong in program @predict, which only predicts}}
  nn.update @w, %g : tensor<f32>
}

// -----

nn.program @infer {
  %a = nn.input "a" : tensor<?x6xf32>
  %w = nn.constant dense<0.0> : tensor<6x2xf32>
  // expected-error @below {{expected precision f32 or bf16, got 'f16'}}
  %x = nn.linear %a, %w precision(f16) : (tensor<?x6xf32>, tensor<6x2xf32>) -> tensor<?x2xf32>
}

// -----

// expected-error @+1 {{'nn.table' op has an unknown rule 'luck' in its policy}}
nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>] policy [#nn.rule<"luck", {}>]

// -----

// expected-error @+1 {{'nn.table' op expected the text 'clicks' of rule 'show_click'}}
nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>] policy [#nn.rule<"show_click", {show = 0.1 : f64, click = 1.0 : f64, decay = 0.5 : f64}>]

// -----

// expected-error @+1 {{'nn.table' op expected the number 'periods' of rule 'unseen'}}
nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>] policy [#nn.rule<"unseen", {}>]

// -----

// expected-error @+1 {{'nn.table' op expected the number 'seconds' of rule 'period'}}
nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>] policy [#nn.rule<"period", {}>]

// -----

// expected-error @+1 {{'nn.table' op has an unknown option 'mode' of rule 'ssd'}}
nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>] policy [#nn.rule<"ssd", {mode = 1.0 : f64}>]

// -----

// expected-error @+1 {{'nn.table' op expected a number of 0 or more as 'bytes' of rule 'memory'}}
nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>] policy [#nn.rule<"memory", {bytes = -1.0 : f64}>]

// -----

// expected-error @+1 {{'nn.table' op has two rules 'memory' in its policy}}
nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>] policy [#nn.rule<"memory", {bytes = 1.0 : f64}>, #nn.rule<"memory", {bytes = 2.0 : f64}>]

// -----

// expected-error @+1 {{'nn.table' op goes by scores of rows and has no rule 'show_click' that makes them}}
nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>] policy [#nn.rule<"score", {least = 1.0 : f64}>]

// -----

// expected-error @+1 {{'nn.table' op counts unseen periods and has no rule 'period' that says how long they are}}
nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>] policy [#nn.rule<"unseen", {periods = 1.0 : f64}>]

// -----

// expected-error @+1 {{'nn.table' op has a tier below memory and no rule 'memory' that limits it}}
nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>] policy [#nn.rule<"ssd", {}>]

// -----

nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  %g = nn.input "g" : tensor<?x2xf32>
  %rows = nn.lookup_grad %ids, %g : (tensor<?xi64>, tensor<?x2xf32>) -> !nn.rows<2>
  %h = nn.input "h" : tensor<?x3xf32>
  %three = nn.lookup_grad %ids, %h : (tensor<?xi64>, tensor<?x3xf32>) -> !nn.rows<3>
  // expected-error @+1 {{expected no counts of shows and clicks for part "" of @t}}
  nn.update_rows @t part("") %rows counts(%rows) : !nn.rows<2>, !nn.rows<2>
}

// -----

nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>] policy [#nn.rule<"show_click", {clicks = "c", show = 0.1 : f64, click = 1.0 : f64, decay = 0.5 : f64}>]
nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  %g = nn.input "g" : tensor<?x2xf32>
  %rows = nn.lookup_grad %ids, %g : (tensor<?xi64>, tensor<?x2xf32>) -> !nn.rows<2>
  %h = nn.input "h" : tensor<?x3xf32>
  %three = nn.lookup_grad %ids, %h : (tensor<?xi64>, tensor<?x3xf32>) -> !nn.rows<3>
  // expected-error @+1 {{expected counts of shows and clicks for part "" of @t}}
  nn.update_rows @t part("") %rows : !nn.rows<2>
}

// -----

nn.table @t [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>] policy [#nn.rule<"show_click", {clicks = "c", show = 0.1 : f64, click = 1.0 : f64, decay = 0.5 : f64}>]
nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  %g = nn.input "g" : tensor<?x2xf32>
  %rows = nn.lookup_grad %ids, %g : (tensor<?xi64>, tensor<?x2xf32>) -> !nn.rows<2>
  %h = nn.input "h" : tensor<?x3xf32>
  %three = nn.lookup_grad %ids, %h : (tensor<?xi64>, tensor<?x3xf32>) -> !nn.rows<3>
  // expected-error @+1 {{expected shows and clicks of each key as counts, got '!nn.rows<3>'}}
  nn.update_rows @t part("") %rows counts(%three) : !nn.rows<2>, !nn.rows<3>
}

// -----

nn.program @train {
  %loss = nn.constant dense<0.0> : tensor<f32>
  // expected-error @+1 {{attribute 'clip_value' failed to satisfy constraint}}
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.2 : f64}> clip_value(0.0)
}

// -----

nn.program @train {
  %loss = nn.constant dense<0.0> : tensor<f32>
  // expected-error @+1 {{expected to clip by the norm or each value, not both}}
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.2 : f64}> clip(1.0) clip_value(1.0)
}
