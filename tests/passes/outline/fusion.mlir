// Which operations become one kernel, and which do not.
// RUN: heter-opt %s --split-input-file --heter-outline | FileCheck %s
// RUN: heter-opt %s --split-input-file --heter-outline | heter-opt --split-input-file | FileCheck %s
// RUN: sed -e 's/nn.fuse = true/nn.fuse = false/' %s | heter-opt --split-input-file --heter-outline | FileCheck %s --check-prefix=SINGLE

// A chain with a reduction at its end is one kernel; constants are part of it.
module @chain attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  // CHECK-LABEL: module @chain
  // CHECK-SAME: nn.stage = "outline"
  // CHECK: task.program @local.train role("local") graph("train") class("cpu") {
  // CHECK: %[[X:.*]] = task.input "x" named "x" : tensor<?x4xf32>
  // CHECK: %[[L:.*]] = task.kernel @mul_relu_reduce_mean_0(%[[X]]) named "mul+relu+reduce_mean" : (tensor<?x4xf32>) -> tensor<f32>
  // CHECK-NEXT: task.report "loss" "loss"(%[[L]])
  // CHECK: func.func @mul_relu_reduce_mean_0(%[[A:.*]]: tensor<?x4xf32>) -> tensor<f32> {
  // CHECK-NEXT: nn.constant
  // CHECK-NEXT: nn.broadcast
  // CHECK-NEXT: nn.mul
  // CHECK-NEXT: nn.relu
  // CHECK-NEXT: nn.reduce_mean
  // CHECK-NEXT: return
  // SINGLE-LABEL: module @chain
  // SINGLE: task.kernel @broadcast_0()
  // SINGLE: task.kernel @mul_0(
  // SINGLE: task.kernel @relu_0(
  // SINGLE: task.kernel @reduce_mean_0(
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x4xf32>
    %c = nn.constant dense<2.0> : tensor<f32>
    %b = nn.broadcast %c dims [] : tensor<f32> -> tensor<?x4xf32>
    %m = nn.mul %x, %b : tensor<?x4xf32>
    %r = nn.relu %m : tensor<?x4xf32>
    %l = nn.reduce_mean %r axes [0, 1] : (tensor<?x4xf32>) -> tensor<f32>
    nn.report "loss" name("loss") (%l) : tensor<f32>
  }
}

// -----

// A value that others read as well is a second output; the reduction of it does not need another pass.
module @shared attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @w : tensor<4x3xf32> init #nn.init<"zeros", 0.0>
  // CHECK-LABEL: module @shared
  // CHECK: %[[G:.*]]:2 = task.kernel @relu_grad_reduce_sum_0(
  // CHECK: task.library "matmul"(%[[G]]#0, %{{.*}}) options {transpose_a = false, transpose_b = true}
  // SINGLE-LABEL: module @shared
  // SINGLE: task.kernel @relu_grad_0
  // SINGLE: task.kernel @reduce_sum_0
  ps.program @local.train role("local") graph("train") {
    %g = nn.input "g" : tensor<?x3xf32>
    %y = nn.input "y" : tensor<?x3xf32>
    %w = ps.pull_dense @w : tensor<4x3xf32>
    %d = nn.relu_grad %g, %y : tensor<?x3xf32>
    %s = nn.reduce_sum %d axes [0] : (tensor<?x3xf32>) -> tensor<3xf32>
    %m = nn.matmul %d, %w {transpose_b = true} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
    nn.predict "m"(%m) : tensor<?x4xf32>
    %b = nn.broadcast %s dims [1] : tensor<3xf32> -> tensor<?x3xf32>
    nn.predict "b"(%b) : tensor<?x3xf32>
  }
}

// -----

