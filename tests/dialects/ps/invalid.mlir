// One wrong op for each thing that the ps dialect's verifiers refuse.
// RUN: heter-opt %s --split-input-file --verify-diagnostics

// Rows of tables.

nn.program @train {
  %ids = nn.input "slots" : tensor<?x26xi64>
  // expected-error @+1 {{'ps.pull_rows' op names no table: @emb}}
  %v = ps.pull_rows @emb part("") (%ids) : tensor<?x26xi64> -> tensor<?x26x9xf32>
}

// -----

nn.table @emb [#nn.part<"", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.program @train {
  %ids = nn.input "slots" : tensor<?x26xi64>
  // expected-error @+1 {{'ps.pull_rows' op expected a part of @emb, got "vector"}}
  %v = ps.pull_rows @emb part("vector") (%ids) : tensor<?x26xi64> -> tensor<?x26x9xf32>
}

// -----

nn.table @emb [#nn.part<"", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.program @train {
  %ids = nn.input "slots" : tensor<?x26xi64>
  // expected-error @+1 {{'ps.pull_rows' op expected the result 'tensor<?x26x9xf32>', got 'tensor<?x26x8xf32>'}}
  %v = ps.pull_rows @emb part("") (%ids) : tensor<?x26xi64> -> tensor<?x26x8xf32>
}

// -----

nn.table @emb [#nn.part<"", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.program @train {
  %ids = nn.input "seen" : !nn.ragged<"seen", i64>
  // expected-error @+1 {{'ps.pull_rows' op expected ragged ids to be pooled}}
  %v = ps.pull_rows @emb part("") (%ids) : !nn.ragged<"seen", i64> -> tensor<?x9xf32>
}

// -----

nn.table @emb [#nn.part<"", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.program @train {
  %ids = nn.input "item" : tensor<?xi64>
  // expected-error @+1 {{'ps.pull_rows' op expected ids of rank 2 or more, got 'tensor<?xi64>'}}
  %v = ps.pull_rows @emb part("") (%ids) pool(sum) : tensor<?xi64> -> tensor<?x9xf32>
}

// -----

nn.program @train {
  %x = nn.input "dense" : tensor<?x26xf32>
  // expected-error @+1 {{'ps.pull_rows' op operand #0 must be}}
  %v = ps.pull_rows @emb part("") (%x) : tensor<?x26xf32> -> tensor<?x9xf32>
}

// -----

nn.program @train {
  %ids = nn.input "slots" : tensor<?x26xi64>
  %g = nn.input "dense" : tensor<?x26x9xf32>
  %rows = nn.lookup_grad %ids, %g : (tensor<?x26xi64>, tensor<?x26x9xf32>) -> !nn.rows<9>
  // expected-error @+1 {{'ps.push_rows' op names no table: @emb}}
  ps.push_rows @emb part("") %rows : !nn.rows<9>
}

// -----

nn.table @emb [#nn.part<"", 8, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.program @train {
  %ids = nn.input "slots" : tensor<?x26xi64>
  %g = nn.input "dense" : tensor<?x26x9xf32>
  %rows = nn.lookup_grad %ids, %g : (tensor<?x26xi64>, tensor<?x26x9xf32>) -> !nn.rows<9>
  // expected-error @+1 {{'ps.push_rows' op expected rows of 8 floats, got 9}}
  ps.push_rows @emb part("") %rows : !nn.rows<9>
}

// -----

// Dense parameters.

nn.program @train {
  // expected-error @+1 {{'ps.pull_dense' op names no parameter: @w}}
  %w = ps.pull_dense @w : tensor<4x1xf32>
}

// -----

nn.parameter @w : tensor<4x2xf32> init #nn.init<"zeros", 0.0>
nn.program @train {
  // expected-error @+1 {{'ps.pull_dense' op expected the parameter's type 'tensor<4x2xf32>', got 'tensor<4x1xf32>'}}
  %w = ps.pull_dense @w : tensor<4x1xf32>
}

// -----

nn.program @train {
  // expected-error @+1 {{'ps.pull_dense' op result #0 must be statically shaped tensor}}
  %w = ps.pull_dense @w : tensor<?x1xf32>
}

// -----

nn.program @train {
  %g = nn.constant dense<0.0> : tensor<4x1xf32>
  // expected-error @+1 {{'ps.push_dense' op names no parameter: @w}}
  ps.push_dense @w, %g : tensor<4x1xf32>
}

// -----

// Optimizers.

