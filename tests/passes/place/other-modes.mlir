// Modes local and ps have one trainer role; marks do nothing there.
// RUN: heter-opt %s --split-input-file --heter-place --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: module @local
module @local attributes {nn.stage = "distribute", nn.mode = "local"} {
  // CHECK: ps.optimizer @sgd_0 {{.*}} attributes {place = #nn.place<"local", "the owner of the values updates them">}
  ps.optimizer @sgd_0 rule("sgd") slots([] = []) scalars([] = []) {
  ^bb0(%value: tensor<?xf32>, %gradient: tensor<?xf32>):
    ps.yield %value : tensor<?xf32>
  }
  // CHECK: nn.program @infer
  nn.program @infer {
    // CHECK: nn.input {{.*}}place = #nn.place<"local", "the only trainer role of mode local">
    %x = nn.input "dense" : tensor<?x13xf32>
    // CHECK: nn.relu {{.*}}place = #nn.place<"local", "the only trainer role of mode local">
    %y = nn.relu %x {place = #nn.place<"on:gpu", "marked `on gpu` at m.heter:3:1">} : tensor<?x13xf32>
  }
}

// -----

// CHECK-LABEL: module @ps
module @ps attributes {nn.stage = "distribute", nn.mode = "ps"} {
  nn.program @infer {
    // CHECK: nn.input {{.*}}place = #nn.place<"cpu-trainer", "the only trainer role of mode ps">
    %x = nn.input "dense" : tensor<?x13xf32>
    // CHECK: nn.relu {{.*}}place = #nn.place<"cpu-trainer", "the only trainer role of mode ps">
    %y = nn.relu %x {place = #nn.place<"on:gpu", "marked `on gpu` at m.heter:3:1">} : tensor<?x13xf32>
  }
}
