// A residual is added, and its activation made, by one kernel behind the matrix product; so are, backwards, the sum of
// the two ways' gradients, the activation's mask and the bias's gradient.
// RUN: heter-opt %s --heter-outline | FileCheck %s
// RUN: heter-opt %s --heter-outline --remarks-filter=heter-fuse --remark-format=emitRemark -o /dev/null 2>&1 \
// RUN:     | FileCheck %s --check-prefix=WHY
// WHY-DAG: add + relu: one kernel computes them
// WHY-DAG: add + relu_grad + reduce_sum: one kernel computes them
// WHY-DAG: matmul, add apart: a product ends with a bias and a relu, or a relu's mask and the sums of columns; a kernel does all else

module @residual attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @w : tensor<8x8xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @b : tensor<8xf32> init #nn.init<"zeros", 0.0>
  // CHECK: %[[X:.*]] = task.input "x"
  // CHECK: %[[L:.*]] = task.library "matmul"(%[[X]], %{{.*}}, %{{.*}})
  // CHECK-NEXT: %[[Y:.*]] = task.kernel @add_relu_0({{.*}}%[[L]]{{.*}}) named "{{.*}}add+relu"
  // CHECK: task.library "matmul"(%[[Y]]
  // CHECK-NEXT: %[[M:.*]]:2 = task.kernel @add_relu_grad_reduce_sum_0({{.*}}%[[Y]]{{.*}}) named "{{.*}}add+relu_grad+reduce_sum"
  // CHECK-NOT: task.kernel
  // CHECK: func.func @add_relu_0
  // CHECK-NEXT: nn.add
  // CHECK-NEXT: nn.relu
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x8xf32>
    %h = nn.input "h" : tensor<?x8xf32>
    %w = ps.pull_dense @w : tensor<8x8xf32>
    %b = ps.pull_dense @b : tensor<8xf32>
    %l = nn.linear %x, %w, %b : (tensor<?x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %s = nn.add %l, %x : tensor<?x8xf32>
    %y = nn.relu %s : tensor<?x8xf32>
    nn.predict "y"(%y) : tensor<?x8xf32>
    %g = nn.matmul %y, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    %both = nn.add %g, %h : tensor<?x8xf32>
    %m = nn.relu_grad %both, %y : tensor<?x8xf32>
    %db = nn.reduce_sum %m axes [0] : (tensor<?x8xf32>) -> tensor<8xf32>
    ps.push_dense @b, %db : tensor<8xf32>
    nn.predict "m"(%m) : tensor<?x8xf32>
  }
}
