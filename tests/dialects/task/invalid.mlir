// Every way in which the verifiers refuse an operation.
// RUN: heter-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{expects graph "train", "infer" or "predict", got "test"}}
task.program @p role("local") graph("test") class("cpu") {
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{is no node of a task graph}}
  %0 = nn.constant dense<1.0> : tensor<f32>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?xf32>
  %1 = task.input "b" named "b" : tensor<?xf32>
  // expected-error@+1 {{in rising order, got 0 after 1}}
  task.predict "p"(%0) named "p" after [1, 0] : tensor<?xf32>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?xf32>
  // expected-error@+1 {{is node 1 and cannot start after node 1}}
  task.predict "p"(%0) named "p" after [1] : tensor<?xf32>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{expects a memory slot for each of 1 results, got 2}}
  %0 = task.input "a" named "a" at [#task.slot<-1, 0, 0>, #task.slot<-1, 0, 0>] : tensor<?xf32>
}

// -----

task.program @p role("local") graph("train") class("cpu") segments [#task.segment<"", host, 64>] {
  // expected-error@+1 {{has a slot in segment 1, which the graph does not have}}
  %0 = task.library "example_count"() named "n" at [#task.slot<1, 0, 4>] : () -> tensor<f32>
}

// -----

task.program @p role("local") graph("train") class("cpu") segments [#task.segment<"", host, 64>] {
  // expected-error@+1 {{has a slot that ends at byte 68 of a segment of 64}}
  %0 = task.library "example_count"() named "n" at [#task.slot<0, 64, 4>] : () -> tensor<f32>
}

// -----

task.program @p role("local") graph("train") class("cpu") segments [#task.segment<"", device, 64>] {
  // expected-error@+1 {{has a slot in device memory for a value of host memory}}
  %0 = task.library "example_count"() named "n" at [#task.slot<0, 0, 4>] : () -> tensor<f32>
}

// -----

// expected-error@+1 {{expects a segment of 0 bytes or more, got -1}}
task.program @p role("local") graph("train") class("cpu") segments [#task.segment<"", host, -1>] {
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{expects segment -1 or more, got -2}}
  %0 = task.input "a" named "a" at [#task.slot<-2, 0, 0>] : tensor<?xf32>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{expects an offset and a size of 0 bytes or more, got -4 and 4}}
  %0 = task.input "a" named "a" at [#task.slot<0, -4, 4>] : tensor<?xf32>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{expects no offset and no size without a segment}}
  %0 = task.input "a" named "a" at [#task.slot<-1, 0, 4>] : tensor<?xf32>
}

// -----

func.func @k(%v: tensor<?xf32>, %g: tensor<?xf32>) -> tensor<?xf32> {
  return %v : tensor<?xf32>
}
// expected-error@+1 {{expects a first value for each slot and scalar}}
task.optimizer @o "sgd" callee(@k) slots ["sum"] begin [] scalars [] begin []

// -----

func.func @k(%v: tensor<?xf32>, %g: tensor<?xf32>) -> tensor<?xf32> {
  return %v : tensor<?xf32>
}
// expected-error@+1 {{expects a kernel of 3 inputs and 2 outputs, got '(tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>'}}
task.optimizer @o "sgd" callee(@k) slots ["sum"] begin [0.0] scalars [] begin []

// -----

// expected-error@+1 {{refers to kernel @k, which does not exist}}
task.optimizer @o "sgd" callee(@k) slots [] begin [] scalars [] begin []

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?xi64>
  %1:2 = task.library "unique_keys"(%0) named "unique_keys" : (tensor<?xi64>) -> (!nn.rows<0>, tensor<?xi64>)
  // expected-error@+1 {{refers to table @emb, which does not exist}}
  %2 = task.pull_rows @emb part("") (%1#0) named "pull" : (!nn.rows<0>) -> !nn.rows<9>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.recv @c named "a" : !nn.rows<9>
  // expected-error@+1 {{expects keys, rows of dim 0, got '!nn.rows<9>'}}
  %1 = task.pull_rows @emb part("") (%0) named "pull" : (!nn.rows<9>) -> !nn.rows<9>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.recv @c named "a" : !nn.rows<0>
  // expected-error@+1 {{expects to give rows of dim 1 or more}}
  %1 = task.pull_rows @emb part("") (%0) named "pull" : (!nn.rows<0>) -> !nn.rows<0>
}

// -----

nn.table @emb [#nn.part<"", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?xi64>
  %1 = task.input "g" named "g" : tensor<?x9xf32>
  %3:2 = task.library "unique_keys"(%0) named "unique_keys" : (tensor<?xi64>) -> (!nn.rows<0>, tensor<?xi64>)
  %2 = task.library "lookup_grad"(%3#0, %3#1, %1) options {begins = array<i64: 0>, dim = 9 : i64, pools = "none"} named "grad" : (!nn.rows<0>, tensor<?xi64>, tensor<?x9xf32>) -> !nn.rows<9>
  // expected-error@+1 {{refers to part "vector", which table @emb does not have}}
  task.push_rows @emb part("vector") (%2) named "push" : !nn.rows<9>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{refers to parameter @w, which does not exist}}
  %0 = task.pull_dense @w named "pull" : tensor<4xf32>
}

// -----

nn.parameter @w : tensor<4xf32> init #nn.init<"zeros", 0.0>
task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?xf32>
  // expected-error@+1 {{moves 'tensor<?xf32>', but parameter @w is 'tensor<4xf32>'}}
  task.push_dense @w(%0) named "push" : tensor<?xf32>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{refers to channel @c0, which does not exist}}
  %0 = task.recv @c0 named "recv" : tensor<4xf32>
}

// -----

ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?xf32>]
task.program @p role("cpu-trainer") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?x4xf32>
  // expected-error@+1 {{moves 'tensor<?x4xf32>', but channel @c0 carries [tensor<?xf32>]}}
  task.send @c0(%0) named "send" : tensor<?x4xf32>
}

// -----

func.func @k(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %0 = nn.add %x, %y : tensor<?xf32>
  return %0 : tensor<?xf32>
}
task.program @p role("heter-trainer.gpu") graph("train") class("gpu") {
  %0 = task.input "a" named "a" : tensor<?xf32>
  %1 = task.copy %0 named "copy" : tensor<?xf32> to tensor<?xf32, #task.device>
  // expected-error@+1 {{mixes values of host and device memory; only task.copy may}}
  %2 = task.kernel @k(%0, %1) named "add" : (tensor<?xf32>, tensor<?xf32, #task.device>) -> tensor<?xf32, #task.device>
}

// -----

func.func @k(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = nn.relu %x : tensor<?xf32>
  return %0 : tensor<?xf32>
}
task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?x4xf32>
  // expected-error@+1 {{calls kernel @k of type '(tensor<?xf32>) -> tensor<?xf32>' with other types}}
  %1 = task.kernel @k(%0) named "relu" : (tensor<?x4xf32>) -> tensor<?x4xf32>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{refers to kernel @k, which does not exist}}
  %1 = task.kernel @k() named "relu" : () -> tensor<?x4xf32>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{calls "sort", which is no library kernel}}
  %1 = task.library "sort"() named "sort" : () -> tensor<f32>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{gives 0 inputs to "add_rows", which takes 2 or more}}
  %1 = task.library "add_rows"() named "add" : () -> !nn.rows<4>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{expects one result, got 2}}
  %1:2 = task.library "example_count"() named "count" : () -> (tensor<f32>, tensor<f32>)
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{has option "axis", which is no i64, f64, text, i64 array or bool}}
  %1 = task.library "example_count"() options {axis = [1]} named "count" : () -> tensor<f32>
}