// relu and relu_grad are not one kernel: the matrix product between them needs the first and feeds the second.
module @around attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @w : tensor<3x3xf32> init #nn.init<"zeros", 0.0>
  // CHECK-LABEL: module @around
  // CHECK: task.kernel @relu_0
  // CHECK: task.library "matmul"
  // CHECK: task.kernel @relu_grad_0
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x3xf32>
    %w = ps.pull_dense @w : tensor<3x3xf32>
    %y = nn.relu %x : tensor<?x3xf32>
    %m = nn.matmul %y, %w : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
    %d = nn.relu_grad %m, %y : tensor<?x3xf32>
    nn.predict "m"(%m) : tensor<?x3xf32>
    nn.predict "d"(%d) : tensor<?x3xf32>
  }
}

// -----

// The relu of a linear layer is done by its matrix product, unless others read what comes before it.
module @epilogue attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @w : tensor<3x3xf32> init #nn.init<"zeros", 0.0>
  // CHECK-LABEL: module @epilogue
  // CHECK: %[[Y:.*]] = task.library "matmul"(%{{.*}}, %[[W:.*]]) options {activation = "relu"} named "w linear+relu"
  // CHECK-NEXT: %[[Z:.*]] = task.library "matmul"(%[[Y]], %[[W]]) named "w linear"
  // CHECK-NEXT: task.kernel @relu_square_0(%[[Z]])
  // CHECK-NOT: task.kernel
  // SINGLE-LABEL: module @epilogue
  // SINGLE-NOT: activation
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x3xf32>
    %w = ps.pull_dense @w : tensor<3x3xf32>
    %m = nn.linear %x, %w : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
    %y = nn.relu %m : tensor<?x3xf32>
    %n = nn.linear %y, %w : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
    %z = nn.relu %n : tensor<?x3xf32>
    %s = nn.square %z : tensor<?x3xf32>
    nn.predict "n"(%n) : tensor<?x3xf32>
    nn.predict "s"(%s) : tensor<?x3xf32>
  }
}

// -----

// Chains of one number an example that begin at one value are one kernel, as a loss and its gradient are; not if one of
// them waits for something else, needs what the other makes, or is wider.
module @siblings attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @w : tensor<3x1xf32> init #nn.init<"zeros", 0.0>
  // CHECK-LABEL: module @siblings
  // CHECK: %[[Z:.*]] = task.library "matmul"
  // CHECK: %[[LG:.*]]:2 = task.kernel @sigmoid_cross_entropy_reduce_mean_sigmoid_sub_0(
  // CHECK: task.report "loss" "loss"(%[[LG]]#0)
  // CHECK: task.predict "gradient"(%[[LG]]#1)
  // SINGLE-LABEL: module @siblings
  // SINGLE: task.kernel @sigmoid_cross_entropy_0
  // SINGLE: task.kernel @sigmoid_0
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x3xf32>
    %y = nn.input "y" : tensor<?x1xf32>
    %w = ps.pull_dense @w : tensor<3x1xf32>
    %z = nn.matmul %x, %w : (tensor<?x3xf32>, tensor<3x1xf32>) -> tensor<?x1xf32>
    %c = nn.sigmoid_cross_entropy %z, %y : tensor<?x1xf32>
    %l = nn.reduce_mean %c axes [0, 1] : (tensor<?x1xf32>) -> tensor<f32>
    nn.report "loss" name("loss") (%l) : tensor<f32>
    %p = nn.sigmoid %z : tensor<?x1xf32>
    %g = nn.sub %p, %y : tensor<?x1xf32>
    nn.predict "gradient"(%g) : tensor<?x1xf32>
  }
  // CHECK: task.kernel @tanh_0
  // CHECK: task.library "matmul"
  // CHECK: task.kernel @mul_0
  ps.program @local.infer role("local") graph("infer") {
    %x = nn.input "x" : tensor<?x3xf32>
    %y = nn.input "y" : tensor<?x1xf32>
    %w = ps.pull_dense @w : tensor<3x1xf32>
    %a = nn.tanh %y : tensor<?x1xf32>
    %z = nn.matmul %x, %w : (tensor<?x3xf32>, tensor<3x1xf32>) -> tensor<?x1xf32>
    %b = nn.mul %y, %z : tensor<?x1xf32>
    nn.predict "a"(%a) : tensor<?x1xf32>
    nn.predict "b"(%b) : tensor<?x1xf32>
  }
}

