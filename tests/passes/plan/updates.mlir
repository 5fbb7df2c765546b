// What a product hands over block by block lies behind all else, so that runs in which it does need not have its memory.
// RUN: heter-opt %s --heter-plan | FileCheck %s
// RUN: sed -e 's/ update_after \[[0-9, ]*\]//' %s | heter-opt --heter-plan | FileCheck %s --check-prefix=UNMARKED

// CHECK: nn.stage = "plan"
module @m attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "updates"} {
  nn.parameter @w : tensor<64x16xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @v : tensor<64x16xf32> init #nn.init<"zeros", 0.0>
  func.func @sum_0(%x: tensor<64x16xf32>) -> tensor<16xf32> {
    %s = nn.reduce_sum %x axes [0] : (tensor<64x16xf32>) -> tensor<16xf32>
    return %s : tensor<16xf32>
  }
  // CHECK: segments [#task.segment<"", host, 4160>, #task.segment<"B", host, 0>]
  // UNMARKED: segments [#task.segment<"", host, 4160>, #task.segment<"B", host, 0>]
  task.program @local.train role("local") graph("train") class("cpu") {
    %x = task.input "x" named "x" : tensor<?x64xf32>
    %y = task.input "y" named "y" : tensor<?x16xf32>
    %w = task.pull_dense @w named "pull w" : tensor<64x16xf32>
    %v = task.pull_dense @v named "pull v" : tensor<64x16xf32>
    // CHECK: named "a" at [#task.slot<0, 0, 64>]
    %a = task.kernel @sum_0(%w) named "a" : (tensor<64x16xf32>) -> tensor<16xf32>
    task.report "loss" "a"(%a) named "report a" : tensor<16xf32>
    // CHECK: named "dw" at [#task.slot<0, 64, 4096>]
    // UNMARKED: named "dw" after [5] at [#task.slot<0, 0, 4096>]
    %dw = task.library "matmul"(%x, %y) options {transpose_a = true} named "dw" : (tensor<?x64xf32>, tensor<?x16xf32>) -> tensor<64x16xf32>
    // CHECK: named "b" after [5] at [#task.slot<0, 0, 64>]
    %b = task.kernel @sum_0(%v) named "b" : (tensor<64x16xf32>) -> tensor<16xf32>
    task.report "loss" "b"(%b) named "report b" : tensor<16xf32>
    task.push_dense @w(%dw) update_after [2, 4] named "push w" : tensor<64x16xf32>
  }
}
