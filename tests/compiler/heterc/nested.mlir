// Graphs inside nodes reach the package: a branch and a loop of three rounds, written at stage outline. heterc checks what
// it writes as a reader does.
// RUN: rm -rf %t && mkdir -p %t
// RUN: heterc %s -o %t/pkg --dump-ir=%t/ir
// RUN: FileCheck %s --check-prefix=PLAN < %t/ir/09-plan.mlir
// PLAN: task.if %{{.*}}(%{{.*}}) named "if" at [#task.slot<1, 0, 4>]
// PLAN: task.while(%{{.*}}) captured() limit(3) named "while" at [#task.slot<1, 4, 4>]
// RUN: heterc %t/ir/09-plan.mlir -o %t/again && cmp %t/pkg/local.program %t/again/local.program
// RUN: llvm-nm -D --defined-only %t/pkg/kernels-cpu-x86-64-v3.so | FileCheck %s --check-prefix=KERNELS
// KERNELS: halve
module @nested attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "outline", nn.fuse = true,
    nn.data = [{name = "lines", format = "tsv", options = {}, bindings = [
      {input = "x", expression = {op = "column", arguments = [], numbers = [0.0], texts = ["col[0]"], location = ""}}]}]} {
  task.program @local.train role("local") graph("train") class("cpu") {
    %x = task.input "x" named "x" : tensor<?xf32>
    %yes = task.kernel @yes() named "yes" : () -> tensor<i1>
    %r = task.if %yes(%x) named "if" : (tensor<?xf32>) -> tensor<?xf32> {
    ^bb0(%a: tensor<?xf32>):
      %h = task.kernel @halve(%a) named "halve" : (tensor<?xf32>) -> tensor<?xf32>
      task.yield %h : tensor<?xf32>
    } else {
    ^bb0(%a: tensor<?xf32>):
      task.yield %a : tensor<?xf32>
    }
    %s = task.while(%r) captured() limit(3) named "while" : (tensor<?xf32>) -> tensor<?xf32> {
    ^bb0(%a: tensor<?xf32>):
      %t = task.kernel @yes() named "yes" : () -> tensor<i1>
      task.yield %t : tensor<i1>
    } do {
    ^bb0(%a: tensor<?xf32>):
      %h = task.kernel @halve(%a) named "halve" : (tensor<?xf32>) -> tensor<?xf32>
      task.yield %h : tensor<?xf32>
    }
    %l = task.kernel @mean(%s) named "mean" : (tensor<?xf32>) -> tensor<f32>
    task.report "loss" "loss"(%l) named "report loss" : tensor<f32>
  }
  func.func @yes() -> tensor<i1> {
    %c = nn.constant dense<true> : tensor<i1>
    return %c : tensor<i1>
  }
  func.func @halve(%x: tensor<?xf32>) -> tensor<?xf32> {
    %c = nn.constant dense<0.5> : tensor<f32>
    %b = nn.broadcast %c dims [] : tensor<f32> -> tensor<?xf32>
    %r = nn.mul %x, %b : tensor<?xf32>
    return %r : tensor<?xf32>
  }
  func.func @mean(%x: tensor<?xf32>) -> tensor<f32> {
    %r = nn.reduce_mean %x axes [0] : (tensor<?xf32>) -> tensor<f32>
    return %r : tensor<f32>
  }
}