// -----

task.program @p role("heter-trainer.gpu") graph("train") class("gpu") {
  %0 = task.library "example_count"() named "count" : () -> tensor<f32>
  // expected-error@+1 {{mixes values of host and device memory}}
  %1 = task.library "reshape"(%0) named "reshape" : (tensor<f32>) -> tensor<f32, #task.device>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.library "example_count"() named "count" : () -> tensor<f32>
  // expected-error@+1 {{expects the same tensor type in the other memory, got 'tensor<f32>' and 'tensor<f32>'}}
  %1 = task.copy %0 named "copy" : tensor<f32> to tensor<f32>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.library "example_count"() named "count" : () -> tensor<f32>
  // expected-error@+1 {{expects the same tensor type in the other memory}}
  %1 = task.copy %0 named "copy" : tensor<f32> to tensor<1xf32, #task.device>
}

// -----

func.func @condition() -> tensor<i1> {
  %c = nn.constant dense<true> : tensor<i1>
  return %c : tensor<i1>
}
task.program @p role("local") graph("train") class("cpu") {
  %c = task.kernel @condition() named "c" : () -> tensor<i1>
  %x = task.input "x" named "x" : tensor<?xf32>
  // expected-error@+1 {{expects the arguments of its then graph to be the node's values 'tensor<?xf32>'}}
  %r = task.if %c(%x) named "if" : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?x4xf32>):
    task.yield %a : tensor<?x4xf32>
  } else {
  ^bb0(%a: tensor<?xf32>):
    task.yield %a : tensor<?xf32>
  }
}

