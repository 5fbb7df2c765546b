// --precision sets every product, whatever the model says, until kernels are made of them.
// RUN: rm -rf %t && mkdir -p %t
// RUN: heterc %samples/ctr_dnn.heter -o %t/a --precision=bf16 --dump-ir=%t/ir --explain | FileCheck %s --check-prefix=EXPLAIN
// EXPLAIN: nn.linear logit {{.*}} in bf16
// RUN: FileCheck %s --check-prefix=NODES --input-file=%t/ir/07-outline.mlir
// NODES: bf16
// RUN: heterc %t/ir/05-place.mlir -o %t/b --precision=f32 --dump-ir=%t/back
// RUN: heterc %samples/ctr_dnn.heter -o %t/c && diff %t/b/manifest.json %t/c/manifest.json
// RUN: not grep bf16 %t/back/07-outline.mlir
// RUN: not heterc %t/ir/07-outline.mlir -o %t/d --precision=f32 2>&1 | FileCheck %s --check-prefix=LATE
// LATE: is past the stage that makes kernels of products, so --precision comes too late
