// Reads become pulls, updates become pushes, and each distinct optimizer becomes one function.
// RUN: heter-opt %s --heter-distribute --mlir-print-local-scope | FileCheck %s

// CHECK: module @m attributes {{.*}}nn.stage = "distribute"
module @m attributes {nn.stage = "simplify", nn.mode = "local"} {
  // CHECK: nn.table @emb [#nn.part<"weight", 1, <"zeros", {{.*}}>, <"adagrad", {epsilon = {{.*}}, lr = {{.*}}}>, @adagrad_0>, #nn.part<"vector", 9, {{.*}}, @sgd_0>]
  nn.table @emb [#nn.part<"weight", 1, #nn.init<"zeros", 0.0>, #nn.optimizer<"adagrad", {lr = 0.05 : f64, epsilon = 0.01 : f64}>>,
                 #nn.part<"vector", 9, #nn.init<"uniform", 0.01>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
  // CHECK: nn.parameter @w : tensor<9x1xf32> {{.*}} updater(@adam_0)
  // CHECK: nn.parameter @b : tensor<1xf32> {{.*}} updater(@adam_0)
  // CHECK: nn.parameter @c : tensor<1xf32> {{.*}} updater(@adam_1)
  // CHECK: nn.parameter @frozen : tensor<1xf32> init <"zeros", {{[0-9.e+]*}}>{{$}}
  nn.parameter @w : tensor<9x1xf32> init #nn.init<"zeros", 0.0> optimizer #nn.optimizer<"adam", {lr = 0.001 : f64}>
  nn.parameter @b : tensor<1xf32> init #nn.init<"zeros", 0.0> optimizer #nn.optimizer<"adam", {lr = 0.001 : f64}>
  nn.parameter @c : tensor<1xf32> init #nn.init<"zeros", 0.0> optimizer #nn.optimizer<"adam", {lr = 0.002 : f64}>
  nn.parameter @frozen : tensor<1xf32> init #nn.init<"zeros", 0.0>

  // v -= lr * g / (sqrt(sum + g * g) + epsilon)
  // CHECK: ps.optimizer @adagrad_0 rule("adagrad") slots(["sum"] = [0.{{0+}}e+00]) scalars([] = []) {
  // CHECK-NEXT: ^bb0(%[[V:.*]]: tensor<?xf32>, %[[SUM:.*]]: tensor<?xf32>, %[[G:.*]]: tensor<?xf32>):
  // CHECK-NEXT:   %[[LR:.*]] = nn.constant dense<5.0{{0*}}e-02> : tensor<f32>
  // CHECK-NEXT:   %[[LRV:.*]] = nn.broadcast %[[LR]] dims [] : tensor<f32> -> tensor<?xf32>
  // CHECK-NEXT:   %[[LRG:.*]] = nn.mul %[[LRV]], %[[G]] : tensor<?xf32>
  // CHECK-NEXT:   %[[GG:.*]] = nn.mul %[[G]], %[[G]] : tensor<?xf32>
  // CHECK-NEXT:   %[[NEW:.*]] = nn.add %[[SUM]], %[[GG]] : tensor<?xf32>
  // CHECK-NEXT:   %[[ROOT:.*]] = nn.sqrt %[[NEW]] : tensor<?xf32>
  // CHECK-NEXT:   %[[EPS:.*]] = nn.constant dense<0.0099999{{.*}}> : tensor<f32>
  // CHECK-NEXT:   %[[EPSV:.*]] = nn.broadcast %[[EPS]] dims [] : tensor<f32> -> tensor<?xf32>
  // CHECK-NEXT:   %[[DIV:.*]] = nn.add %[[ROOT]], %[[EPSV]] : tensor<?xf32>
  // CHECK-NEXT:   %[[STEP:.*]] = nn.div %[[LRG]], %[[DIV]] : tensor<?xf32>
  // CHECK-NEXT:   %[[OUT:.*]] = nn.sub %[[V]], %[[STEP]] : tensor<?xf32>
  // CHECK-NEXT:   ps.yield %[[OUT]], %[[NEW]] : tensor<?xf32>, tensor<?xf32>

  // CHECK: ps.optimizer @sgd_0 rule("sgd") slots([] = []) scalars([] = []) {
  // CHECK-NEXT: ^bb0(%[[V:.*]]: tensor<?xf32>, %[[G:.*]]: tensor<?xf32>):
  // CHECK: %[[LRG:.*]] = nn.mul %{{.*}}, %[[G]]
  // CHECK-NEXT: %[[OUT:.*]] = nn.sub %[[V]], %[[LRG]]
  // CHECK-NEXT: ps.yield %[[OUT]] : tensor<?xf32>

  // The single numbers come first, then one loop over the elements.
  // CHECK: ps.optimizer @adam_0 rule("adam") slots(["moment1", "moment2"] = [0.{{0+}}e+00, 0.{{0+}}e+00]) scalars(["moment1_weight", "moment2_weight"] = [0.{{0+}}e+00, 0.{{0+}}e+00]) {
  // CHECK-NEXT: ^bb0(%[[V:.*]]: tensor<?xf32>, %[[M:.*]]: tensor<?xf32>, %[[U:.*]]: tensor<?xf32>, %[[P1:.*]]: tensor<f32>, %[[P2:.*]]: tensor<f32>, %[[G:.*]]: tensor<?xf32>):
  // CHECK: %[[KP1:.*]] = nn.mul %{{.*}}, %[[P1]] : tensor<f32>
  // CHECK: %[[NP1:.*]] = nn.add %[[KP1]], %{{.*}} : tensor<f32>
  // CHECK: %[[KP2:.*]] = nn.mul %{{.*}}, %[[P2]] : tensor<f32>
  // CHECK: %[[NP2:.*]] = nn.add %[[KP2]], %{{.*}} : tensor<f32>
  // CHECK: nn.mul %{{.*}}, %[[M]] : tensor<?xf32>
  // CHECK: nn.mul %{{.*}}, %[[U]] : tensor<?xf32>
  // CHECK: ps.yield %{{.*}}, %{{.*}}, %{{.*}}, %[[NP1]], %[[NP2]] : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<f32>, tensor<f32>
  // CHECK: ps.optimizer @adam_1
  // CHECK-NOT: ps.optimizer

  // CHECK: nn.program @train
  nn.program @train {
    %ids = nn.input "slots" : tensor<?x26xi64>
    %dense = nn.input "dense" : tensor<?x9xf32>
    // CHECK: %[[ROWS:.*]] = ps.pull_rows @emb part("vector") (%{{.*}}) pool(sum) {place = #nn.place<"on:heter", "because">} : tensor<?x26xi64> -> tensor<?x9xf32>
    %rows = nn.lookup @emb part("vector") (%ids) pool(sum) {place = #nn.place<"on:heter", "because">} : tensor<?x26xi64> -> tensor<?x9xf32>
    // CHECK: %[[W:.*]] = ps.pull_dense @w : tensor<9x1xf32>
    %w = nn.param @w : tensor<9x1xf32>
    // CHECK: nn.linear %[[ROWS]], %[[W]]
    %y = nn.linear %rows, %w : (tensor<?x9xf32>, tensor<9x1xf32>) -> tensor<?x1xf32>
    %gw = nn.matmul %rows, %y {transpose_a = true} : (tensor<?x9xf32>, tensor<?x1xf32>) -> tensor<9x1xf32>
    // CHECK: %[[GR:.*]] = nn.lookup_grad
    %gr = nn.lookup_grad %ids, %rows pool(sum) : (tensor<?x26xi64>, tensor<?x9xf32>) -> !nn.rows<9>
    // CHECK: ps.push_dense @w, %{{.*}} : tensor<9x1xf32>
    nn.update @w, %gw : tensor<9x1xf32>
    // CHECK: ps.push_rows @emb part("vector") %[[GR]] : {{.*}}<9>
    nn.update_rows @emb part("vector") %gr : !nn.rows<9>
  }
}