// -----

func.func @condition() -> tensor<i1> {
  %c = nn.constant dense<true> : tensor<i1>
  return %c : tensor<i1>
}
task.program @p role("local") graph("train") class("cpu") {
  %c = task.kernel @condition() named "c" : () -> tensor<i1>
  %x = task.input "x" named "x" : tensor<?xf32>
  // expected-error@+1 {{expects the arguments of its else graph to be the node's values 'tensor<?xf32>'}}
  %r = task.if %c(%x) named "if" : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?xf32>):
    task.yield %a : tensor<?xf32>
  } else {
  ^bb0(%a: tensor<?x4xf32>):
    task.yield %a : tensor<?x4xf32>
  }
}

// -----

func.func @condition() -> tensor<i1> {
  %c = nn.constant dense<true> : tensor<i1>
  return %c : tensor<i1>
}
task.program @p role("local") graph("train") class("cpu") {
  %c = task.kernel @condition() named "c" : () -> tensor<i1>
  %x = task.input "x" named "x" : tensor<?xf32>
  // expected-error@+1 {{expects its then graph to yield 'tensor<?xf32>'}}
  %r = task.if %c(%x) named "if" : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?xf32>):
    task.yield
  } else {
  ^bb0(%a: tensor<?xf32>):
    task.yield %a : tensor<?xf32>
  }
}

// -----

func.func @condition() -> tensor<i1> {
  %c = nn.constant dense<true> : tensor<i1>
  return %c : tensor<i1>
}
task.program @p role("local") graph("train") class("cpu") {
  %c = task.kernel @condition() named "c" : () -> tensor<i1>
  %x = task.input "x" named "x" : tensor<?xf32>
  // expected-error@+1 {{expects its else graph to yield 'tensor<?xf32>'}}
  %r = task.if %c(%x) named "if" : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?xf32>):
    task.yield %a : tensor<?xf32>
  } else {
  ^bb0(%a: tensor<?xf32>):
    task.yield
  }
}

// -----

func.func @condition() -> tensor<i1> {
  %c = nn.constant dense<true> : tensor<i1>
  return %c : tensor<i1>
}
task.program @p role("local") graph("train") class("cpu") {
  %c = task.kernel @condition() named "c" : () -> tensor<i1>
  %r = task.if %c() named "if" : () -> tensor<i1> {
    // expected-error@+1 {{is no node of a task graph}}
    %a = nn.constant dense<true> : tensor<i1>
    task.yield %a : tensor<i1>
  } else {
    %a = task.kernel @condition() named "c" : () -> tensor<i1>
    task.yield %a : tensor<i1>
  }
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?xf32>
  // expected-error@+1 {{expects results of the carried types 'tensor<?xf32>', got 'tensor<?x4xf32>'}}
  %r = task.while(%x) captured() limit(8) named "while" : (tensor<?xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: tensor<?xf32>):
    task.yield
  } do {
  ^bb0(%a: tensor<?xf32>):
    task.yield %a : tensor<?xf32>
  }
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?xf32>
  // expected-error@+1 {{expects a limit of 0 or more, got -1}}
  %r = task.while(%x) captured() limit(-1) named "while" : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?xf32>):
    task.yield
  } do {
  ^bb0(%a: tensor<?xf32>):
    task.yield %a : tensor<?xf32>
  }
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?xf32>
  // expected-error@+1 {{expects its condition graph to yield 'tensor<i1>'}}
  %r = task.while(%x) captured() limit(8) named "while" : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?xf32>):
    task.yield
  } do {
  ^bb0(%a: tensor<?xf32>):
    task.yield %a : tensor<?xf32>
  }
}

// -----

