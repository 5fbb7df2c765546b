// A kernel that became the end of a product is no kernel any more: what it makes or reads is told of once, beside the
// product.
// RUN: heter-opt %s --split-input-file --heter-outline --remarks-filter=heter-fuse --remark-format=emitRemark -o /dev/null 2>&1 \
// RUN:     | FileCheck %s --implicit-check-not="reduce_sum, " --implicit-check-not=", relu_grad apart"

// The bias's gradient, of which a clipped model takes the square.
// CHECK-DAG: matmul + relu_grad+reduce_sum: the matrix product does it last
// CHECK-DAG: matmul, square apart: a product ends with a bias and a relu, or a relu's mask and the sums of columns; a kernel does all else
module @clipped attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @v : tensor<3x2xf32> init #nn.init<"zeros", 0.0>
  ps.program @local.train role("local") graph("train") {
    %y = nn.input "y" : tensor<?x3xf32>
    %g = nn.input "g" : tensor<?x2xf32>
    %v = ps.pull_dense @v : tensor<3x2xf32>
    %dy = nn.matmul %g, %v {transpose_b = true} : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
    %dl = nn.relu_grad %dy, %y : tensor<?x3xf32>
    %db = nn.reduce_sum %dl axes [0] : (tensor<?x3xf32>) -> tensor<3xf32>
    %square = nn.square %db : tensor<3xf32>
    %each = nn.broadcast %square dims [1] : tensor<3xf32> -> tensor<?x3xf32>
    nn.predict "dl"(%dl) : tensor<?x3xf32>
    nn.predict "square"(%each) : tensor<?x3xf32>
  }
}

// -----

// An activation that a kernel makes.
// CHECK-DAG: exp + relu: one kernel computes them
// CHECK-DAG: relu, matmul apart: a product reads its factors many times, so they are made before
// CHECK-DAG: relu, matmul apart: the activation is there before the gradient that it masks
module @activation attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @v : tensor<3x2xf32> init #nn.init<"zeros", 0.0>
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x3xf32>
    %v = ps.pull_dense @v : tensor<3x2xf32>
    %e = nn.exp %x : tensor<?x3xf32>
    %y = nn.relu %e : tensor<?x3xf32>
    %z = nn.matmul %y, %v : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
    %dy = nn.matmul %z, %v {transpose_b = true} : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
    %dl = nn.relu_grad %dy, %y : tensor<?x3xf32>
    nn.predict "dl"(%dl) : tensor<?x3xf32>
  }
}