// expected-error @+1 {{'ps.optimizer' op expected 1 values of slots to start at, got 0}}
ps.optimizer @bad rule("bad") slots(["m"] = []) scalars([] = []) {
^bb0(%value: tensor<?xf32>, %m: tensor<?xf32>, %gradient: tensor<?xf32>):
  ps.yield %value, %m : tensor<?xf32>, tensor<?xf32>
}

// -----

// expected-error @+1 {{'ps.optimizer' op expected 0 values of scalars to start at, got 1}}
ps.optimizer @bad rule("bad") slots([] = []) scalars([] = [1.0]) {
^bb0(%value: tensor<?xf32>, %gradient: tensor<?xf32>):
  ps.yield %value : tensor<?xf32>
}

// -----

// expected-error @+1 {{'ps.optimizer' op expected the body's arguments ('tensor<?xf32>', 'tensor<f32>', 'tensor<?xf32>'), got ('tensor<?xf32>', 'tensor<?xf32>')}}
ps.optimizer @bad rule("bad") slots([] = []) scalars(["p"] = [1.0]) {
^bb0(%value: tensor<?xf32>, %gradient: tensor<?xf32>):
  %p = nn.constant dense<0.0> : tensor<f32>
  ps.yield %value, %p : tensor<?xf32>, tensor<f32>
}

// -----

nn.parameter @w : tensor<4xf32> init #nn.init<"zeros", 0.0>
ps.optimizer @bad rule("bad") slots([] = []) scalars([] = []) {
^bb0(%value: tensor<?xf32>, %gradient: tensor<?xf32>):
  %w = nn.constant dense<0.0> : tensor<4xf32>
  // expected-error @+1 {{'ps.push_dense' op is not pure and cannot stand in an optimizer}}
  ps.push_dense @w, %w : tensor<4xf32>
  ps.yield %value : tensor<?xf32>
}

// -----

ps.optimizer @bad rule("bad") slots(["m"] = [0.0]) scalars([] = []) {
^bb0(%value: tensor<?xf32>, %m: tensor<?xf32>, %gradient: tensor<?xf32>):
  // expected-error @+1 {{'ps.yield' op expected the new value, slots and scalars ('tensor<?xf32>', 'tensor<?xf32>'), got ('tensor<?xf32>')}}
  ps.yield %value : tensor<?xf32>
}

// -----

nn.program @train {
  // expected-error @+1 {{'ps.yield' op expects parent op to be one of 'ps.optimizer, ps.schedule'}}
  ps.yield
}

// -----

// Programs.

// expected-error @+1 {{attribute 'role' failed to satisfy constraint: string attribute that is a trainer's role key: local, cpu-trainer or heter-trainer.CLASS}}
ps.program @server.train role("server") graph("train") {
}

// -----

// expected-error @+1 {{attribute 'role' failed to satisfy constraint}}
ps.program @"heter-trainer.train" role("heter-trainer.") graph("train") {
}

// -----

// expected-error @+1 {{attribute 'graph' failed to satisfy constraint: string attribute that is train, infer or predict}}
ps.program @local.test role("local") graph("test") {
}

// -----

// expected-error @+1 {{'ps.program' op expected the name "local.train", got "train"}}
ps.program @train role("local") graph("train") {
}

// -----

ps.program @local.train role("local") graph("train") {
  // expected-error @+1 {{'nn.input' op is placed on cpu-trainer but stands in the program of local}}
  %x = nn.input "dense" {place = #nn.place<"cpu-trainer", "why">} : tensor<?x13xf32>
}

// -----

// Channels.

// expected-error @+1 {{'ps.channel' op expected to connect the cpu-trainer with a heter-trainer, got heter-trainer.gpu with heter-trainer.xpu}}
ps.channel @c0 graph("train") from("heter-trainer.gpu") to("heter-trainer.xpu") depth(1) types [tensor<?xf32>]

// -----

// expected-error @+1 {{'ps.channel' op expected to connect the cpu-trainer with a heter-trainer, got cpu-trainer with cpu-trainer}}
ps.channel @c0 graph("train") from("cpu-trainer") to("cpu-trainer") depth(1) types [tensor<?xf32>]

// -----

// expected-error @+1 {{attribute 'depth' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.xpu") depth(0) types [tensor<?xf32>]

// -----

// expected-error @+1 {{attribute 'types' failed to satisfy constraint: type array attribute with at least 1 elements}}
ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.xpu") depth(1) types []

// -----

// expected-error @+1 {{of tensors and ragged values only, as row gradients stay where they are made}}
ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.xpu") depth(1) types [!nn.rows<9>]

// -----

ps.program @"cpu-trainer.train" role("cpu-trainer") graph("train") {
  %x = nn.input "dense" : tensor<?x13xf32>
  // expected-error @+1 {{'ps.send' op names no channel: @c0}}
  ps.send @c0 (%x) : tensor<?x13xf32>
}

// -----

ps.channel @c0 graph("infer") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x13xf32>]
ps.program @"cpu-trainer.train" role("cpu-trainer") graph("train") {
  %x = nn.input "dense" : tensor<?x13xf32>
  // expected-error @+1 {{'ps.send' op expected a channel of graph train, got one of infer}}
  ps.send @c0 (%x) : tensor<?x13xf32>
}