// -----

// The same where the one needs what the other makes, and where more than a number an example is read.
module @noSiblings attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  // CHECK-LABEL: module @noSiblings
  // CHECK-DAG: task.kernel @tanh_reduce_sum_0
  // CHECK-DAG: task.kernel @mul_0
  // CHECK-DAG: task.kernel @tanh_0
  // CHECK-DAG: task.kernel @square_0
  ps.program @local.train role("local") graph("train") {
    %y = nn.input "y" : tensor<?x1xf32>
    %x = nn.input "x" : tensor<?x3xf32>
    %t = nn.tanh %y : tensor<?x1xf32>
    %s = nn.reduce_sum %t axes [0, 1] : (tensor<?x1xf32>) -> tensor<f32>
    %b = nn.broadcast %s dims [] : tensor<f32> -> tensor<?x1xf32>
    %m = nn.mul %y, %b : tensor<?x1xf32>
    %u = nn.tanh %x : tensor<?x3xf32>
    %v = nn.square %x : tensor<?x3xf32>
    nn.predict "m"(%m) : tensor<?x1xf32>
    nn.predict "u"(%u) : tensor<?x3xf32>
    nn.predict "v"(%v) : tensor<?x3xf32>
  }
}

// -----

// A softmax_cross_entropy and its gradient look along the same rows: one kernel does both; not those of other labels.
module @lossAndGradient attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  // CHECK-LABEL: module @lossAndGradient
  // CHECK: task.kernel @softmax_cross_entropy_0(
  // CHECK: %[[LG:.*]]:2 = task.kernel @softmax_cross_entropy_softmax_cross_entropy_grad_0(
  // CHECK: task.predict "loss"(%[[LG]]#0)
  // CHECK: task.predict "gradient"(%[[LG]]#1)
  // SINGLE-LABEL: module @lossAndGradient
  // SINGLE: task.kernel @softmax_cross_entropy_0
  // SINGLE: task.kernel @softmax_cross_entropy_grad_0
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x7xf32>
    %o = nn.input "o" : tensor<?xf32>
    %y = nn.input "y" : tensor<?xf32>
    %other = nn.softmax_cross_entropy %x, %o : (tensor<?x7xf32>, tensor<?xf32>) -> tensor<?xf32>
    %l = nn.softmax_cross_entropy %x, %y : (tensor<?x7xf32>, tensor<?xf32>) -> tensor<?xf32>
    %c = nn.constant dense<0.5> : tensor<f32>
    %g = nn.broadcast %c dims [] : tensor<f32> -> tensor<?xf32>
    %d = nn.softmax_cross_entropy_grad %g, %x, %y : (tensor<?xf32>, tensor<?x7xf32>, tensor<?xf32>) -> tensor<?x7xf32>
    nn.predict "other"(%other) : tensor<?xf32>
    nn.predict "loss"(%l) : tensor<?xf32>
    nn.predict "gradient"(%d) : tensor<?x7xf32>
  }
}

// -----

