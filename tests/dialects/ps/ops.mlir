// Every op of the ps dialect is printed as it is read.
// RUN: heter-opt %s | heter-opt --mlir-print-local-scope | FileCheck %s
// RUN: heter-opt %s --mlir-print-op-generic | heter-opt --mlir-print-local-scope | FileCheck %s

nn.table @emb [#nn.part<"weight", 1, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>, @sgd_0>,
               #nn.part<"vector", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>, @sgd_0>]
nn.table @goods [#nn.part<"", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>, @sgd_0>]
  policy [#nn.rule<"show_click", {clicks = "click", show = 0.1 : f64, click = 1.0 : f64, decay = 0.5 : f64}>]
nn.parameter @w : tensor<4x1xf32> init #nn.init<"zeros", 0.0> updater(@sgd_0)

// CHECK: ps.optimizer @sgd_0 rule("sgd") slots([] = []) scalars([] = []) attributes {place = #nn.place<"server", "owner">} {
// CHECK-NEXT: ^bb0(%[[V:.*]]: tensor<?xf32>, %[[G:.*]]: tensor<?xf32>):
// CHECK-NEXT:   %[[S:.*]] = nn.sub %[[V]], %[[G]] : tensor<?xf32>
// CHECK-NEXT:   ps.yield %[[S]] : tensor<?xf32>
ps.optimizer @sgd_0 rule("sgd") slots([] = []) scalars([] = []) attributes {place = #nn.place<"server", "owner">} {
^bb0(%value: tensor<?xf32>, %gradient: tensor<?xf32>):
  %new = nn.sub %value, %gradient : tensor<?xf32>
  ps.yield %new : tensor<?xf32>
}

// CHECK: ps.optimizer @decay_0 rule("decay") slots(["m"] = [{{.*}}]) scalars(["p"] = [{{.*}}]) {
// CHECK: ps.yield %{{.*}}, %{{.*}}, %{{.*}} : tensor<?xf32>, tensor<?xf32>, tensor<f32>
ps.optimizer @decay_0 rule("decay") slots(["m"] = [0.0]) scalars(["p"] = [1.0]) {
^bb0(%value: tensor<?xf32>, %m: tensor<?xf32>, %p: tensor<f32>, %gradient: tensor<?xf32>):
  ps.yield %value, %m, %p : tensor<?xf32>, tensor<?xf32>, tensor<f32>
}

// CHECK: nn.program @train
nn.program @train {
  %fixed = nn.input "slots" : tensor<?x26xi64>
  %ragged = nn.input "seen" : !nn.ragged<"seen", i64>
  // CHECK: %{{.*}} = ps.pull_rows @emb part("vector") (%{{.*}}) : tensor<?x26xi64> -> tensor<?x26x9xf32>
  %0 = ps.pull_rows @emb part("vector") (%fixed) : tensor<?x26xi64> -> tensor<?x26x9xf32>
  // CHECK: %{{.*}} = ps.pull_rows @emb part("weight") (%{{.*}}) pool(sum) : tensor<?x26xi64> -> tensor<?x1xf32>
  %1 = ps.pull_rows @emb part("weight") (%fixed) pool(sum) : tensor<?x26xi64> -> tensor<?x1xf32>
  // CHECK: %{{.*}} = ps.pull_rows @emb part("vector") (%{{.*}}) pool(mean) {place = #nn.place<"cpu-trainer", "why">} : !nn.ragged<"seen", i64> -> tensor<?x9xf32>
  %2 = ps.pull_rows @emb part("vector") (%ragged) pool(mean) {place = #nn.place<"cpu-trainer", "why">} : !nn.ragged<"seen", i64> -> tensor<?x9xf32>
  // CHECK: %[[W:.*]] = ps.pull_dense @w : tensor<4x1xf32>
  %w = ps.pull_dense @w : tensor<4x1xf32>
  %rows = nn.lookup_grad %ragged, %2 pool(mean) : (!nn.ragged<"seen", i64>, tensor<?x9xf32>) -> !nn.rows<9>
  // CHECK: ps.push_rows @emb part("vector") %{{.*}} : {{.*}}<9>
  ps.push_rows @emb part("vector") %rows : !nn.rows<9>
  %two = nn.input "counted" : tensor<?x26x2xf32>
  %counts = nn.lookup_grad %fixed, %two : (tensor<?x26xi64>, tensor<?x26x2xf32>) -> !nn.rows<2>
  // CHECK: ps.push_rows @goods part("") %{{.*}} counts(%{{.*}}) : {{.*}}<9>, {{.*}}<2>
  ps.push_rows @goods part("") %rows counts(%counts) : !nn.rows<9>, !nn.rows<2>
  // CHECK: ps.push_dense @w, %[[W]] : tensor<4x1xf32>
  ps.push_dense @w, %w : tensor<4x1xf32>
}

// CHECK: ps.channel @c0 graph("infer") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x26xi64>, !nn.ragged<"seen", i64>]
ps.channel @c0 graph("infer") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x26xi64>, !nn.ragged<"seen", i64>]

// CHECK: ps.program @"cpu-trainer.infer" role("cpu-trainer") graph("infer") {
ps.program @"cpu-trainer.infer" role("cpu-trainer") graph("infer") {
  // CHECK: %[[A:.*]] = nn.input "slots"
  %fixed = nn.input "slots" : tensor<?x26xi64>
  // CHECK: %[[B:.*]] = nn.input "seen"
  %ragged = nn.input "seen" : !nn.ragged<"seen", i64>
  // CHECK: ps.send @c0(%[[A]], %[[B]]) : tensor<?x26xi64>, !nn.ragged<"seen", i64>
  ps.send @c0 (%fixed, %ragged) : tensor<?x26xi64>, !nn.ragged<"seen", i64>
}
// CHECK: ps.program @"heter-trainer.gpu.infer" role("heter-trainer.gpu") graph("infer") {
ps.program @"heter-trainer.gpu.infer" role("heter-trainer.gpu") graph("infer") {
  // CHECK: %{{.*}}:2 = ps.recv @c0 {place = #nn.place<"heter-trainer.gpu", "why">} : tensor<?x26xi64>, !nn.ragged<"seen", i64>
  %0:2 = ps.recv @c0 {place = #nn.place<"heter-trainer.gpu", "why">} : tensor<?x26xi64>, !nn.ragged<"seen", i64>
}
// CHECK: ps.program @local.train role("local") graph("train") {
ps.program @local.train role("local") graph("train") {
}
