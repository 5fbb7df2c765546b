// What several uses contribute is summed, in the order of the uses from the last to the first; several reads of a
// parameter or table part give one update.
// RUN: heter-opt %s --heter-autodiff | FileCheck %s

nn.table @emb [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.parameter @w : tensor<4x4xf32> init #nn.init<"zeros", 0.0> optimizer #nn.optimizer<"adagrad", {lr = 0.1 : f64}>
// CHECK: nn.parameter @v {{.*}} optimizer #sgd
nn.parameter @v : tensor<4x4xf32> init #nn.init<"zeros", 0.0>
// CHECK-LABEL: nn.program @train
nn.program @train {
  // CHECK: %[[A:.*]] = nn.input "a"
  %a = nn.input "a" : tensor<?xi64>
  // CHECK: %[[B:.*]] = nn.input "b"
  %b = nn.input "b" : !nn.ragged<"b", i64>
  // CHECK: %[[X:.*]] = nn.lookup
  %x = nn.lookup @emb part("") (%a) : tensor<?xi64> -> tensor<?x4xf32>
  // CHECK: %[[Y:.*]] = nn.lookup
  %y = nn.lookup @emb part("") (%b) pool(mean) : !nn.ragged<"b", i64> -> tensor<?x4xf32>
  %w = nn.param @w : tensor<4x4xf32>
  %v = nn.param @v : tensor<4x4xf32>
  %u = nn.param @w : tensor<4x4xf32>
  %h = nn.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %i = nn.linear %y, %u : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %p = nn.mul %h, %i : tensor<?x4xf32>
  %q = nn.matmul %p, %v : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %r = nn.add %q, %p : tensor<?x4xf32>
  %loss = nn.reduce_sum %r axes [0, 1] : (tensor<?x4xf32>) -> tensor<f32>
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.2 : f64}>
  // CHECK: %[[DR:.*]] = nn.broadcast %{{.*}} dims [] : tensor<f32> -> tensor<?x4xf32>
  // CHECK: %[[DP:.*]] = nn.matmul %[[DR]], %{{.*}} {transpose_b = true}
  // CHECK: %[[DV:.*]] = nn.matmul %{{.*}}, %[[DR]] {transpose_a = true}
  // CHECK: nn.add %[[DR]], %[[DP]] : tensor<?x4xf32>
  // CHECK: %[[DU:.*]] = nn.matmul %[[Y]], %{{.*}} {transpose_a = true}
  // CHECK: %[[DW:.*]] = nn.matmul %[[X]], %{{.*}} {transpose_a = true}
  // CHECK: %[[DWU:.*]] = nn.add %[[DU]], %[[DW]]
  // CHECK: %[[RY:.*]] = nn.lookup_grad %[[B]], %{{.*}} pool(mean)
  // CHECK: %[[RX:.*]] = nn.lookup_grad %[[A]], %{{.*}} :
  // CHECK: %[[RXY:.*]] = nn.add_rows %[[RY]], %[[RX]]
  // CHECK-NEXT: nn.update @w, %[[DWU]]
  // CHECK-NEXT: nn.update @v, %[[DV]]
  // CHECK-NEXT: nn.update_rows @emb part("") %[[RXY]]
  // CHECK-NEXT: }
}
