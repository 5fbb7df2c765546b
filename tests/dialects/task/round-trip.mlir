// Every form of every operation, printed and read back.
// RUN: heter-opt %s | heter-opt | FileCheck %s
// RUN: heter-opt %s --mlir-print-op-generic | heter-opt | FileCheck %s

nn.table @emb [#nn.part<"", 9, #nn.init<"uniform", 1.0e-02>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>, @sgd_0>]
nn.table @goods [#nn.part<"", 9, #nn.init<"uniform", 1.0e-02>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>, @sgd_0>]
  policy [#nn.rule<"show_click", {clicks = "click", show = 0.1 : f64, click = 1.0 : f64, decay = 0.5 : f64}>]
nn.parameter @w : tensor<9x4xf32> init #nn.init<"zeros", 0.0> optimizer #nn.optimizer<"sgd", {lr = 0.1 : f64}> updater(@sgd_0)
ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x9xf32>, tensor<?xf32>]
ps.channel @c2 graph("train") from("heter-trainer.gpu") to("cpu-trainer") depth(2) types [tensor<?x26x2xf32>]
ps.channel @c1 graph("train") from("heter-trainer.gpu") to("cpu-trainer") depth(2) types [tensor<?x4xf32>]

// CHECK: task.optimizer @sgd_0 "sgd" callee(@sgd_update_0) slots [] begin [] scalars [] begin []
task.optimizer @sgd_0 "sgd" callee(@sgd_update_0) slots [] begin [] scalars [] begin []

// CHECK: task.program @"cpu-trainer.train" role("cpu-trainer") graph("train") class("cpu") segments [#task.segment<"", host, 64>, #task.segment<"B", host, 972>] {
task.program @"cpu-trainer.train" role("cpu-trainer") graph("train") class("cpu")
    segments [#task.segment<"", host, 64>, #task.segment<"B", host, 972>] {
  // CHECK: task.input "slots" named "slots" at [#task.slot<-1, 0, 0>] : tensor<?x26xi64>
  %ids = task.input "slots" named "slots" at [#task.slot<-1, 0, 0>] : tensor<?x26xi64>
  // CHECK: task.input "click" label named "click" : tensor<?xf32>
  %click = task.input "click" label named "click" : tensor<?xf32>
  // CHECK: task.input "seen" named "seen" : !nn.ragged<"seen", i64>
  %seen = task.input "seen" named "seen" : !nn.ragged<"seen", i64>
  // CHECK: %[[KEYS:.*]]:2 = task.library "unique_keys"(%{{.*}}) named "unique_keys" : (tensor<?x26xi64>) -> (!nn.rows<0>, tensor<?x26xi64>)
  %keys:2 = task.library "unique_keys"(%ids) named "unique_keys" : (tensor<?x26xi64>) -> (!nn.rows<0>, tensor<?x26xi64>)
  // CHECK: %[[PULLED:.*]] = task.pull_rows @emb part("") (%[[KEYS]]#0) named "pull emb" : (!nn.rows<0>) -> !nn.rows<9>
  %pulled = task.pull_rows @emb part("") (%keys#0) named "pull emb" : (!nn.rows<0>) -> !nn.rows<9>
  // CHECK: task.library "lookup"(%[[PULLED]], %[[KEYS]]#1) options {pools = "none"} named "lookup emb" at [#task.slot<1, 0, 936>] : (!nn.rows<9>, tensor<?x26xi64>) -> tensor<?x26x9xf32>
  %rows = task.library "lookup"(%pulled, %keys#1) options {pools = "none"} named "lookup emb" at [#task.slot<1, 0, 936>] : (!nn.rows<9>, tensor<?x26xi64>) -> tensor<?x26x9xf32>
  %seenkeys:2 = task.library "unique_keys"(%seen) named "unique_keys" : (!nn.ragged<"seen", i64>) -> (!nn.rows<0>, !nn.ragged<"seen", i64>)
  %mean = task.library "lookup"(%pulled, %seenkeys#1) options {pools = "mean"} named "lookup emb" : (!nn.rows<9>, !nn.ragged<"seen", i64>) -> tensor<?x9xf32>
  // CHECK: task.send @c0(%{{.*}}, %{{.*}}) named "send c0" after [0, 4] : tensor<?x9xf32>, tensor<?xf32>
  task.send @c0(%mean, %click) named "send c0" after [0, 4] : tensor<?x9xf32>, tensor<?xf32>
  // CHECK: task.recv @c1 named "recv c1" at [#task.slot<-1, 0, 0>] : tensor<?x4xf32>
  %logits = task.recv @c1 named "recv c1" at [#task.slot<-1, 0, 0>] : tensor<?x4xf32>
  // CHECK: task.library "pack"(%{{.*}}) named "pack" : (tensor<?x9xf32>) -> (tensor<?x9xbf16, #task.packed<left, host>>, tensor<?x9xbf16, #task.packed<right_transposed, host>>)
  %packed:2 = task.library "pack"(%mean) named "pack" : (tensor<?x9xf32>) -> (tensor<?x9xbf16, #task.packed<left, host>>, tensor<?x9xbf16, #task.packed<right_transposed, host>>)
  // CHECK: task.copy %{{.*}} named "copy" : tensor<?x9xbf16, #task.packed<left, host>> to tensor<?x9xbf16, #task.packed<left, device>>
  %moved = task.copy %packed#0 named "copy" : tensor<?x9xbf16, #task.packed<left, host>> to tensor<?x9xbf16, #task.packed<left, device>>
  // CHECK: task.library "example_count"() named "example_count" at [#task.slot<0, 0, 64>] : () -> tensor<f32>
  %count = task.library "example_count"() named "example_count" at [#task.slot<0, 0, 64>] : () -> tensor<f32>
  // CHECK: task.library "lookup_grad"(%{{.*}}, %{{.*}}, %{{.*}}) options {begins = array<i64: 0>, dim = 9 : i64, pools = "none"} named "lookup_grad" : (!nn.rows<0>, tensor<?x26xi64>, tensor<?x26x9xf32>) -> !nn.rows<9>
  %grad = task.library "lookup_grad"(%keys#0, %keys#1, %rows) options {begins = array<i64: 0>, dim = 9 : i64, pools = "none"} named "lookup_grad" : (!nn.rows<0>, tensor<?x26xi64>, tensor<?x26x9xf32>) -> !nn.rows<9>
  %two = task.recv @c2 named "two" : tensor<?x26x2xf32>
  %counts = task.library "lookup_grad"(%keys#0, %keys#1, %two) options {begins = array<i64: 0>, dim = 2 : i64, pools = "none"} named "lookup_grad" : (!nn.rows<0>, tensor<?x26xi64>, tensor<?x26x2xf32>) -> !nn.rows<2>
  // CHECK: task.push_rows @goods part("") (%{{.*}}, %{{.*}}) named "push goods" : !nn.rows<9>, !nn.rows<2>
  task.push_rows @goods part("") (%grad, %counts) named "push goods" : !nn.rows<9>, !nn.rows<2>
  // CHECK: task.push_rows @emb part("") (%{{.*}}) named "push emb" : !nn.rows<9>
  task.push_rows @emb part("") (%grad) named "push emb" : !nn.rows<9>
  // CHECK: task.report "loss" "loss"(%{{.*}}) named "report loss" : tensor<f32>
  task.report "loss" "loss"(%count) named "report loss" : tensor<f32>
  // CHECK: task.predict "p"(%{{.*}}) named "predict p" : tensor<?x4xf32>
  task.predict "p"(%logits) named "predict p" : tensor<?x4xf32>
}

// CHECK: task.program @"heter-trainer.gpu.train" role("heter-trainer.gpu") graph("train") class("gpu") {
task.program @"heter-trainer.gpu.train" role("heter-trainer.gpu") graph("train") class("gpu") {
  // CHECK: task.pull_dense @w named "pull w" : tensor<9x4xf32>
  %w = task.pull_dense @w named "pull w" : tensor<9x4xf32>
  %x:2 = task.recv @c0 named "recv c0" : tensor<?x9xf32>, tensor<?xf32>
  // CHECK: task.copy %{{.*}} named "copy to device" : tensor<9x4xf32> to tensor<9x4xf32, #task.device>
  %dw = task.copy %w named "copy to device" : tensor<9x4xf32> to tensor<9x4xf32, #task.device>
  %dx = task.copy %x#0 named "copy to device" : tensor<?x9xf32> to tensor<?x9xf32, #task.device>
  %y = task.library "matmul"(%dx, %dw) named "w linear" : (tensor<?x9xf32, #task.device>, tensor<9x4xf32, #task.device>) -> tensor<?x4xf32, #task.device>
  // CHECK: task.kernel @relu_0(%{{.*}}) named "relu" : (tensor<?x4xf32, #task.device>) -> tensor<?x4xf32, #task.device>
  %h = task.kernel @relu_0(%y) named "relu" : (tensor<?x4xf32, #task.device>) -> tensor<?x4xf32, #task.device>
  %hh = task.copy %h named "copy to host" : tensor<?x4xf32, #task.device> to tensor<?x4xf32>
  task.send @c1(%hh) named "send c1" : tensor<?x4xf32>
  // CHECK: task.push_dense @w(%{{.*}}) named "push w" : tensor<9x4xf32>
  task.push_dense @w(%w) named "push w" : tensor<9x4xf32>
}

// CHECK: task.program @local.updates
task.program @local.updates role("local") graph("train") class("cpu") {
  %x = task.input "x" named "x" : tensor<?x9xf32>
  %y = task.input "y" named "y" : tensor<?x4xf32>
  %w = task.pull_dense @w named "pull w" : tensor<9x4xf32>
  %g = task.library "matmul"(%x, %y) options {transpose_a = true} named "g" : (tensor<?x9xf32>, tensor<?x4xf32>) -> tensor<9x4xf32>
  // CHECK: task.push_dense @w(%{{.*}}) update_after [2] named "push w" after [1] : tensor<9x4xf32>
  task.push_dense @w(%g) update_after [2] named "push w" after [1] : tensor<9x4xf32>
}

// CHECK: task.program @local.infer
task.program @local.infer role("local") graph("infer") class("cpu") {
  %c = task.input "flag" named "flag" : tensor<?xi1>
  %true = task.kernel @condition() named "condition" : () -> tensor<i1>
  %x = task.input "x" named "x" : tensor<?x4xf32>
  // CHECK: task.if %{{.*}}(%{{.*}}) named "if" : (tensor<?x4xf32>) -> tensor<?x4xf32> segments [#task.segment<"", host, 0>] {
  // CHECK: ^bb0(%[[A:.*]]: tensor<?x4xf32>):
  // CHECK: task.yield %{{.*}} : tensor<?x4xf32>
  // CHECK: } else {
  %r = task.if %true(%x) named "if" : (tensor<?x4xf32>) -> tensor<?x4xf32> segments [#task.segment<"", host, 0>] {
  ^bb0(%a: tensor<?x4xf32>):
    %b = task.kernel @relu_0(%a) named "relu" : (tensor<?x4xf32>) -> tensor<?x4xf32>
    task.yield %b : tensor<?x4xf32>
  } else {
  ^bb0(%a: tensor<?x4xf32>):
    task.yield %a : tensor<?x4xf32>
  }
  // CHECK: task.while(%{{.*}}) captured(%{{.*}}) limit(8) named "while" : (tensor<?x4xf32>, tensor<i1>) -> tensor<?x4xf32> {
  // CHECK: } do segments [#task.segment<"B", host, 16>] {
  %s = task.while(%r) captured(%true) limit(8) named "while" : (tensor<?x4xf32>, tensor<i1>) -> tensor<?x4xf32> {
  ^bb0(%a: tensor<?x4xf32>, %t: tensor<i1>):
    task.yield %t : tensor<i1>
  } do segments [#task.segment<"B", host, 16>] {
  ^bb0(%a: tensor<?x4xf32>, %t: tensor<i1>):
    %b = task.kernel @relu_0(%a) named "relu" at [#task.slot<0, 0, 16>] : (tensor<?x4xf32>) -> tensor<?x4xf32>
    task.yield %b : tensor<?x4xf32>
  }
}

func.func @sgd_update_0(%v: tensor<?xf32>, %g: tensor<?xf32>) -> tensor<?xf32> {
  %n = nn.sub %v, %g : tensor<?xf32>
  return %n : tensor<?xf32>
}
func.func @relu_0(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %h = nn.relu %x : tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}
func.func @condition() -> tensor<i1> {
  %c = nn.constant dense<true> : tensor<i1>
  return %c : tensor<i1>
}
