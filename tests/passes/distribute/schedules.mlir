// A schedule becomes a function of the step, shared by all optimizers that have it; the rate is their last argument. An
// average is a slot of the dense parameters' function alone, and a row-wise state a mean over the elements.
// RUN: heter-opt %s --heter-distribute --mlir-print-local-scope | FileCheck %s
// RUN: heter-opt %s --heter-distribute --heter-outline --mlir-print-local-scope | FileCheck %s --check-prefix=TASK

module @m attributes {nn.stage = "simplify", nn.mode = "local"} {
  nn.table @emb [#nn.part<"", 9, #nn.init<"zeros", 0.0>, #nn.optimizer<"rowwise_adagrad", {lr = #nn.rule<"warmup", {over = 10.0 : f64, to = 0.05 : f64}>}> admit <"count", {times = 3.0 : f64}>>]
  nn.parameter @w : tensor<9xf32> init #nn.init<"zeros", 0.0> optimizer #nn.optimizer<"sgd", {average = #nn.rule<"ema", {decay = 0.9 : f64}>, lr = #nn.rule<"warmup", {over = 10.0 : f64, to = 0.05 : f64}>, most = 1.0 : f64}>

  // CHECK: nn.table @emb {{.*}}admit <"count", {times = 3.0{{0*}}e+00 : f64}>, @rowwise_adagrad_0>
  // CHECK: ps.schedule @warmup_0 rule("warmup") {
  // CHECK-NEXT: ^bb0(%[[STEP:.*]]: tensor<i64>):
  // CHECK-NEXT:   %[[T:.*]] = nn.cast %[[STEP]] : (tensor<i64>) -> tensor<f32>
  // CHECK:        nn.add %[[T]], %{{.*}} : tensor<f32>
  // CHECK:        nn.minimum
  // CHECK:        ps.yield %{{.*}} : tensor<f32>
  // CHECK-NOT: ps.schedule

  // CHECK: ps.optimizer @rowwise_adagrad_0 rule("rowwise_adagrad") slots([] = []) scalars(["sum"] = [0.{{0+}}e+00]) rate(@warmup_0) {
  // CHECK-NEXT: ^bb0(%{{.*}}: tensor<?xf32>, %[[SUM:.*]]: tensor<f32>, %[[G:.*]]: tensor<?xf32>, %[[RATE:.*]]: tensor<f32>):
  // CHECK-NEXT:   %[[GG:.*]] = nn.mul %[[G]], %[[G]]
  // CHECK-NEXT:   %[[MEAN:.*]] = nn.reduce_mean %[[GG]] axes [0] : (tensor<?xf32>) -> tensor<f32>
  // CHECK-NEXT:   nn.add %[[SUM]], %[[MEAN]] : tensor<f32>
  // CHECK:        nn.broadcast %[[RATE]]

  // CHECK: ps.optimizer @sgd_0 rule("sgd") slots(["average"] = [0.{{0+}}e+00]) scalars(["average_weight"] = [0.{{0+}}e+00]) rate(@warmup_0) averaged("average") {
  // CHECK:        %[[VALUE:.*]] = nn.minimum
  // CHECK:        nn.sub %[[VALUE]], %{{.*}}

  // TASK-DAG: task.schedule @warmup_0 "warmup" callee(@warmup_rate_0)
  // TASK-DAG: task.optimizer @rowwise_adagrad_0 "rowwise_adagrad" callee(@rowwise_adagrad_update_0) slots [] begin [] scalars ["sum"] begin [0.{{0+}}e+00] rate(@warmup_0)
  // TASK-DAG: task.optimizer @sgd_0 "sgd" callee(@sgd_update_0) slots ["average"] begin [0.{{0+}}e+00] scalars ["average_weight"] begin [0.{{0+}}e+00] rate(@warmup_0) averaged("average")
}
