// The gradients of a product in bf16 are products in bf16; all else stays f32.
// RUN: heter-opt %s --heter-autodiff --mlir-print-local-scope | FileCheck %s

nn.parameter @w : tensor<4x3xf32> init #nn.init<"zeros", 0.0>
nn.parameter @v : tensor<3x2xf32> init #nn.init<"zeros", 0.0>
nn.parameter @u : tensor<2x5xf32> init #nn.init<"zeros", 0.0>
// CHECK-LABEL: nn.program @train
nn.program @train {
  %x = nn.input "x" : tensor<?x4xf32>
  %w = nn.param @w : tensor<4x3xf32>
  %v = nn.param @v : tensor<3x2xf32>
  %u = nn.param @u : tensor<2x5xf32>
  %y = nn.linear %x, %w precision(bf16) : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
  %z = nn.matmul %y, %v precision(bf16) : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  %q = nn.matmul %z, %u : (tensor<?x2xf32>, tensor<2x5xf32>) -> tensor<?x5xf32>
  %loss = nn.reduce_mean %q axes [0, 1] : (tensor<?x5xf32>) -> tensor<f32>
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.2 : f64}>
}
// CHECK: nn.matmul {{[^:]*}}{transpose_b = true} : {{.*}} -> tensor<?x2xf32>
// CHECK: nn.matmul {{[^:]*}}{transpose_a = true} : {{.*}} -> tensor<2x5xf32>
// CHECK: nn.matmul {{[^:]*}}precision(bf16) {transpose_b = true} : {{.*}} -> tensor<?x3xf32>
// CHECK: nn.matmul {{[^:]*}}precision(bf16) {transpose_a = true} : {{.*}} -> tensor<3x2xf32>
// CHECK: nn.matmul {{[^:]*}}precision(bf16) {transpose_a = true} : {{.*}} -> tensor<4x3xf32>
