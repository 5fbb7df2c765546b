// A lookup on a heter-trainer: its ids are sent, not its rows, and the role pushes the gradient itself.
// RUN: heter-opt %s --heter-partition --mlir-print-local-scope | FileCheck %s

#cpu = #nn.place<"cpu-trainer", "test">
#gpu = #nn.place<"heter-trainer.gpu", "test">

module @m attributes {nn.stage = "place", nn.mode = "heter-ps"} {
  nn.table @hot [#nn.part<"", 8, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]

  // CHECK: ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x26xi64>]
  // CHECK-NEXT: ps.channel @c1 graph("train") from("heter-trainer.gpu") to("cpu-trainer") depth(2) types [tensor<?x8xf32>]
  // CHECK-NEXT: ps.channel @c2 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(3) types [tensor<?x8xf32>]
  // CHECK-NOT: ps.channel
  nn.program @train {
    %ids = nn.input "slots" {place = #cpu} : tensor<?x26xi64>
    %rows = ps.pull_rows @hot part("") (%ids) pool(sum) {place = #gpu} : tensor<?x26xi64> -> tensor<?x8xf32>
    %y = nn.relu %rows {place = #cpu} : tensor<?x8xf32>
    %grad = nn.lookup_grad %ids, %y pool(sum) {place = #gpu} : (tensor<?x26xi64>, tensor<?x8xf32>) -> !nn.rows<8>
    ps.push_rows @hot part("") %grad {place = #gpu} : !nn.rows<8>
  }
  // CHECK: ps.program @"cpu-trainer.train"
  // CHECK-NEXT: %[[IDS:.*]] = nn.input "slots"
  // CHECK-NEXT: ps.send @c0(%[[IDS]])
  // CHECK-NEXT: %[[ROWS:.*]] = ps.recv @c1
  // CHECK-NEXT: %[[Y:.*]] = nn.relu %[[ROWS]]
  // CHECK-NEXT: ps.send @c2(%[[Y]])
  // CHECK-NEXT: {{^  }$}}
  // CHECK-NEXT: ps.program @"heter-trainer.gpu.train"
  // CHECK-NEXT: %[[IDS:.*]] = ps.recv @c0
  // CHECK-NEXT: %[[ROWS:.*]] = ps.pull_rows @hot part("") (%[[IDS]]) pool(sum)
  // CHECK-NEXT: ps.send @c1(%[[ROWS]])
  // CHECK-NEXT: %[[Y:.*]] = ps.recv @c2
  // CHECK-NEXT: %[[GRAD:.*]] = nn.lookup_grad %[[IDS]], %[[Y]] pool(sum)
  // CHECK-NEXT: ps.push_rows @hot part("") %[[GRAD]]
  // CHECK-NEXT: {{^  }$}}
}
