// heterc goes on from the dump of any stage to the same package, byte for byte.
// RUN: rm -rf %t && mkdir -p %t
// RUN: heterc %samples/ctr_dnn.heter -o %t/pkg --mode=heter-ps --dump-ir=%t/ir
// RUN: heterc %t/ir/01-frontend.mlir -o %t/1 && diff %t/pkg/manifest.json %t/1/manifest.json
// RUN: heterc %t/ir/02-autodiff.mlir -o %t/2 && diff %t/pkg/manifest.json %t/2/manifest.json
// RUN: heterc %t/ir/03-simplify.mlir -o %t/3 && diff %t/pkg/manifest.json %t/3/manifest.json
// RUN: heterc %t/ir/04-distribute.mlir -o %t/4 && diff %t/pkg/manifest.json %t/4/manifest.json
// RUN: heterc %t/ir/05-place.mlir -o %t/5 && diff %t/pkg/manifest.json %t/5/manifest.json
// RUN: heterc %t/ir/06-partition.mlir -o %t/6 && diff %t/pkg/manifest.json %t/6/manifest.json
// RUN: heterc %t/ir/07-outline.mlir -o %t/7 --dump-ir=%t/ir7 && diff %t/pkg/manifest.json %t/7/manifest.json
// RUN: heterc %t/ir/08-updates.mlir -o %t/8 && diff %t/pkg/manifest.json %t/8/manifest.json
// RUN: heterc %t/ir/09-plan.mlir -o %t/9 --mode=heter-ps && diff %t/pkg/manifest.json %t/9/manifest.json
// RUN: cmp %t/pkg/cpu-trainer.program %t/1/cpu-trainer.program && cmp %t/pkg/cpu-trainer.program %t/9/cpu-trainer.program
// RUN: cmp %t/pkg/heter-trainer.heter.program %t/1/heter-trainer.heter.program
// RUN: cmp %t/pkg/heter-trainer.heter.program %t/5/heter-trainer.heter.program
// RUN: cmp %t/pkg/heter-trainer.heter.program %t/9/heter-trainer.heter.program
// RUN: cmp %t/pkg/server.program %t/9/server.program
// RUN: cmp %t/pkg/package.bin %t/1/package.bin && cmp %t/pkg/package.bin %t/9/package.bin
// RUN: cmp %t/pkg/kernels-cpu-x86-64-v4.so %t/1/kernels-cpu-x86-64-v4.so
// RUN: cmp %t/pkg/kernels-cpu-x86-64-v3.so %t/9/kernels-cpu-x86-64-v3.so
// A run writes the dumps from its own stage on.
// RUN: diff %t/ir/09-plan.mlir %t/ir7/09-plan.mlir && not ls %t/ir7/06-partition.mlir
// The dumps round-trip through heter-opt, and single passes run on them.
// RUN: heter-opt %t/ir/05-place.mlir --heter-partition --heter-outline --heter-updates --heter-plan -o %t/opt.mlir
// RUN: heter-opt %t/ir/06-partition.mlir --heter-outline --heter-updates --heter-plan | diff %t/opt.mlir -
