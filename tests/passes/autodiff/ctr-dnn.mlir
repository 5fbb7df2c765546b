// A small click-through model: one backward operation chain beside the forward one, one update a parameter and table.
// RUN: heter-opt %s --heter-autodiff --mlir-print-local-scope | FileCheck %s
// RUN: heter-opt %s --heter-autodiff --heter-simplify --mlir-print-local-scope | FileCheck %s --check-prefix=SIMPLE

// CHECK: module @m attributes {nn.stage = "autodiff"}
module @m attributes {nn.stage = "frontend"} {
  nn.table @emb [#nn.part<"", 9, #nn.init<"uniform", 1.0e-02>, #nn.optimizer<"adagrad", {lr = 5.0e-02 : f64}>>]
  // CHECK: nn.parameter @deep.weight : {{.*}} optimizer <"adam", {lr = 1.000000e-03 : f64}>
  nn.parameter @deep.weight : tensor<18x4xf32> init #nn.init<"uniform", 0.2>
  nn.parameter @deep.bias : tensor<4xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @logit.weight : tensor<4x1xf32> init #nn.init<"uniform", 0.5>
  // CHECK-LABEL: nn.program @train
  nn.program @train {
    %slots = nn.input "slots" : tensor<?x2xi64>
    %click = nn.input "click" label : tensor<?xf32>
    // CHECK: %[[ROWS:.*]] = nn.lookup
    %rows = nn.lookup @emb part("") (%slots) : tensor<?x2xi64> -> tensor<?x2x9xf32>
    %x = nn.reshape %rows : tensor<?x2x9xf32> -> tensor<?x18xf32>
    %w = nn.param @deep.weight : tensor<18x4xf32>
    %b = nn.param @deep.bias : tensor<4xf32>
    %l = nn.linear %x, %w, %b : (tensor<?x18xf32>, tensor<18x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    // CHECK: %[[H:.*]] = nn.relu
    %h = nn.relu %l {place = #nn.place<"on:heter", "marked">} : tensor<?x4xf32>
    %v = nn.param @logit.weight : tensor<4x1xf32>
    %o = nn.linear %h, %v : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
    // CHECK: %[[LOGIT:.*]] = nn.reshape %{{.*}} : tensor<?x1xf32> -> tensor<?xf32>
    %logit = nn.reshape %o : tensor<?x1xf32> -> tensor<?xf32>
    %e = nn.sigmoid_cross_entropy %logit, %click : tensor<?xf32>
    %loss = nn.reduce_mean %e axes [0] : (tensor<?xf32>) -> tensor<f32>
    // CHECK: nn.report
    nn.report "loss" name("loss") (%loss) : tensor<f32>
    nn.minimize %loss with #nn.optimizer<"adam", {lr = 1.0e-3 : f64}>
    // CHECK-NEXT: %[[SEED:.*]] = nn.example_count
    // CHECK-NEXT: %[[COUNT:.*]] = nn.example_count
    // CHECK-NEXT: %[[MEAN:.*]] = nn.div %[[SEED]], %[[COUNT]]
    // CHECK-NEXT: %[[DE:.*]] = nn.broadcast %[[MEAN]] dims [] : tensor<f32> -> tensor<?xf32>
    // CHECK-NEXT: %[[P:.*]] = nn.sigmoid %[[LOGIT]]
    // CHECK-NEXT: %[[DIFF:.*]] = nn.sub %[[P]], %{{.*}}
    // CHECK-NEXT: %[[DLOGIT:.*]] = nn.mul %[[DE]], %[[DIFF]]
    // CHECK-NEXT: %[[DO:.*]] = nn.reshape %[[DLOGIT]] : tensor<?xf32> -> tensor<?x1xf32>
    // CHECK-NEXT: %[[DH:.*]] = nn.matmul %[[DO]], %{{.*}} {transpose_b = true}
    // CHECK-NEXT: %[[DV:.*]] = nn.matmul %[[H]], %[[DO]] {transpose_a = true}
    // CHECK-NEXT: %[[DL:.*]] = nn.relu_grad %[[DH]], %[[H]] {place = #nn.place<"on:heter", "marked">}
    // CHECK-NEXT: %[[DX:.*]] = nn.matmul %[[DL]], %{{.*}} {transpose_b = true}
    // CHECK-NEXT: %[[DW:.*]] = nn.matmul %{{.*}}, %[[DL]] {transpose_a = true}
    // CHECK-NEXT: %[[DB:.*]] = nn.reduce_sum %[[DL]] axes [0]
    // CHECK-NEXT: %[[DR:.*]] = nn.reshape %[[DX]] : tensor<?x18xf32> -> tensor<?x2x9xf32>
    // CHECK-NEXT: %[[G:.*]] = nn.lookup_grad %{{.*}}, %[[DR]] : (tensor<?x2xi64>, tensor<?x2x9xf32>) -> !nn.rows<9>
    // CHECK-NEXT: nn.update @deep.weight, %[[DW]] : tensor<18x4xf32>
    // CHECK-NEXT: nn.update @deep.bias, %[[DB]] : tensor<4xf32>
    // CHECK-NEXT: nn.update @logit.weight, %[[DV]] : tensor<4x1xf32>
    // CHECK-NEXT: nn.update_rows @emb part("") %[[G]] : !nn.rows<9>
    // CHECK-NEXT: }

    // The mean's gradient of B / B = 1 disappears.
    // SIMPLE: nn.report
    // SIMPLE-NEXT: %[[P:.*]] = nn.sigmoid
    // SIMPLE-NEXT: %[[DIFF:.*]] = nn.sub %[[P]], %{{.*}}
    // SIMPLE-NEXT: nn.reshape %[[DIFF]]
  }
  // CHECK: nn.program @infer
  nn.program @infer {
    %dense = nn.input "dense" : tensor<?x13xf32>
    // CHECK: nn.predict
    nn.predict "p" (%dense) : tensor<?x13xf32>
  }
}
