// Clipped gradients: squares summed where each gradient is, the norm over the examples, every gradient times
// c / max(c, norm) before its update. Rows are not clipped.
// RUN: heter-opt %s --heter-autodiff --split-input-file --mlir-print-local-scope | FileCheck %s

nn.table @emb [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
nn.parameter @w : tensor<4x3xf32> init #nn.init<"zeros", 0.0>
nn.parameter @c : tensor<f32> init #nn.init<"zeros", 0.0>
// CHECK-LABEL: nn.program @train
nn.program @train {
  %ids = nn.input "ids" : tensor<?xi64>
  %x = nn.lookup @emb part("") (%ids) : tensor<?xi64> -> tensor<?x4xf32>
  %w = nn.param @w {place = #nn.place<"on:gpu", "w">} : tensor<4x3xf32>
  %c = nn.param @c {place = #nn.place<"on:gpu", "c">} : tensor<f32>
  %y = nn.linear %x, %w : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
  %m = nn.reduce_mean %y axes [0, 1] : (tensor<?x3xf32>) -> tensor<f32>
  %loss = nn.mul %m, %c : tensor<f32>
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.2 : f64}> clip(1.0e+1)
}
// CHECK: %[[DW:.*]] = nn.matmul %{{.*}} {transpose_a = true}
// CHECK: %[[C2:.*]] = nn.square %[[DC:[0-9]+]] {place = #nn.place<"on:gpu", "c">} : tensor<f32>
// CHECK-NEXT: %[[W2:.*]] = nn.square %[[DW]] {place = #nn.place<"on:gpu", "w">} : tensor<4x3xf32>
// CHECK-NEXT: %[[WSUM:.*]] = nn.reduce_sum %[[W2]] axes [0, 1] {place = #nn.place<"on:gpu", "w">}
// CHECK-NEXT: %[[TOTAL:.*]] = nn.add %[[C2]], %[[WSUM]] {place = #nn.place<"on:gpu", "c">} : tensor<f32>
// CHECK-NEXT: %[[ROOT:.*]] = nn.sqrt %[[TOTAL]] {place = #nn.place<"on:gpu", "c">}
// CHECK-NEXT: %[[B:.*]] = nn.example_count {place = #nn.place<"on:gpu", "c">}
// CHECK-NEXT: %[[NORM:.*]] = nn.div %[[ROOT]], %[[B]]
// CHECK-NEXT: %[[MOST:.*]] = nn.constant {{.*}}dense<1.000000e+01> : tensor<f32>
// CHECK-NEXT: %[[EXCESS:.*]] = nn.sub %[[NORM]], %[[MOST]]
// CHECK-NEXT: %[[OVER:.*]] = nn.relu %[[EXCESS]]
// CHECK-NEXT: %[[LIMIT:.*]] = nn.add %[[MOST]], %[[OVER]]
// CHECK-NEXT: %[[SCALE:.*]] = nn.div %[[MOST]], %[[LIMIT]]
// CHECK-NEXT: nn.mul %[[DC]], %[[SCALE]] {place = #nn.place<"on:gpu", "c">}
// CHECK-NEXT: %[[SPREAD:.*]] = nn.broadcast %[[SCALE]] dims [] {place = #nn.place<"on:gpu", "w">} : tensor<f32> -> tensor<4x3xf32>
// CHECK-NEXT: nn.mul %[[DW]], %[[SPREAD]] {place = #nn.place<"on:gpu", "w">}
// CHECK-NEXT: nn.update @w
// CHECK-NEXT: nn.update @c
// CHECK-NEXT: nn.update_rows @emb
// CHECK-NOT: nn.minimize

// -----

// Gradients of several roles: the norm is put together where the model is not marked.
nn.parameter @a : tensor<4xf32> init #nn.init<"zeros", 0.0>
nn.parameter @b : tensor<4xf32> init #nn.init<"zeros", 0.0>
// CHECK-LABEL: nn.program @train
nn.program @train {
  %a = nn.param @a {place = #nn.place<"on:gpu", "a">} : tensor<4xf32>
  %b = nn.param @b {place = #nn.place<"on:xpu", "b">} : tensor<4xf32>
  %y = nn.mul %a, %b : tensor<4xf32>
  %loss = nn.reduce_sum %y axes [0] : (tensor<4xf32>) -> tensor<f32>
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.2 : f64}> clip(1.0e+1)
}
// CHECK: nn.reduce_sum {{.*}} {place = #nn.place<"on:xpu", "b">}
// CHECK: nn.reduce_sum {{.*}} {place = #nn.place<"on:gpu", "a">}
// CHECK-NEXT: nn.add %{{.*}}, %{{[^ ]*}} : tensor<f32>
// CHECK-NEXT: nn.sqrt %{{[^ ]*}} : tensor<f32>

// -----

// Each value on its own: between -c and c times the examples, where each gradient is.
nn.parameter @a : tensor<4xf32> init #nn.init<"zeros", 0.0>
nn.parameter @b : tensor<f32> init #nn.init<"zeros", 0.0>
// CHECK-LABEL: nn.program @train
nn.program @train {
  %a = nn.param @a {place = #nn.place<"on:gpu", "a">} : tensor<4xf32>
  %b = nn.param @b : tensor<f32>
  %y = nn.reduce_sum %a axes [0] : (tensor<4xf32>) -> tensor<f32>
  %loss = nn.mul %y, %b : tensor<f32>
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.2 : f64}> clip_value(5.0e-01)
}
// CHECK: nn.constant {{.*}}dense<-5.000000e-01> : tensor<f32>
// CHECK: nn.maximum %{{[^ ]*}}, %{{[^ ]*}} : tensor<f32>
// CHECK: nn.constant {{.*}}dense<5.000000e-01> : tensor<f32>
// CHECK: nn.example_count
// CHECK: nn.minimum %{{[^ ]*}}, %{{[^ ]*}} : tensor<f32>
// CHECK: nn.constant {{.*}}dense<-5.000000e-01>
// CHECK: %[[B:.*]] = nn.example_count {place = #nn.place<"on:gpu", "a">}
// CHECK: %[[LEAST:.*]] = nn.mul %{{.*}}, %[[B]] {place = #nn.place<"on:gpu", "a">}
// CHECK: %[[SPREAD:.*]] = nn.broadcast %[[LEAST]] dims [] {place = #nn.place<"on:gpu", "a">} : tensor<f32> -> tensor<4xf32>
// CHECK: nn.maximum %{{.*}}, %[[SPREAD]] {place = #nn.place<"on:gpu", "a">} : tensor<4xf32>
// CHECK: nn.minimum {{.*}} {place = #nn.place<"on:gpu", "a">} : tensor<4xf32>
// CHECK-NEXT: nn.update @a
// CHECK-NEXT: nn.update @b
