// --explain tells which dense parameters are updated in products and why others are not; where servers hold them, that they do.
// RUN: rm -rf %t && mkdir -p %t
// RUN: heterc %samples/ctr_dnn_large.heter -o %t/local --precision=bf16 --explain --dump-ir=%t/ir | FileCheck %s --check-prefix=LOCAL
// LOCAL: {{^}}Kernels: what was fused
// LOCAL: {{^}}local.train
// LOCAL: {{^}}  ctr_dnn_large.heter:17:1 product + update of deep.0.weight, deep.1.weight,
// LOCAL-NEXT: deep.2.weight: block by block while the product makes
// LOCAL-NEXT: the gradient, in synchronous runs of one micro-batch
// LOCAL-NEXT: a step
// LOCAL-NEXT: {{^}}  ctr_dnn_large.heter:17:1 product, update of deep.0.bias, deep.1.bias,
// LOCAL-NEXT: deep.2.bias, logit.weight, logit.bias apart: the
// LOCAL-NEXT: gradient is smaller than 2 MiB
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
// APART: product, update of deep.0.weight, {{.*}}
// APART: apart: asked
// APART-NEXT: for by --no-fuse
// RUN: heterc %samples/ctr_dnn_large.heter -o %t/ps --mode=ps --explain | FileCheck %s --check-prefix=SERVERS
// RUN: heterc %samples/ctr_dnn_large.heter -o %t/heter-ps --mode=heter-ps --explain | FileCheck %s --check-prefix=SERVERS
// SERVERS: {{^}}cpu-trainer.train
// SERVERS-NOT: update of
// SERVERS: {{^}}server
// SERVERS-NEXT: product, update of dense parameters apart: servers
// SERVERS-NEXT: update them, from what trainers push
// SERVERS-NOT: update of
