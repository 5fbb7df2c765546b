// The kernels of a package: vector code as wide as the level has, nothing undefined, and a spec's own operations.
// RUN: rm -rf %t && mkdir -p %t
// RUN: heterc %samples/ctr_dnn.heter -o %t/pkg --dump-ir=%t/ir
// RUN: llvm-objdump -d %t/pkg/kernels-cpu-x86-64-v4.so | FileCheck %s --check-prefix=V4
// V4-DAG: vmulps {{.*}}%zmm
// V4-DAG: vdivps {{.*}}%zmm
// V4-DAG: vfmadd{{.*}}%zmm
// RUN: llvm-objdump -d %t/pkg/kernels-cpu-x86-64-v3.so | FileCheck %s --check-prefix=V3 --implicit-check-not=zmm
// V3: vmulps {{.*}}%ymm
// RUN: llvm-nm -D --undefined-only %t/pkg/kernels-cpu-x86-64-v4.so | count 0
// RUN: llvm-nm -D --undefined-only %t/pkg/kernels-cpu-x86-64-v3.so | count 0
// RUN: FileCheck %s --check-prefix=MANIFEST < %t/pkg/manifest.json
// MANIFEST: "format": 7
// MANIFEST: "mode": "local"
// MANIFEST: "program_hash": "{{[0-9a-f]+}}"
// MANIFEST: "file": "kernels-cpu-x86-64-v3.so"
// MANIFEST: "isa": "x86-64-v4"
// MANIFEST: "avx512f"
// What was fused, and what was not, is told.
// RUN: FileCheck %s --check-prefix=EXPLAIN < %t/pkg/explain.txt
// EXPLAIN: {{^}}Kernels: what was fused, and what was not
// EXPLAIN: {{^}}local.train
// EXPLAIN: {{^}}  the matrix product does it last:
// EXPLAIN-NEXT: {{^}}    ctr_dnn.heter:{{[0-9:]+}} linear + relu (3 times); matmul +
// EXPLAIN: {{^}}  one kernel computes them:
// EXPLAIN-NEXT: {{^}}    ctr_dnn.heter:16:42 sigmoid_cross_entropy + reduce_mean + sigmoid + sub
// EXPLAIN-NEXT: {{^}}                             + reduce_sum
// EXPLAIN: {{^}}local.infer
// An edit of a dump is what is computed.
// RUN: sed -e 's/nn\.relu %/nn.tanh %/' %t/ir/01-frontend.mlir > %t/tanh.mlir
// RUN: heterc %t/tanh.mlir -o %t/tanh --dump-ir=%t/tanh-ir && FileCheck %s --check-prefix=TANH < %t/tanh-ir/07-outline.mlir
// TANH-NOT: @relu_0
// TANH: task.kernel @tanh_0
