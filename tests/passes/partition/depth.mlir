// Values for the same peer that are ready at different depths go in different messages: with %x and %z in one, the
// cpu-trainer would wait for %y before it sends %x, and the heter-trainer for %x before it makes %y.
// RUN: heter-opt %s --heter-partition | FileCheck %s

#cpu = #nn.place<"cpu-trainer", "test">
#gpu = #nn.place<"heter-trainer.gpu", "test">

module @m attributes {nn.stage = "place", nn.mode = "heter-ps"} {
  // CHECK: ps.channel @c0 {{.*}} to("heter-trainer.gpu") depth(1)
  // CHECK: ps.channel @c1 {{.*}} to("cpu-trainer") depth(2)
  // CHECK: ps.channel @c2 {{.*}} to("heter-trainer.gpu") depth(3)
  nn.program @train {
    %x = nn.input "dense" {place = #cpu} : tensor<?x4xf32>
    %y = nn.relu %x {place = #gpu} : tensor<?x4xf32>
    %z = nn.tanh %y {place = #cpu} : tensor<?x4xf32>
    // %late stands early and needs nothing, but nothing that is listed after a message may be needed before it.
    %q = nn.mul %x, %z {place = #gpu} : tensor<?x4xf32>
    %late = nn.exp %x {place = #cpu} : tensor<?x4xf32>
    nn.predict "late" (%late) {place = #cpu} : tensor<?x4xf32>
  }
  // CHECK: ps.program @"cpu-trainer.train"
  // CHECK: nn.exp
  // CHECK: ps.send @c0
  // CHECK: ps.recv @c1
  // CHECK: nn.tanh
  // CHECK: ps.send @c2
  // What is observed ends the listing, in the order of the model.
  // CHECK: nn.predict "late"
  // CHECK: ps.program @"heter-trainer.gpu.train"
  // CHECK: ps.recv @c0
  // CHECK: nn.relu
  // CHECK: ps.send @c1
  // CHECK: ps.recv @c2
  // CHECK: nn.mul
}
