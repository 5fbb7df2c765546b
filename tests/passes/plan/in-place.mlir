// Kernels that read element i for element i alone write over an input that ends with them, after its other readers.
// RUN: heter-opt %s --heter-plan | FileCheck %s
// RUN: heter-opt %s --heter-plan | heter-opt | FileCheck %s

module @m attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "outline"} {
  // Both forms where both are called; one that is called in its second form only has no other.
  // CHECK: func.func @relu_0(
  // CHECK: func.func @relu_0_over_0({{.*}}) -> tensor<?x4xf32> attributes {task.overwrites = 0 : i64}
  func.func @relu_0(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %h = nn.relu %x : tensor<?x4xf32>
    return %h : tensor<?x4xf32>
  }
  // The row is broadcast: only the matrix can be overwritten.
  // CHECK-NOT: func.func @add_0(
  // CHECK: func.func @add_0_over_1({{.*}}attributes {task.overwrites = 1 : i64}
  func.func @add_0(%row: tensor<4xf32>, %x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %b = nn.broadcast %row dims [1] : tensor<4xf32> -> tensor<?x4xf32>
    %h = nn.add %b, %x : tensor<?x4xf32>
    return %h : tensor<?x4xf32>
  }
  func.func @sums_0(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
    %h = nn.relu %x : tensor<?x4xf32>
    %g = nn.square %x : tensor<?x4xf32>
    return %h, %g : tensor<?x4xf32>, tensor<?x4xf32>
  }
  func.func @softmax_0(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %h = nn.softmax %x axis(1) : tensor<?x4xf32>
    return %h : tensor<?x4xf32>
  }
  nn.parameter @w : tensor<4xf32> init #nn.init<"zeros", 0.0>

  // CHECK: task.program @local.train
  // CHECK-SAME: segments [#task.segment<"", host, 0>, #task.segment<"B", host, 48>]
  task.program @local.train role("local") graph("train") class("cpu") {
    %x = task.input "x" named "x" : tensor<?x4xf32>
    %w = task.pull_dense @w named "pull w" : tensor<4xf32>
    // The input's memory is not the frame's.
    // CHECK: task.kernel @relu_0(%{{.*}}) named "a" at [#task.slot<1, [[A:.*]], 16>]
    %a = task.kernel @relu_0(%x) named "a" : (tensor<?x4xf32>) -> tensor<?x4xf32>
    task.predict "a"(%a) named "predict a" : tensor<?x4xf32>
    // CHECK: task.kernel @relu_0_over_0(%{{.*}}) named "b" after [3] at [#task.slot<1, [[A]], 16>]
    %b = task.kernel @relu_0(%a) named "b" : (tensor<?x4xf32>) -> tensor<?x4xf32>
    // CHECK: task.kernel @add_0_over_1(%{{.*}}) named "c" at [#task.slot<1, [[A]], 16>]
    %c = task.kernel @add_0(%w, %b) named "c" : (tensor<4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    // Two results, and rows that are read more than once, overwrite nothing.
    // CHECK: task.kernel @sums_0(
    %d:2 = task.kernel @sums_0(%c) named "d" : (tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
    // CHECK: task.kernel @softmax_0(
    %e = task.kernel @softmax_0(%d#0) named "e" : (tensor<?x4xf32>) -> tensor<?x4xf32>
    task.predict "e"(%e) named "predict e" : tensor<?x4xf32>
    task.predict "d"(%d#1) named "predict d" : tensor<?x4xf32>
  }
}