// -----

ps.channel @c0 graph("train") from("heter-trainer.gpu") to("cpu-trainer") depth(1) types [tensor<?x13xf32>]
ps.program @"cpu-trainer.train" role("cpu-trainer") graph("train") {
  %x = nn.input "dense" : tensor<?x13xf32>
  // expected-error @+1 {{'ps.send' op expected to stand in a program of heter-trainer.gpu, got cpu-trainer}}
  ps.send @c0 (%x) : tensor<?x13xf32>
}

// -----

ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x13xf32>]
ps.program @"cpu-trainer.train" role("cpu-trainer") graph("train") {
  %x = nn.input "dense" : tensor<?x14xf32>
  // expected-error @+1 {{'ps.send' op expected the channel's types ('tensor<?x13xf32>'), got ('tensor<?x14xf32>')}}
  ps.send @c0 (%x) : tensor<?x14xf32>
}

// -----

ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x13xf32>]
ps.program @"cpu-trainer.train" role("cpu-trainer") graph("train") {
  // expected-error @+1 {{'ps.recv' op expected to stand in a program of heter-trainer.gpu, got cpu-trainer}}
  %x = ps.recv @c0 : tensor<?x13xf32>
}

// -----

ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x13xf32>]
ps.program @"heter-trainer.gpu.train" role("heter-trainer.gpu") graph("train") {
  // expected-error @+1 {{'ps.recv' op expected the channel's types ('tensor<?x13xf32>'), got ('tensor<?x13xf32>', 'tensor<?x13xf32>')}}
  %x:2 = ps.recv @c0 : tensor<?x13xf32>, tensor<?x13xf32>
}

// -----

nn.program @train {
  // expected-error @+1 {{'ps.recv' op expects parent op 'ps.program'}}
  %x = ps.recv @c0 : tensor<?x13xf32>
}

// -----

nn.program @train {
  %x = nn.input "dense" : tensor<?x13xf32>
  // expected-error @+1 {{'ps.send' op expects parent op 'ps.program'}}
  ps.send @c0 (%x) : tensor<?x13xf32>
}

// -----

// expected-error @+1 {{'ps.optimizer' op has no slot "average" to stand for the value}}
ps.optimizer @bad rule("bad") slots([] = []) scalars([] = []) averaged("average") {
^bb0(%value: tensor<?xf32>, %gradient: tensor<?xf32>):
  %new = nn.sub %value, %gradient : tensor<?xf32>
  ps.yield %new : tensor<?xf32>
}

// -----

// expected-error @+1 {{'ps.optimizer' op names no schedule: @none}}
ps.optimizer @bad rule("bad") slots([] = []) scalars([] = []) rate(@none) {
^bb0(%value: tensor<?xf32>, %gradient: tensor<?xf32>, %rate: tensor<f32>):
  %new = nn.sub %value, %gradient : tensor<?xf32>
  ps.yield %new : tensor<?xf32>
}

// -----

// expected-error @+1 {{'ps.schedule' op expected the body's arguments ('tensor<i64>'), got ('tensor<f32>')}}
ps.schedule @bad rule("bad") {
^bb0(%step: tensor<f32>):
  %rate = nn.neg %step : tensor<f32>
  ps.yield %rate : tensor<f32>
}

// -----

ps.schedule @bad rule("bad") {
^bb0(%step: tensor<i64>):
  // expected-error @+1 {{'ps.yield' op expected the rate ('tensor<f32>'), got ()}}
  ps.yield
}

// -----

nn.table @emb [#nn.part<"", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.program @train {
  %ids = nn.input "slots" : tensor<?x26xi64>
  %g = nn.input "dense" : tensor<?x26x9xf32>
  %rows = nn.lookup_grad %ids, %g : (tensor<?x26xi64>, tensor<?x26x9xf32>) -> !nn.rows<9>
  // expected-error @+1 {{expected no counts of shows and clicks for part "" of @emb}}
  ps.push_rows @emb part("") %rows counts(%rows) : !nn.rows<9>, !nn.rows<9>
}
