// Products in bf16 read packed matrices: parameters packed where they are pulled, other values by what makes them.
// RUN: heter-opt %s --split-input-file --heter-outline | FileCheck %s
// RUN: heter-opt %s --split-input-file --heter-outline | heter-opt --split-input-file | FileCheck %s
// RUN: sed -e 's/nn.fuse = true/nn.fuse = false/' %s | heter-opt --split-input-file --heter-outline | FileCheck %s --check-prefix=SINGLE

// A layer, its gradient, and the layer's mask: each value is packed as what it is used as, and the product in f32 is made for
// those alone that read it.
module @layer attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @w : tensor<4x3xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @v : tensor<3x2xf32> init #nn.init<"zeros", 0.0>
  // CHECK-LABEL: module @layer
  // CHECK: %[[X:.*]] = task.input "x"
  // CHECK: %[[XP:.*]]:2 = task.library "pack"(%[[X]]) named "pack" : (tensor<?x4xf32>) -> (tensor<?x4xbf16, #task.packed<left, host>>, tensor<?x4xbf16, #task.packed<left_transposed, host>>)
  // CHECK: %[[GP:.*]]:2 = task.library "pack"(%{{.*}}) {{.*}} -> (tensor<?x2xbf16, #task.packed<left, host>>, tensor<?x2xbf16, #task.packed<right, host>>)
  // CHECK: %[[W:.*]] = task.pull_dense @w named "pull w packed right" : tensor<4x3xbf16, #task.packed<right, host>>
  // CHECK: %[[V:.*]] = task.pull_dense @v named "pull v packed right" : tensor<3x2xbf16, #task.packed<right, host>>
  // CHECK: %[[VT:.*]] = task.pull_dense @v named "pull v packed right_transposed" : tensor<3x2xbf16, #task.packed<right_transposed, host>>
  // CHECK-NOT: task.pull_dense
  // CHECK: %[[Y:.*]]:2 = task.library "product"(%[[XP]]#0, %[[W]]) options {activation = "relu"}
  // CHECK-SAME: -> (tensor<?x3xbf16, #task.packed<left, host>>, tensor<?x3xbf16, #task.packed<left_transposed, host>>)
  // CHECK: %[[Z:.*]] = task.library "product"(%[[Y]]#0, %[[V]]) named {{.*}} -> tensor<?x2xf32>
  // CHECK: %[[DY:.*]]:2 = task.library "product"(%[[GP]]#0, %[[VT]], %[[Y]]#0) options {activation = "relu_grad"}
  // CHECK-SAME: -> (tensor<3xf32>, tensor<?x3xbf16, #task.packed<right, host>>)
  // CHECK: task.library "product"(%[[Y]]#1, %[[GP]]#1) {{.*}} -> tensor<3x2xf32>
  // CHECK: task.library "product"(%[[XP]]#1, %[[DY]]#1) {{.*}} -> tensor<4x3xf32>
  // CHECK-NOT: func.func @relu_grad
  // SINGLE-LABEL: module @layer
  // SINGLE: task.library "product"({{.*}}) named "w linear in bf16" : {{.*}} -> tensor<?x3xf32>
  // SINGLE: task.kernel @relu_0
  // SINGLE: task.library "pack"
  // SINGLE: task.kernel @relu_grad_0
  // SINGLE: task.kernel @reduce_sum_0
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x4xf32>
    %g = nn.input "g" : tensor<?x2xf32>
    %w = ps.pull_dense @w : tensor<4x3xf32>
    %v = ps.pull_dense @v : tensor<3x2xf32>
    %l = nn.linear %x, %w precision(bf16) : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
    %y = nn.relu %l : tensor<?x3xf32>
    %z = nn.linear %y, %v precision(bf16) : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
    nn.predict "z"(%z) : tensor<?x2xf32>
    %dy = nn.matmul %g, %v precision(bf16) {transpose_b = true} : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
    %dl = nn.relu_grad %dy, %y : tensor<?x3xf32>
    %db = nn.reduce_sum %dl axes [0] : (tensor<?x3xf32>) -> tensor<3xf32>
    %dv = nn.matmul %y, %g precision(bf16) {transpose_a = true} : (tensor<?x3xf32>, tensor<?x2xf32>) -> tensor<3x2xf32>
    %dw = nn.matmul %x, %dl precision(bf16) {transpose_a = true} : (tensor<?x4xf32>, tensor<?x3xf32>) -> tensor<4x3xf32>
    %bs = nn.broadcast %db dims [1] : tensor<3xf32> -> tensor<?x3xf32>
    nn.predict "db"(%bs) : tensor<?x3xf32>
    ps.push_dense @v, %dv : tensor<3x2xf32>
    ps.push_dense @w, %dw : tensor<4x3xf32>
  }
}

// -----

// A result that others read in f32 is given in both forms; products of more dimensions stay as they are and round.
module @both attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @w : tensor<4x4xf32> init #nn.init<"zeros", 0.0>
  // CHECK-LABEL: module @both
  // CHECK: %[[Y:.*]]:2 = task.library "product"({{.*}}) {{.*}} -> (tensor<?x4xf32>, tensor<?x4xbf16, #task.packed<left, host>>)
  // CHECK: task.library "product"(%[[Y]]#1, {{.*}} -> tensor<?x4xf32>
  // CHECK: task.predict "y"(%[[Y]]#0)
  // CHECK: task.library "matmul"({{.*}}) options {precision = "bf16", transpose_a = false, transpose_b = true}
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x4xf32>
    %r = nn.input "r" : tensor<?x2x4xf32>
    %w = ps.pull_dense @w : tensor<4x4xf32>
    %y = nn.linear %x, %w precision(bf16) : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    %z = nn.linear %y, %w precision(bf16) : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    nn.predict "y"(%y) : tensor<?x4xf32>
    nn.predict "z"(%z) : tensor<?x4xf32>
    %d = nn.matmul %r, %r precision(bf16) {transpose_b = true} : (tensor<?x2x4xf32>, tensor<?x2x4xf32>) -> tensor<?x2x2xf32>
    nn.predict "d"(%d) : tensor<?x2x2xf32>
  }
}
