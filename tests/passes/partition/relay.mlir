// The cut: one transfer a (value, destination), heter-trainers talk by way of the cpu-trainer, one channel a (sender,
// receiver, depth), constants and the example count cloned, nothing sent that nobody uses.
// RUN: heter-opt %s --heter-partition --mlir-print-local-scope | FileCheck %s

#cpu = #nn.place<"cpu-trainer", "test">
#gpu = #nn.place<"heter-trainer.gpu", "test">
#xpu = #nn.place<"heter-trainer.xpu", "test">

// CHECK: module @m attributes {{.*}}nn.stage = "partition"
module @m attributes {nn.stage = "place", nn.mode = "heter-ps"} {
  nn.parameter @w : tensor<4xf32> init #nn.init<"zeros", 0.0>

  // CHECK-NOT: nn.program
  // CHECK: ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x4xf32>, tensor<4xf32>]
  // CHECK-NEXT: ps.channel @c1 graph("train") from("cpu-trainer") to("heter-trainer.xpu") depth(1) types [tensor<?x4xf32>]
  // CHECK-NEXT: ps.channel @c2 graph("train") from("heter-trainer.gpu") to("cpu-trainer") depth(2) types [tensor<?x4xf32>, tensor<?x4xf32>]
  // CHECK-NEXT: ps.channel @c3 graph("train") from("cpu-trainer") to("heter-trainer.xpu") depth(3) types [tensor<?x4xf32>]
  // CHECK-NEXT: ps.channel @c4 graph("train") from("heter-trainer.xpu") to("cpu-trainer") depth(4) types [tensor<?x4xf32>]
  // CHECK-NOT: ps.channel
  nn.program @train {
    %x = nn.input "dense" {place = #cpu} : tensor<?x4xf32>
    %w = ps.pull_dense @w {place = #cpu} : tensor<4xf32>
    %c = nn.constant {place = #cpu} dense<2.0> : tensor<f32>
    %cc = nn.broadcast %c dims [] {place = #gpu} : tensor<f32> -> tensor<?x4xf32>
    // Two users on gpu: one transfer.
    %a = nn.relu %x {place = #gpu} : tensor<?x4xf32>
    %wide = nn.broadcast %w dims [1] {place = #gpu} : tensor<4xf32> -> tensor<?x4xf32>
    %b = nn.add %x, %wide {place = #gpu} : tensor<?x4xf32>
    %unused = nn.tanh %x {place = #gpu} : tensor<?x4xf32>
    // %b goes from gpu to xpu and is used on the cpu-trainer too: it crosses twice in all.
    %d = nn.mul %b, %cc {place = #xpu} : tensor<?x4xf32>
    %e = nn.mul %d, %x {place = #xpu} : tensor<?x4xf32>
    %f = nn.add %b, %a {place = #cpu} : tensor<?x4xf32>
    %h = nn.add %f, %e {place = #cpu} : tensor<?x4xf32>
    nn.predict "h" (%h) {place = #cpu} : tensor<?x4xf32>
  }

  // CHECK: ps.program @"cpu-trainer.train" role("cpu-trainer") graph("train") {
  // CHECK-NEXT: %[[X:.*]] = nn.input "dense"
  // CHECK-NEXT: %[[W:.*]] = ps.pull_dense @w
  // CHECK-NEXT: ps.send @c0(%[[X]], %[[W]])
  // CHECK-NEXT: ps.send @c1(%[[X]])
  // CHECK-NEXT: %[[BA:.*]]:2 = ps.recv @c2
  // CHECK-NEXT: %[[F:.*]] = nn.add %[[BA]]#0, %[[BA]]#1
  // CHECK-NEXT: ps.send @c3(%[[BA]]#0)
  // CHECK-NEXT: %[[E:.*]] = ps.recv @c4
  // CHECK-NEXT: %[[H:.*]] = nn.add %[[F]], %[[E]]
  // CHECK-NEXT: nn.predict "h"(%[[H]])
  // CHECK-NEXT: {{^  }$}}
  // CHECK-NEXT: ps.program @"heter-trainer.gpu.train" role("heter-trainer.gpu") graph("train") {
  // CHECK-NEXT: %[[XW:.*]]:2 = ps.recv @c0
  // CHECK-NEXT: %[[A:.*]] = nn.relu %[[XW]]#0
  // CHECK-NEXT: %[[WIDE:.*]] = nn.broadcast %[[XW]]#1
  // CHECK-NEXT: %[[B:.*]] = nn.add %[[XW]]#0, %[[WIDE]]
  // CHECK-NEXT: nn.tanh
  // CHECK-NEXT: ps.send @c2(%[[B]], %[[A]])
  // CHECK-NEXT: {{^  }$}}
  // CHECK-NEXT: ps.program @"heter-trainer.xpu.train" role("heter-trainer.xpu") graph("train") {
  // CHECK-NEXT: %[[X:.*]] = ps.recv @c1
  // CHECK-NEXT: %[[B:.*]] = ps.recv @c3
  // CHECK-NEXT: %[[C:.*]] = nn.constant {place = #nn.place<"heter-trainer.xpu", "cheap, so each role that uses it has its own">}
  // CHECK-NEXT: %[[CC:.*]] = nn.broadcast %[[C]] {{.*}}heter-trainer.xpu
  // CHECK-NEXT: %[[D:.*]] = nn.mul %[[B]], %[[CC]]
  // CHECK-NEXT: %[[E:.*]] = nn.mul %[[D]], %[[X]]
  // CHECK-NEXT: ps.send @c4(%[[E]])
  // CHECK-NEXT: {{^  }$}}

  // Every role has both graphs; channels are numbered on.
  // CHECK-NEXT: ps.channel @c5 graph("infer") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<f32>]
  // CHECK-NEXT: ps.channel @c6 graph("infer") from("heter-trainer.gpu") to("cpu-trainer") depth(2) types [tensor<f32>]
  // CHECK-NEXT: ps.program @"cpu-trainer.infer"
  // CHECK-NEXT: %[[N:.*]] = nn.example_count {place = #nn.place<"cpu-trainer",
  nn.program @infer {
    %n = nn.example_count {place = #gpu}
    %p = nn.add %n, %n {place = #cpu} : tensor<f32>
    %q = nn.add %p, %n {place = #gpu} : tensor<f32>
    nn.report "loss" name("q") (%q) {place = #cpu} : tensor<f32>
  }
  // CHECK: ps.program @"heter-trainer.gpu.infer"
  // CHECK-NEXT: %[[P:.*]] = ps.recv @c5
  // CHECK-NEXT: %[[N:.*]] = nn.example_count
  // CHECK-NEXT: nn.add %[[P]], %[[N]]
  // CHECK-NEXT: ps.send @c6
  // CHECK-NEXT: {{^  }$}}
  // CHECK-NEXT: ps.program @"heter-trainer.xpu.infer" role("heter-trainer.xpu") graph("infer") {
  // CHECK-NEXT: {{^  }$}}
}
