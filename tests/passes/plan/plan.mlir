// Memory of a chain, reuse edges, what stays until the end, and nested graphs. (in-place.mlir has kernels that overwrite.)
// RUN: heter-opt %s --heter-plan | FileCheck %s
// RUN: heter-opt %s --heter-plan | heter-opt | FileCheck %s

// CHECK: nn.stage = "plan"
module @m attributes {nn.mode = "heter-ps", nn.seed = 0 : i64, nn.stage = "outline"} {
  nn.parameter @w : tensor<5xf32> init #nn.init<"zeros", 0.0>
  ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x4xf32>]

  func.func @softmax_0(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    %h = nn.softmax %x axis(1) : tensor<?x4xf32>
    return %h : tensor<?x4xf32>
  }
  func.func @condition() -> tensor<i1> {
    %c = nn.constant dense<true> : tensor<i1>
    return %c : tensor<i1>
  }

  // %c takes the memory of %a, but %r may still be reading: it starts after node 3.
  // CHECK: task.program @local.train
  // CHECK-SAME: segments [#task.segment<"", host, 0>, #task.segment<"B", host, 32>]
  task.program @local.train role("local") graph("train") class("cpu") {
    // CHECK: task.input "x" named "x" at [#task.slot<-1, 0, 0>]
    %x = task.input "x" named "x" : tensor<?x4xf32>
    // CHECK: named "a" at [#task.slot<1, 0, 16>]
    %a = task.kernel @softmax_0(%x) named "a" : (tensor<?x4xf32>) -> tensor<?x4xf32>
    // CHECK: named "b" at [#task.slot<1, 16, 16>]
    %b = task.kernel @softmax_0(%a) named "b" : (tensor<?x4xf32>) -> tensor<?x4xf32>
    task.predict "a"(%a) named "predict a" : tensor<?x4xf32>
    // CHECK: named "c" after [3] at [#task.slot<1, 0, 16>]
    %c = task.kernel @softmax_0(%b) named "c" : (tensor<?x4xf32>) -> tensor<?x4xf32>
    task.predict "c"(%c) named "predict c" : tensor<?x4xf32>
  }

  // What is sent keeps its memory: no kernel waits for a peer's answer.
  // CHECK: task.program @"cpu-trainer.train"
  // CHECK-SAME: #task.segment<"B", host, 48>
  task.program @"cpu-trainer.train" role("cpu-trainer") graph("train") class("cpu") {
    %x = task.input "x" named "x" : tensor<?x4xf32>
    %a = task.kernel @softmax_0(%x) named "a" : (tensor<?x4xf32>) -> tensor<?x4xf32>
    task.send @c0(%a) named "send c0" : tensor<?x4xf32>
    // CHECK: named "b" at [#task.slot<1, 16, 16>]
    %b = task.kernel @softmax_0(%x) named "b" : (tensor<?x4xf32>) -> tensor<?x4xf32>
    // CHECK: named "c" at [#task.slot<1, 32, 16>]
    %c = task.kernel @softmax_0(%b) named "c" : (tensor<?x4xf32>) -> tensor<?x4xf32>
    task.predict "c"(%c) named "predict c" : tensor<?x4xf32>
  }

  // Device values come first; host values have segments of their own. Constant sizes are rounded up to 64 bytes.
  // CHECK: task.program @"heter-trainer.gpu.train"
  // CHECK-SAME: segments [#task.segment<"", device, 64>, #task.segment<"B", device, 16>, #task.segment<"", host, 64>, #task.segment<"B", host, 0>]
  task.program @"heter-trainer.gpu.train" role("heter-trainer.gpu") graph("train") class("gpu") {
    %x = task.recv @c0 named "recv c0" : tensor<?x4xf32>
    %w = task.pull_dense @w named "pull w" : tensor<5xf32>
    // CHECK: task.copy %{{.*}} named "copy x" at [#task.slot<1, 0, 16>]
    %dx = task.copy %x named "copy x" : tensor<?x4xf32> to tensor<?x4xf32, #task.device>
    // CHECK: task.copy %{{.*}} named "copy w" at [#task.slot<0, 0, 64>]
    %dw = task.copy %w named "copy w" : tensor<5xf32> to tensor<5xf32, #task.device>
    // CHECK: task.copy %{{.*}} named "copy back" at [#task.slot<2, 0, 64>]
    %hw = task.copy %dw named "copy back" : tensor<5xf32, #task.device> to tensor<5xf32>
    task.push_dense @w(%hw) named "push w" : tensor<5xf32>
  }

  // Nested graphs have segments of their own; their results stay until they have ended.
  // CHECK: task.program @local.infer
  // CHECK-SAME: segments [#task.segment<"", host, 64>, #task.segment<"B", host, 32>]
  task.program @local.infer role("local") graph("infer") class("cpu") {
    %x = task.input "x" named "x" : tensor<?x4xf32>
    // CHECK: task.kernel @condition() named "c" at [#task.slot<0, 0, 64>]
    %c = task.kernel @condition() named "c" : () -> tensor<i1>
    // CHECK: task.if
    // CHECK-SAME: at [#task.slot<1, 0, 16>] : (tensor<?x4xf32>) -> tensor<?x4xf32> segments [#task.segment<"", host, 0>, #task.segment<"B", host, 32>] {
    // CHECK: else segments [#task.segment<"", host, 0>, #task.segment<"B", host, 16>] {
    %r = task.if %c(%x) named "if" : (tensor<?x4xf32>) -> tensor<?x4xf32> {
    ^bb0(%p: tensor<?x4xf32>):
      %0 = task.kernel @softmax_0(%p) named "0" : (tensor<?x4xf32>) -> tensor<?x4xf32>
      %1 = task.kernel @softmax_0(%0) named "1" : (tensor<?x4xf32>) -> tensor<?x4xf32>
      %2 = task.kernel @softmax_0(%1) named "2" : (tensor<?x4xf32>) -> tensor<?x4xf32>
      task.yield %2 : tensor<?x4xf32>
    } else {
    ^bb0(%p: tensor<?x4xf32>):
      %0 = task.kernel @softmax_0(%p) named "0" : (tensor<?x4xf32>) -> tensor<?x4xf32>
      task.yield %0 : tensor<?x4xf32>
    }
    // CHECK: task.while
    // CHECK-SAME: segments [#task.segment<"", host, 64>, #task.segment<"B", host, 0>] {
    // CHECK: do segments [#task.segment<"", host, 0>, #task.segment<"B", host, 16>] {
    %s = task.while(%r) captured() limit(3) named "while" : (tensor<?x4xf32>) -> tensor<?x4xf32> {
    ^bb0(%p: tensor<?x4xf32>):
      %t = task.kernel @condition() named "t" : () -> tensor<i1>
      task.yield %t : tensor<i1>
    } do {
    ^bb0(%p: tensor<?x4xf32>):
      %0 = task.kernel @softmax_0(%p) named "0" : (tensor<?x4xf32>) -> tensor<?x4xf32>
      task.yield %0 : tensor<?x4xf32>
    }
    task.predict "s"(%s) named "predict s" : tensor<?x4xf32>
  }
}