func.func @condition() -> tensor<i1> {
  %c = nn.constant dense<true> : tensor<i1>
  return %c : tensor<i1>
}
task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?xf32>
  // expected-error@+1 {{expects its body graph to yield 'tensor<?xf32>'}}
  %r = task.while(%x) captured() limit(8) named "while" : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?xf32>):
    %c = task.kernel @condition() named "c" : () -> tensor<i1>
    task.yield %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<?xf32>):
    task.yield
  }
}

// -----

func.func @condition() -> tensor<i1> {
  %c = nn.constant dense<true> : tensor<i1>
  return %c : tensor<i1>
}
task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?xf32>
  // expected-error@+1 {{expects the arguments of its condition graph to be the node's values}}
  %r = task.while(%x) captured() limit(8) named "while" : (tensor<?xf32>) -> tensor<?xf32> {
    %c = task.kernel @condition() named "c" : () -> tensor<i1>
    task.yield %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<?xf32>):
    task.yield %a : tensor<?xf32>
  }
}

// -----

func.func @condition() -> tensor<i1> {
  %c = nn.constant dense<true> : tensor<i1>
  return %c : tensor<i1>
}
task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?xf32>
  // expected-error@+1 {{expects the arguments of its body graph to be the node's values}}
  %r = task.while(%x) captured() limit(8) named "while" : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?xf32>):
    %c = task.kernel @condition() named "c" : () -> tensor<i1>
    task.yield %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<?xf32>, %b: tensor<?xf32>):
    task.yield %a : tensor<?xf32>
  }
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?x4xf32>
  // expected-error@+1 {{expects one result or a few, got 5}}
  %1:5 = task.library "pack"(%x) named "pack" : (tensor<?x4xf32>) -> (tensor<?x4xbf16, #task.packed<left, host>>, tensor<?x4xbf16, #task.packed<left, host>>, tensor<?x4xbf16, #task.packed<left, host>>, tensor<?x4xbf16, #task.packed<left, host>>, tensor<?x4xbf16, #task.packed<left, host>>)
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?x4xf32>
  // expected-error@+1 {{'task.library' op result #0 must be variadic of value in host or device memory}}
  %1 = task.library "pack"(%x) named "pack" : (tensor<?x4xf32>) -> tensor<?x4xbf16>
}

// -----

nn.parameter @w : tensor<4x3xf32> init #nn.init<"zeros", 0.0>
task.program @p role("local") graph("train") class("cpu") {
  // expected-error@+1 {{moves 'tensor<4x2xf32>', but parameter @w is 'tensor<4x3xf32>'}}
  %1 = task.pull_dense @w named "pull w" : tensor<4x2xbf16, #task.packed<right, host>>
}

// -----