// Nothing is fused across a message, or two roles could wait for each other.
module @message attributes {nn.mode = "heter-ps", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?xf32>]
  ps.channel @c1 graph("train") from("heter-trainer.gpu") to("cpu-trainer") depth(2) types [tensor<?xf32>]
  // CHECK-LABEL: module @message
  // CHECK: task.program @"cpu-trainer.train"
  // CHECK: task.kernel @relu_0
  // CHECK-NEXT: task.send @c0
  // CHECK-NEXT: task.recv @c1
  // CHECK-NEXT: task.kernel @mul_0
  ps.program @"cpu-trainer.train" role("cpu-trainer") graph("train") {
    %x = nn.input "x" : tensor<?xf32>
    %a = nn.relu %x : tensor<?xf32>
    ps.send @c0 (%a) : tensor<?xf32>
    %b = ps.recv @c1 : tensor<?xf32>
    %c = nn.mul %a, %b : tensor<?xf32>
    nn.predict "c"(%c) : tensor<?xf32>
  }
  // The heter-trainer computes in device memory.
  // CHECK: task.program @"heter-trainer.gpu.train" role("heter-trainer.gpu") graph("train") class("gpu") {
  // CHECK: %[[X:.*]] = task.recv @c0 named "recv c0" : tensor<?xf32>
  // CHECK: %[[D:.*]] = task.copy %[[X]] named "copy to device" : tensor<?xf32> to tensor<?xf32, #task.device>
  // CHECK: %[[Y:.*]] = task.kernel @tanh_0(%[[D]]) named "tanh" : (tensor<?xf32, #task.device>) -> tensor<?xf32, #task.device>
  // CHECK: %[[H:.*]] = task.copy %[[Y]] named "copy to host" : tensor<?xf32, #task.device> to tensor<?xf32>
  // CHECK: task.send @c1(%[[H]])
  ps.program @"heter-trainer.gpu.train" role("heter-trainer.gpu") graph("train") {
    %x = ps.recv @c0 : tensor<?xf32>
    %y = nn.tanh %x : tensor<?xf32>
    ps.send @c1 (%y) : tensor<?xf32>
  }
}

// -----

// A dear function of a smaller value is not computed again for each element of a broadcast; a cheap one is.
module @broadcast attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  // CHECK-LABEL: module @broadcast
  // CHECK: task.kernel @exp_0
  // CHECK: task.kernel @neg_mul_0
  // CHECK: task.kernel @mul_0
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x4xf32>
    %s = nn.input "s" : tensor<?xf32>
    %t = nn.input "t" : tensor<?xf32>
    %e = nn.exp %s : tensor<?xf32>
    %n = nn.neg %t : tensor<?xf32>
    %eb = nn.broadcast %e dims [0] : tensor<?xf32> -> tensor<?x4xf32>
    %nb = nn.broadcast %n dims [0] : tensor<?xf32> -> tensor<?x4xf32>
    %p = nn.mul %x, %nb : tensor<?x4xf32>
    nn.predict "p"(%p) : tensor<?x4xf32>
    %q = nn.mul %x, %eb : tensor<?x4xf32>
    nn.predict "q"(%q) : tensor<?x4xf32>
  }
}

// -----

// softmax looks along its rows more than once and stays alone.
module @rows attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  // CHECK-LABEL: module @rows
  // CHECK: task.kernel @neg_0
  // CHECK: task.kernel @softmax_0
  // CHECK: task.kernel @square_0
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x4xf32>
    %n = nn.neg %x : tensor<?x4xf32>
    %s = nn.softmax %n axis(1) : tensor<?x4xf32>
    %q = nn.square %s : tensor<?x4xf32>
    nn.predict "q"(%q) : tensor<?x4xf32>
  }
}

// -----

// What could not be joined yet when it was first asked joins once its readers are one: %m leaves for two others, until
// these are one kernel.
module @twice attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  // CHECK-LABEL: module @twice
  // CHECK: task.kernel @neg_mul_add_sub_0
  // CHECK-NOT: task.kernel
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x4xf32>
    %s = nn.input "s" : tensor<?xf32>
    %m = nn.neg %s : tensor<?xf32>
    %a = nn.broadcast %m dims [0] : tensor<?xf32> -> tensor<?x4xf32>
    %b = nn.broadcast %m dims [0] : tensor<?xf32> -> tensor<?x4xf32>
    %p = nn.mul %x, %a : tensor<?x4xf32>
    %q = nn.add %p, %b : tensor<?x4xf32>
    %r = nn.sub %q, %x : tensor<?x4xf32>
    nn.predict "r"(%r) : tensor<?x4xf32>
  }
}
