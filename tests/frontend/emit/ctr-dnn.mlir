// The sample from end to end of the front end: symbols, marks with their reasons, data bindings.
// RUN: heter-emit %samples/ctr_dnn.heter | heter-opt --mlir-print-local-scope | FileCheck %s
// RUN: heter-emit %samples/ctr_dnn.heter | heter-opt --heter-autodiff --heter-simplify -o /dev/null

// CHECK: module @ctr_dnn attributes {nn.data = [
// CHECK-SAME: op = "log1p"
// CHECK-SAME: input = "dense"
// CHECK-SAME: op = "hash"
// CHECK-SAME: format = "tsv", name = "criteo"
// CHECK-SAME: format = "slot", name = "paddle"
// CHECK: nn.table @emb [#nn.part<"", 9, <"uniform", 1.000000e-02>, <"adagrad", {epsilon = 1.000000e-10 : f64, initial = 0.000000e+00 : f64, lr = 5.000000e-02 : f64}>>]
// CHECK: nn.parameter @deep.0.weight : tensor<247x400xf32> init <"uniform", 0.063628
// CHECK: nn.parameter @logit.bias : tensor<1xf32> init <"uniform", 5.000000e-02>
// CHECK: nn.program @train
// CHECK: nn.concat %{{.*}}, %{{.*}} axis(1) : (tensor<?x13xf32>, tensor<?x234xf32>) -> tensor<?x247xf32>
// CHECK: nn.param @deep.0.weight {place = #nn.place<"on:heter", "marked `on heter` at ctr_dnn.heter:12:1">}
// CHECK: nn.relu %{{.*}} {place = #nn.place<"on:heter", "marked `on heter` at ctr_dnn.heter:12:1">} : tensor<?x400xf32>
// CHECK: nn.minimize %{{.*}} with <"adam", {beta1 = 9.000000e-01 : f64
// CHECK: nn.program @infer
// CHECK: nn.report "auc"
// CHECK-NOT: nn.predict
// CHECK: nn.program @predict
// CHECK-NOT: "click"
// CHECK: nn.linear
// CHECK-NOT: nn.report
// CHECK: nn.predict "prediction"
// CHECK-NOT: nn.report
