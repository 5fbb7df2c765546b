// Attributes, types and module attributes that the nn dialect refuses.
// RUN: heter-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expected init zeros, ones, constant, uniform or normal, got 'gaussian'}}
nn.parameter @w : tensor<4xf32> init #nn.init<"gaussian", 1.0>

// -----

// expected-error @+1 {{expected a finite scale, not negative for 'uniform', got -1.000000e+00}}
nn.parameter @w : tensor<4xf32> init #nn.init<"uniform", -1.0>

// -----

// expected-error @+1 {{expected one of the optimizers sgd, momentum, nesterov, adagrad, rowwise_adagrad, adam, rowwise_adam, adamw, ftrl, got 'adan'}}
#bad = #nn.optimizer<"adan", {lr = 0.1 : f64}>

// -----

// expected-error @+1 {{optimizer 'sgd' has no option 'beta1'}}
#bad = #nn.optimizer<"sgd", {lr = 0.1 : f64, beta1 = 0.9 : f64}>

// -----

// expected-error @+1 {{expected an f64 or a rule for option 'lr', got 1.000000e-01 : f32}}
#bad = #nn.optimizer<"sgd", {lr = 0.1 : f32}>

// -----

// expected-error @+1 {{optimizer 'adam' needs option 'lr'}}
#bad = #nn.optimizer<"adam", {beta1 = 0.9 : f64}>

// -----

// expected-error @+1 {{expected a positive dim, got 0}}
#bad = #nn.part<"", 0, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>

// -----

// expected-error @+1 {{expected a role, got an empty text}}
#bad = #nn.place<"", "why">

// -----

// expected-error @+1 {{expected the name of a length, got an empty text}}
!bad = !nn.ragged<"", i64>

// -----

// expected-error @+1 {{expected elements of f32 or i64, got 'f64'}}
!bad = !nn.ragged<"seen", f64>

// -----

// expected-error @+1 {{expected positive sizes in a ragged type}}
!bad = !nn.ragged<"seen", 0xf32>

// -----

// expected-error @+1 {{expected a dim of 0 or more, got -1}}
!bad = !nn.rows<-1>

// -----

// expected-error @+1 {{expected 'nn.stage' to be one of frontend, autodiff, simplify, distribute, place, partition, outline, updates, plan, got "middle"}}
module attributes {nn.stage = "middle"} {}

// -----

// expected-error @+1 {{expected 'nn.mode' to be one of local, ps, heter-ps, got "cloud"}}
module attributes {nn.mode = "cloud"} {}

// -----

// expected-error @+1 {{expected 'nn.seed' to be an i64, got 7 : i32}}
module attributes {nn.seed = 7 : i32} {}

// -----

// expected-error @+1 {{expected 'nn.fuse' to be true or false, got 1 : i64}}
module attributes {nn.fuse = 1} {}

// -----

// expected-error @+1 {{unknown module attribute 'nn.speed'}}
module attributes {nn.speed = 1} {}

// -----

module {
  // expected-error @+1 {{'nn.seed' belongs on a module}}
  nn.program @train attributes {nn.seed = 7 : i64} {
  }
}

// -----

// expected-error @+1 {{expected 'nn.data' to be an array of data bindings, got "criteo"}}
module attributes {nn.data = "criteo"} {}

// -----

// expected-error @+1 {{expected name, format, options and bindings in each entry of 'nn.data', got {name = "criteo"}}}
module attributes {nn.data = [{name = "criteo"}]} {}

// -----

// expected-error @+1 {{expected input and expression in each binding of 'nn.data', got {input = "dense"}}}
module attributes {nn.data = [{name = "c", format = "tsv", options = {}, bindings = [{input = "dense"}]}]} {}

// -----

// expected-error @+1 {{expected a data expression (a dictionary with 'op') in 'nn.data', got {}}}
module attributes {nn.data = [{name = "c", format = "tsv", options = {}, bindings = [{input = "d", expression = {}}]}]} {}

// -----

// expected-error @+1 {{expected a text for 'location' of a data expression}}
module attributes {nn.data = [{name = "c", format = "tsv", options = {}, bindings = [
  {input = "d", expression = {op = "number", location = 1}}]}]} {}

// -----

// expected-error @+1 {{unexpected 'values' in a data expression}}
module attributes {nn.data = [{name = "c", format = "tsv", options = {}, bindings = [
  {input = "d", expression = {op = "number", values = [1.0]}}]}]} {}

// -----

// expected-error @+1 {{expected f64 'numbers' in a data expression, got 1 : i64}}
module attributes {nn.data = [{name = "c", format = "tsv", options = {}, bindings = [
  {input = "d", expression = {op = "number", numbers = [1]}}]}]} {}

// -----

// expected-error @+1 {{expected texts in 'texts' of a data expression, got 1 : i64}}
module attributes {nn.data = [{name = "c", format = "tsv", options = {}, bindings = [
  {input = "d", expression = {op = "number", texts = [1]}}]}]} {}

// -----

// expected-error @+1 {{expected a data expression (a dictionary with 'op') in 'nn.data', got 1 : i64}}
module attributes {nn.data = [{name = "c", format = "tsv", options = {}, bindings = [
  {input = "d", expression = {op = "neg", arguments = [1]}}]}]} {}

// -----

// expected-error @+1 {{there is no schedule 'cosin'}}
#bad = #nn.optimizer<"sgd", {lr = #nn.rule<"cosin", {from = 0.1 : f64}>}>

// -----

// expected-error @+1 {{expected the name of a rule, got an empty text}}
#bad = #nn.rule<"", {}>

// -----

// expected-error @+1 {{expected an f64, a text or a rule for option 'from', got 1 : i64}}
#bad = #nn.rule<"cosine", {from = 1 : i64}>

// -----

// expected-error @+1 {{expected no average of rows: only dense parameters are averaged}}
#bad = #nn.part<"", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {average = #nn.rule<"ema", {decay = 0.9 : f64}>, lr = 0.1 : f64}>>

// -----

// expected-error @+1 {{expected to admit by count, probability or score, got 'luck'}}
#bad = #nn.part<"", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}> admit #nn.rule<"luck", {}>>

// -----

// expected-error @+1 {{'nn.parameter' op has no rows, and optimizer 'rowwise_adagrad' looks at whole rows}}
nn.parameter @w : tensor<4xf32> init #nn.init<"zeros", 0.0> optimizer #nn.optimizer<"rowwise_adagrad", {lr = 0.1 : f64}>