nn.table @emb [#nn.part<"", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?xi64>
  %1 = task.input "g" named "g" : tensor<?x9xf32>
  %2:2 = task.library "unique_keys"(%0) named "unique_keys" : (tensor<?xi64>) -> (!nn.rows<0>, tensor<?xi64>)
  %3 = task.library "lookup_grad"(%2#0, %2#1, %1) options {begins = array<i64: 0>, dim = 9 : i64, pools = "none"} named "lookup_grad" : (!nn.rows<0>, tensor<?xi64>, tensor<?x9xf32>) -> !nn.rows<9>
  // expected-error@+1 {{expected no counts of shows and clicks for part "" of @emb}}
  task.push_rows @emb part("") (%3, %3) named "push" : !nn.rows<9>, !nn.rows<9>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?xi64>
  // expected-error@+1 {{expects keys and places for each of 2 lists of ids, got 3 results}}
  %1:3 = task.library "unique_keys"(%0, %0) named "unique_keys" : (tensor<?xi64>, tensor<?xi64>) -> (!nn.rows<0>, tensor<?xi64>, tensor<?xi64>)
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?xi64>
  // expected-error@+1 {{expects keys, rows of dim 0, as result 1, got '!nn.rows<4>'}}
  %1:4 = task.library "unique_keys"(%0, %0) named "unique_keys" : (tensor<?xi64>, tensor<?xi64>) -> (!nn.rows<0>, !nn.rows<4>, tensor<?xi64>, tensor<?xi64>)
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?xi64>
  %1 = task.input "b" named "b" : !nn.ragged<"b", i64>
  // expected-error@+1 {{expects the places of list 1 to be '!nn.ragged<"b", i64>', got 'tensor<?xi64>'}}
  %2:4 = task.library "unique_keys"(%0, %1) named "unique_keys" : (tensor<?xi64>, !nn.ragged<"b", i64>) -> (!nn.rows<0>, !nn.rows<0>, tensor<?xi64>, tensor<?xi64>)
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?xi64>
  %1 = task.input "g" named "g" : tensor<?x9xf32>
  %2:2 = task.library "unique_keys"(%0) named "unique_keys" : (tensor<?xi64>) -> (!nn.rows<0>, tensor<?xi64>)
  // expected-error@+1 {{expects keys and pairs of places and a gradient, got 4 inputs}}
  %3 = task.library "lookup_grad"(%2#0, %2#1, %1, %2#1) options {begins = array<i64: 0>, dim = 9 : i64, pools = "none"} named "lookup_grad" : (!nn.rows<0>, tensor<?xi64>, tensor<?x9xf32>, tensor<?xi64>) -> !nn.rows<9>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?xi64>
  %1 = task.input "g" named "g" : tensor<?x9xf32>
  %2:2 = task.library "unique_keys"(%0) named "unique_keys" : (tensor<?xi64>) -> (!nn.rows<0>, tensor<?xi64>)
  // expected-error@+1 {{expects one of "pools" and one of "begins" for each of 2 gradients}}
  %3 = task.library "lookup_grad"(%2#0, %2#1, %1, %2#1, %1) options {begins = array<i64: 0, 0>, dim = 9 : i64, pools = "none"} named "lookup_grad" : (!nn.rows<0>, tensor<?xi64>, tensor<?x9xf32>, tensor<?xi64>, tensor<?x9xf32>) -> !nn.rows<9>
}

// -----

task.program @p role("local") graph("train") class("cpu") {
  %0 = task.input "a" named "a" : tensor<?xi64>
  %1 = task.input "g" named "g" : tensor<?x9xf32>
  %2:2 = task.library "unique_keys"(%0) named "unique_keys" : (tensor<?xi64>) -> (!nn.rows<0>, tensor<?xi64>)
  // expected-error@+1 {{expects one of "pools" and one of "begins" for each of 1 gradients}}
  %3 = task.library "lookup_grad"(%2#0, %2#1, %1) options {dim = 9 : i64, pools = "none"} named "lookup_grad" : (!nn.rows<0>, tensor<?xi64>, tensor<?x9xf32>) -> !nn.rows<9>
}

// -----

nn.parameter @w : tensor<4x2xf32> init #nn.init<"zeros", 0.0>
task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?x4xf32>
  %y = task.input "y" named "y" : tensor<?x2xf32>
  %w = task.pull_dense @w named "pull w" : tensor<4x2xf32>
  %g = task.library "matmul"(%x, %y) options {transpose_a = true} named "g" : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<4x2xf32>
  // expected-error@+1 {{expects an update after all nodes that read @w, array<i32: 2>, got array<i32>}}
  task.push_dense @w(%g) update_after [] named "push w" : tensor<4x2xf32>
}

// -----

nn.parameter @w : tensor<4x2xf32> init #nn.init<"zeros", 0.0>
task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?x4xf32>
  %y = task.input "y" named "y" : tensor<?x2xf32>
  %w = task.pull_dense @w named "pull w" : tensor<4x2xf32>
  %g = task.library "matmul"(%x, %y) options {transpose_a = true} named "g" : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<4x2xf32>
  // expected-error@+1 {{expects an update after all nodes that read @w, array<i32: 2>, got array<i32: 1, 2>}}
  task.push_dense @w(%g) update_after [1, 2] named "push w" : tensor<4x2xf32>
}

// -----

nn.parameter @w : tensor<4x2xf32> init #nn.init<"zeros", 0.0>
task.program @p role("cpu-trainer") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?x4xf32>
  %y = task.input "y" named "y" : tensor<?x2xf32>
  %w = task.pull_dense @w named "pull w" : tensor<4x2xf32>
  %g = task.library "matmul"(%x, %y) options {transpose_a = true} named "g" : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<4x2xf32>
  // expected-error@+1 {{cannot update @w early: the parameter lives on servers}}
  task.push_dense @w(%g) update_after [2] named "push w" : tensor<4x2xf32>
}

// -----

nn.parameter @w : tensor<4x2xf32> init #nn.init<"zeros", 0.0>
task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?x4xf32>
  %y = task.input "y" named "y" : tensor<?x2xf32>
  %w = task.pull_dense @w named "pull w" : tensor<4x2xf32>
  %g = task.library "matmul"(%x, %y) options {transpose_a = true} named "g" : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<4x2xf32>
  // expected-error@+1 {{cannot update @w early: it is pushed more than once}}
  task.push_dense @w(%g) update_after [2] named "push w" : tensor<4x2xf32>
  task.push_dense @w(%g) named "push again" : tensor<4x2xf32>
}

