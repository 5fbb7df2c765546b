// Where row gradients go in mode heter-ps: to the one role that looks their table up, or to the cpu-trainer.
// RUN: heter-opt %s --heter-place --mlir-print-local-scope | FileCheck %s

module @m attributes {nn.stage = "distribute", nn.mode = "heter-ps"} {
  nn.table @cold [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>, @sgd_0>]
  nn.table @hot [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>, @sgd_0>]
  nn.table @both [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>, @sgd_0>]
  nn.table @two [#nn.part<"a", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>, @sgd_0>,
                 #nn.part<"b", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>, @sgd_0>]
  ps.optimizer @sgd_0 rule("sgd") slots([] = []) scalars([] = []) {
  ^bb0(%value: tensor<?xf32>, %gradient: tensor<?xf32>):
    ps.yield %value : tensor<?xf32>
  }
  nn.program @train {
    %ids = nn.input "slots" : tensor<?xi64>
    %many = nn.input "many" : !nn.ragged<"many", i64>
    // CHECK: ps.pull_rows @cold {{.*}}#nn.place<"cpu-trainer", "not marked">
    %cold = ps.pull_rows @cold part("") (%ids) : tensor<?xi64> -> tensor<?x4xf32>
    // CHECK: ps.pull_rows @hot {{.*}}#nn.place<"heter-trainer.gpu", "marked `on gpu`">
    %hot = ps.pull_rows @hot part("") (%many) pool(sum) {place = #nn.place<"on:gpu", "marked `on gpu`">} : !nn.ragged<"many", i64> -> tensor<?x4xf32>
    // CHECK: ps.pull_rows @both {{.*}}#nn.place<"heter-trainer.gpu", "marked `on gpu`">
    %both = ps.pull_rows @both part("") (%ids) {place = #nn.place<"on:gpu", "marked `on gpu`">} : tensor<?xi64> -> tensor<?x4xf32>
    // CHECK: ps.pull_rows @both {{.*}}#nn.place<"cpu-trainer", "marked `on cpu`">
    %again = ps.pull_rows @both part("") (%ids) {place = #nn.place<"on:cpu", "marked `on cpu`">} : tensor<?xi64> -> tensor<?x4xf32>
    // CHECK: ps.pull_rows @two part("a") {{.*}}#nn.place<"heter-trainer.gpu", "marked `on gpu`">
    %a = ps.pull_rows @two part("a") (%ids) {place = #nn.place<"on:gpu", "marked `on gpu`">} : tensor<?xi64> -> tensor<?x4xf32>
    // CHECK: ps.pull_rows @two part("b") {{.*}}#nn.place<"heter-trainer.xpu", "marked `on xpu`">
    %b = ps.pull_rows @two part("b") (%ids) {place = #nn.place<"on:xpu", "marked `on xpu`">} : tensor<?xi64> -> tensor<?x4xf32>
    %x = nn.add %cold, %hot : tensor<?x4xf32>
    %y = nn.add %x, %both : tensor<?x4xf32>
    %z = nn.add %y, %again : tensor<?x4xf32>

    // CHECK: nn.lookup_grad {{.*}}#nn.place<"cpu-trainer", "row gradients are made where the rows are looked up">
    %dcold = nn.lookup_grad %ids, %z : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    // CHECK: ps.push_rows @cold {{.*}}#nn.place<"cpu-trainer", "row gradients are made where the rows are looked up">
    ps.push_rows @cold part("") %dcold : !nn.rows<4>

    // CHECK: nn.lookup_grad {{.*}}#nn.place<"heter-trainer.gpu", "row gradients are made where the rows are looked up">
    %dhot = nn.lookup_grad %many, %z pool(sum) : (!nn.ragged<"many", i64>, tensor<?x4xf32>) -> !nn.rows<4>
    // CHECK: ps.push_rows @hot {{.*}}#nn.place<"heter-trainer.gpu", "row gradients are made where the rows are looked up">
    ps.push_rows @hot part("") %dhot : !nn.rows<4>

    // CHECK: nn.lookup_grad {{.*}}#nn.place<"cpu-trainer", "row gradients of lookups on heter-trainer.gpu and cpu-trainer meet here">
    %dboth = nn.lookup_grad %ids, %z {place = #nn.place<"on:gpu", "marked `on gpu`">} : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    // CHECK: nn.lookup_grad {{.*}}#nn.place<"cpu-trainer", "row gradients of lookups on heter-trainer.gpu and cpu-trainer meet here">
    %dagain = nn.lookup_grad %ids, %z : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    // CHECK: nn.add_rows {{.*}}#nn.place<"cpu-trainer", "row gradients of lookups on heter-trainer.gpu and cpu-trainer meet here">
    %sum = nn.add_rows %dboth, %dagain : !nn.rows<4>
    // CHECK: ps.push_rows @both {{.*}}#nn.place<"cpu-trainer", "row gradients of lookups on heter-trainer.gpu and cpu-trainer meet here">
    ps.push_rows @both part("") %sum : !nn.rows<4>

    // One gradient serves both parts, which are looked up apart.
    // CHECK: nn.lookup_grad {{.*}}#nn.place<"cpu-trainer", "row gradients of lookups on heter-trainer.gpu and heter-trainer.xpu meet here">
    %dtwo = nn.lookup_grad %ids, %z {place = #nn.place<"on:gpu", "marked `on gpu`">} : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    // CHECK: ps.push_rows @two part("a") {{.*}}#nn.place<"cpu-trainer",
    ps.push_rows @two part("a") %dtwo : !nn.rows<4>
    // CHECK: ps.push_rows @two part("b") {{.*}}#nn.place<"cpu-trainer",
    ps.push_rows @two part("b") %dtwo : !nn.rows<4>
  }
}
