// Mode heter-ps: marks win, pinned ops and unmarked ones stay on the cpu-trainer, parameters follow their users, row
// gradients their lookups.
// RUN: heter-opt %s --heter-place --mlir-print-local-scope | FileCheck %s

// CHECK: module @m attributes {{.*}}nn.stage = "place"
module @m attributes {nn.stage = "distribute", nn.mode = "heter-ps"} {
  nn.table @emb [#nn.part<"", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>, @sgd_0>]
  nn.parameter @w : tensor<9x9xf32> init #nn.init<"zeros", 0.0> updater(@sgd_0)
  nn.parameter @unused : tensor<9x9xf32> init #nn.init<"zeros", 0.0> updater(@sgd_0)
  // CHECK: ps.optimizer @sgd_0 {{.*}} attributes {place = #nn.place<"server", "the owner of the values updates them">}
  ps.optimizer @sgd_0 rule("sgd") slots([] = []) scalars([] = []) {
  ^bb0(%value: tensor<?xf32>, %gradient: tensor<?xf32>):
    %new = nn.sub %value, %gradient : tensor<?xf32>
    ps.yield %new : tensor<?xf32>
  }
  // CHECK: nn.program @train
  nn.program @train {
    // CHECK: nn.input "slots" {place = #nn.place<"cpu-trainer", "cpu-trainers read the data">}
    %ids = nn.input "slots" : tensor<?x26xi64>
    // CHECK: ps.pull_rows @emb {{.*}} {place = #nn.place<"heter-trainer.gpu", "marked `on gpu` at m.heter:3:1">}
    %rows = ps.pull_rows @emb part("") (%ids) pool(sum) {place = #nn.place<"on:gpu", "marked `on gpu` at m.heter:3:1">} : tensor<?x26xi64> -> tensor<?x9xf32>
    // Three roles use the parameter, each pulls it. Its mark does not count.
    // CHECK: %[[GPU:.*]] = ps.pull_dense @w {place = #nn.place<"heter-trainer.gpu", "used first by `nn.linear` at {{.*}}">}
    // CHECK: %[[XPU:.*]] = ps.pull_dense @w {place = #nn.place<"heter-trainer.xpu", "used first by `nn.linear` at {{.*}}">}
    // CHECK: %[[CPU:.*]] = ps.pull_dense @w {place = #nn.place<"cpu-trainer", "used first by `nn.linear` at {{.*}}">}
    %w = ps.pull_dense @w {place = #nn.place<"on:gpu", "marked `on gpu` at m.heter:3:1">} : tensor<9x9xf32>
    // CHECK: ps.pull_dense @unused {place = #nn.place<"cpu-trainer", "not used">}
    %unused = ps.pull_dense @unused : tensor<9x9xf32>
    // CHECK: %[[A:.*]] = nn.linear %{{.*}}, %[[GPU]] {place = #nn.place<"heter-trainer.gpu", "marked `on gpu` at m.heter:3:1">}
    %a = nn.linear %rows, %w {place = #nn.place<"on:gpu", "marked `on gpu` at m.heter:3:1">} : (tensor<?x9xf32>, tensor<9x9xf32>) -> tensor<?x9xf32>
    // CHECK: %[[B:.*]] = nn.linear %[[A]], %[[XPU]] {place = #nn.place<"heter-trainer.xpu", "marked `on xpu` at m.heter:5:1">}
    %b = nn.linear %a, %w {place = #nn.place<"on:xpu", "marked `on xpu` at m.heter:5:1">} : (tensor<?x9xf32>, tensor<9x9xf32>) -> tensor<?x9xf32>
    // CHECK: %[[C:.*]] = nn.linear %[[B]], %[[CPU]] {place = #nn.place<"cpu-trainer", "marked `on cpu` at m.heter:6:1">}
    %c = nn.linear %b, %w {place = #nn.place<"on:cpu", "marked `on cpu` at m.heter:6:1">} : (tensor<?x9xf32>, tensor<9x9xf32>) -> tensor<?x9xf32>
    // CHECK: nn.relu {{.*}} {place = #nn.place<"cpu-trainer", "marked `on auto` at m.heter:7:1, which marks no class">}
    %d = nn.relu %c {place = #nn.place<"on:auto", "marked `on auto` at m.heter:7:1">} : tensor<?x9xf32>
    // CHECK: nn.sigmoid {{.*}} {place = #nn.place<"cpu-trainer", "not marked">}
    %e = nn.sigmoid %d : tensor<?x9xf32>
    %g = nn.matmul %a, %e {transpose_a = true, place = #nn.place<"on:xpu", "marked `on xpu` at m.heter:5:1">} : (tensor<?x9xf32>, tensor<?x9xf32>) -> tensor<9x9xf32>
    // Its gradient is made, joined and pushed there, however its ops are marked.
    // CHECK: nn.lookup_grad {{.*}}place = #nn.place<"heter-trainer.gpu", "row gradients are made where the rows are looked up">
    %gr = nn.lookup_grad %ids, %e pool(sum) {place = #nn.place<"on:xpu", "marked `on xpu` at m.heter:5:1">} : (tensor<?x26xi64>, tensor<?x9xf32>) -> !nn.rows<9>
    // CHECK: nn.add_rows {{.*}} {place = #nn.place<"heter-trainer.gpu", "row gradients are made where the rows are looked up">}
    %gr2 = nn.add_rows %gr, %gr : !nn.rows<9>
    // CHECK: nn.predict "e"{{.*}} {place = #nn.place<"cpu-trainer", "cpu-trainers report">}
    nn.predict "e" (%e) : tensor<?x9xf32>
    // CHECK: ps.push_dense @w, {{.*}} {place = #nn.place<"heter-trainer.xpu", "gradient made by `nn.matmul` at {{.*}}">}
    ps.push_dense @w, %g : tensor<9x9xf32>
    // CHECK: ps.push_rows {{.*}} {place = #nn.place<"heter-trainer.gpu", "row gradients are made where the rows are looked up">}
    ps.push_rows @emb part("") %gr2 : !nn.rows<9>
  }
}
