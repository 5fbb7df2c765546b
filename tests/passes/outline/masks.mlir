// Products in f32 do last what a masking kernel behind them would: where the gradient's product alone feeds it.
// RUN: heter-opt %s --split-input-file --heter-outline | FileCheck %s
// RUN: heter-opt %s --split-input-file --heter-outline | heter-opt --split-input-file | FileCheck %s
// RUN: sed -e 's/nn.fuse = true/nn.fuse = false/' %s | heter-opt --split-input-file --heter-outline | FileCheck %s --check-prefix=SINGLE

module @layer attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @v : tensor<3x2xf32> init #nn.init<"zeros", 0.0>
  // CHECK-LABEL: module @layer
  // CHECK: %[[Y:.*]] = task.input "y"
  // CHECK: %[[G:.*]] = task.input "g"
  // CHECK: %[[V:.*]] = task.pull_dense @v
  // CHECK: %[[DY:.*]]:2 = task.library "matmul"(%[[G]], %[[V]], %[[Y]]) options {activation = "relu_grad", transpose_a = false, transpose_b = true}
  // CHECK-SAME: named "matmul+relu_grad+reduce_sum" : (tensor<?x2xf32>, tensor<3x2xf32>, tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<3xf32>)
  // CHECK: task.predict "dl"(%[[DY]]#0)
  // CHECK-NOT: func.func @relu_grad
  // SINGLE-LABEL: module @layer
  // SINGLE: task.library "matmul"(%{{.*}}, %{{.*}}) options {transpose_a = false, transpose_b = true}
  // SINGLE: task.kernel @relu_grad_0
  // SINGLE: task.kernel @reduce_sum_0
  ps.program @local.train role("local") graph("train") {
    %y = nn.input "y" : tensor<?x3xf32>
    %g = nn.input "g" : tensor<?x2xf32>
    %v = ps.pull_dense @v : tensor<3x2xf32>
    %dy = nn.matmul %g, %v {transpose_b = true} : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
    %dl = nn.relu_grad %dy, %y : tensor<?x3xf32>
    %db = nn.reduce_sum %dl axes [0] : (tensor<?x3xf32>) -> tensor<3xf32>
    %bs = nn.broadcast %db dims [1] : tensor<3xf32> -> tensor<?x3xf32>
    nn.predict "dl"(%dl) : tensor<?x3xf32>
    nn.predict "db"(%bs) : tensor<?x3xf32>
  }
}

// -----

// The gradient has another reader; the sums are along the rows; the product is one an example: nothing is fused.
module @apart attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @v : tensor<3x2xf32> init #nn.init<"zeros", 0.0>
  // CHECK-LABEL: module @apart
  // CHECK-NOT: activation = "relu_grad"
  ps.program @local.train role("local") graph("train") {
    %y = nn.input "y" : tensor<?x3xf32>
    %g = nn.input "g" : tensor<?x2xf32>
    %m = nn.input "m" : tensor<?x2x3xf32>
    %n = nn.input "n" : tensor<?x3x3xf32>
    %v = ps.pull_dense @v : tensor<3x2xf32>
    %dy = nn.matmul %g, %v {transpose_b = true} : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
    %dl = nn.relu_grad %dy, %y : tensor<?x3xf32>
    nn.predict "dy"(%dy) : tensor<?x3xf32>
    nn.predict "dl"(%dl) : tensor<?x3xf32>
    %dz = nn.matmul %y, %v : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
    %dk = nn.relu_grad %dz, %g : tensor<?x2xf32>
    %rows = nn.reduce_sum %dk axes [1] : (tensor<?x2xf32>) -> tensor<?xf32>
    nn.predict "dk"(%dk) : tensor<?x2xf32>
    nn.predict "rows"(%rows) : tensor<?xf32>
    %each = nn.matmul %m, %m {transpose_a = true} : (tensor<?x2x3xf32>, tensor<?x2x3xf32>) -> tensor<?x3x3xf32>
    %de = nn.relu_grad %each, %n : tensor<?x3x3xf32>
    nn.predict "de"(%de) : tensor<?x3x3xf32>
  }
}
