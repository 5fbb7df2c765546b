// What a program becomes besides its kernels: merged pulls, deduplicated kernels, optimizers, library calls.
// RUN: heter-opt %s --heter-outline | FileCheck %s
// RUN: heter-opt %s --heter-outline | heter-opt | FileCheck %s

module @m attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.table @emb [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>, @sgd_0>]
  nn.parameter @deep.weight : tensor<4x4xf32> init #nn.init<"zeros", 0.0> optimizer #nn.optimizer<"sgd", {lr = 0.05 : f64}> updater(@sgd_0)

  // CHECK: task.optimizer @sgd_0 "sgd" callee(@sgd_update_0) slots ["sum"] begin [0.000000e+00] scalars [] begin []
  ps.optimizer @sgd_0 rule("sgd") slots(["sum"] = [0.0]) scalars([] = []) {
  ^bb0(%value: tensor<?xf32>, %sum: tensor<?xf32>, %gradient: tensor<?xf32>):
    %n = nn.sub %value, %gradient : tensor<?xf32>
    ps.yield %n, %sum : tensor<?xf32>, tensor<?xf32>
  }

  // CHECK: task.program @local.train
  ps.program @local.train role("local") graph("train") {
    %ids = nn.input "ids" : tensor<?xi64>
    // One pull brings the rows for both readers.
    // CHECK: %[[KEYS:.*]]:2 = task.library "unique_keys"(%{{.*}}) named "unique_keys"
    // CHECK: %[[PULLED:.*]] = task.pull_rows @emb part("") (%[[KEYS]]#0) named "pull emb"
    // CHECK: %[[ROWS:.*]] = task.library "lookup"(%[[PULLED]], %[[KEYS]]#1) options {pools = "none"} named "lookup emb"
    // CHECK-NOT: task.pull_rows
    // CHECK-NOT: "unique_keys"
    // CHECK-NOT: "lookup"
    %a = ps.pull_rows @emb part("") (%ids) : tensor<?xi64> -> tensor<?x4xf32>
    %b = ps.pull_rows @emb part("") (%ids) : tensor<?xi64> -> tensor<?x4xf32>
    %w = ps.pull_dense @deep.weight : tensor<4x4xf32>
    // CHECK: %[[D:.*]] = task.library "matmul"(%[[ROWS]], %{{.*}}) options {activation = "relu"} named "deep linear+relu"
    %c = nn.linear %a, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    %d = nn.relu %c : tensor<?x4xf32>
    // CHECK: task.library "dropout"(%[[D]]) options {path = "deep", rate = 5.000000e-01 : f64} named "deep dropout"
    %e = nn.dropout %d rate(0.5) path("deep") : tensor<?x4xf32>
    // CHECK: task.kernel @relu_0(%[[ROWS]]) named "relu"
    %f = nn.relu %b : tensor<?x4xf32>
    // The same kernel again.
    // CHECK: task.kernel @relu_0(%{{.*}}) named "deep relu"
    %h = nn.relu %e : tensor<?x4xf32>
    nn.predict "h"(%h) : tensor<?x4xf32>
    // CHECK: task.library "concat"(%{{.*}}) options {axis = 1 : i64} named "concat"
    %g = nn.concat %e, %f axis(1) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
    nn.predict "g"(%g) : tensor<?x8xf32>
    // CHECK: task.library "lookup_grad"(%[[KEYS]]#0, %[[KEYS]]#1, %[[D]]) options {begins = array<i64: 0>, dim = 4 : i64, pools = "none"} named "lookup_grad" : (!nn.rows<0>, tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    // CHECK: task.push_rows @emb
    %r = nn.lookup_grad %ids, %d : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    ps.push_rows @emb part("") %r : !nn.rows<4>
    // A constant that no kernel reads is made by one.
    // CHECK: %[[C:.*]] = task.kernel @constant_0() named "constant" : () -> tensor<4x4xf32>
    // CHECK: task.push_dense @deep.weight(%[[C]])
    %zero = nn.constant dense<0.0> : tensor<4x4xf32>
    ps.push_dense @deep.weight, %zero : tensor<4x4xf32>
  }
  // CHECK: func.func @sgd_update_0(
  // CHECK-COUNT-1: func.func @relu_0
  // CHECK-NOT: func.func @relu_1
}