// -----

nn.parameter @w : tensor<4x2xf32> init #nn.init<"zeros", 0.0>
task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?x4xf32>
  %y = task.input "y" named "y" : tensor<?x2xf32>
  %w = task.pull_dense @w named "pull w" : tensor<4x2xf32>
  %g = task.library "matmul"(%x, %y) options {transpose_a = true} named "g" : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<4x2xf32>
  // expected-error@+1 {{cannot update @w early: no product makes the gradient}}
  task.push_dense @w(%w) update_after [2] named "push w" : tensor<4x2xf32>
}

// -----

nn.parameter @w : tensor<4x2xf32> init #nn.init<"zeros", 0.0>
task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?x4xf32>
  %y = task.input "y" named "y" : tensor<?x2xf32>
  %w = task.pull_dense @w named "pull w" : tensor<4x2xf32>
  %g = task.library "matmul"(%x, %y) options {transpose_a = true} named "g" : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<4x2xf32>
  %c = task.library "cast"(%g) named "cast" : (tensor<4x2xf32>) -> tensor<4x2xf32>
  // expected-error@+1 {{cannot update @w early: the gradient has another reader, `cast`}}
  task.push_dense @w(%g) update_after [2] named "push w" : tensor<4x2xf32>
}

// -----

nn.parameter @w : tensor<4x2xf32> init #nn.init<"zeros", 0.0>
task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?x4xf32>
  %y = task.input "y" named "y" : tensor<?x2xf32>
  %w = task.pull_dense @w named "pull w" : tensor<4x2xf32>
  %g = task.library "matmul"(%x, %y) options {transpose_a = true} named "g" : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<4x2xf32>
  %c = task.library "cast"(%w) named "cast" : (tensor<4x2xf32>) -> tensor<4x2xf32>
  // expected-error@+1 {{cannot update @w early: `cast` reads the values after the product that makes the gradient}}
  task.push_dense @w(%g) update_after [2] named "push w" : tensor<4x2xf32>
}

// -----

nn.parameter @v : tensor<4x2xf32> init #nn.init<"zeros", 0.0>
nn.parameter @w : tensor<4x2xf32> init #nn.init<"zeros", 0.0>
task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?x4xf32>
  %y = task.input "y" named "y" : tensor<?x2xf32>
  %w = task.pull_dense @w named "pull w" : tensor<4x2xf32>
  task.push_dense @v(%w) named "push v" : tensor<4x2xf32>
  %g = task.library "matmul"(%x, %y) options {transpose_a = true} named "g" : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<4x2xf32>
  // expected-error@+1 {{cannot update @w early: `push v` keeps the values}}
  task.push_dense @w(%g) update_after [2] named "push w" : tensor<4x2xf32>
}

// -----

nn.parameter @w : tensor<4x2xf32> init #nn.init<"zeros", 0.0>
task.program @p role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?x4xf32>
  %y = task.input "y" named "y" : tensor<?x2xf32>
  %c = task.library "cast"(%x) named "yes" : (tensor<?x4xf32>) -> tensor<i1>
  task.if %c(%x, %y) named "if" : (tensor<?x4xf32>, tensor<?x2xf32>) -> () {
  ^bb0(%a: tensor<?x4xf32>, %b: tensor<?x2xf32>):
    %g = task.library "matmul"(%a, %b) options {transpose_a = true} named "g" : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<4x2xf32>
    // expected-error@+1 {{cannot update @w early: the gradient is pushed in a region}}
    task.push_dense @w(%g) update_after [] named "push w" : tensor<4x2xf32>
    task.yield
  } else {
  ^bb0(%a: tensor<?x4xf32>, %b: tensor<?x2xf32>):
    task.yield
  }
}
