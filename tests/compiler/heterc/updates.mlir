// --explain tells which dense parameters are updated in products and why others are not; where servers hold them, that they do.
// RUN: rm -rf %t && mkdir -p %t
// RUN: heterc %samples/ctr_dnn_large.heter -o %t/local --precision=bf16 --explain --dump-ir=%t/ir | FileCheck %s --check-prefix=LOCAL
// LOCAL: {{^}}Kernels: what was fused
// LOCAL: {{^}}local.train
// LOCAL: {{^}}  block by block while the product makes the gradient, in synchronous runs of
// LOCAL-NEXT: one micro-batch a step:
// LOCAL-NEXT: {{^}}    ctr_dnn_large.heter:17:1 product + update of deep.0.weight, deep.1.weight,
// LOCAL-NEXT: deep.2.weight{{$}}
// LOCAL-NEXT: {{^}}  the gradient is smaller than 2 MiB
// LOCAL: {{^}}    ctr_dnn_large.heter:17:1 product, update of deep.0.bias, deep.1.bias,
// LOCAL-NEXT: deep.2.bias, logit.weight, logit.bias apart{{$}}
// LOCAL: {{^}}local.infer
// LOCAL-NOT: update
// RUN: FileCheck %s --check-prefix=IR < %t/ir/08-updates.mlir
// IR: nn.stage = "updates"
// IR: task.push_dense @deep.0.weight({{.*}}) update_after [{{[0-9]+, [0-9]+, [0-9]+, [0-9]+}}] named
// IR: task.push_dense @deep.0.bias({{.*}}) named
// A clipped gradient is read for its norm first; nothing is fused without fusing.
// RUN: heterc %samples/dcn_v2.heter -o %t/clipped --explain | FileCheck %s --check-prefix=CLIPPED
// CLIPPED: {{^}}local.train
// CLIPPED-NOT: product + update
// CLIPPED: product, update of
// RUN: heterc %samples/ctr_dnn_large.heter -o %t/apart --no-fuse --explain | FileCheck %s --check-prefix=APART
// APART-NOT: product + update
// APART: {{^}}  asked for by --no-fuse:
// APART: all operations apart
// APART: product, update of deep.0.weight, {{.*}}
// RUN: heterc %samples/ctr_dnn_large.heter -o %t/ps --mode=ps --explain | FileCheck %s --check-prefix=SERVERS
// RUN: heterc %samples/ctr_dnn_large.heter -o %t/heter-ps --mode=heter-ps --explain | FileCheck %s --check-prefix=SERVERS
// SERVERS: {{^}}cpu-trainer.train
// SERVERS-NOT: update of
// SERVERS: {{^}}server
// SERVERS-NEXT: {{^}}  servers update them, from what trainers push:
// SERVERS-NEXT: product, update of dense parameters apart;
// SERVERS-NEXT: lookup_grad, update of rows apart
// SERVERS-NOT: update of
