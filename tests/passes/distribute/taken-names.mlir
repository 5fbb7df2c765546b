// A model may call its tables and parameters as the compiler calls its functions and channels.
// RUN: heter-opt %s --heter-distribute | FileCheck %s

module @m attributes {nn.stage = "simplify", nn.mode = "local"} {
  // CHECK: nn.table @sgd_0 {{.*}} @sgd_1>
  nn.table @sgd_0 [#nn.part<"", 1, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
  // CHECK: ps.optimizer @sgd_1
}
