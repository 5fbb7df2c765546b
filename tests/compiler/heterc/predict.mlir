// The program that predicts goes through every stage: without labels, reports, gradients and updates.
// RUN: rm -rf %t && mkdir -p %t
// RUN: heterc %samples/ctr_dnn.heter -o %t/pkg --mode=heter-ps --dump-ir=%t/ir
// RUN: FileCheck %s --check-prefix=NN < %t/ir/01-frontend.mlir
// RUN: FileCheck %s --check-prefix=NN < %t/ir/02-autodiff.mlir
// RUN: FileCheck %s --check-prefix=NN < %t/ir/03-simplify.mlir
// NN: nn.program @predict
// NN-NOT: {{"click"|nn.report|nn.minimize|nn.update}}
// NN: nn.predict "prediction"
// NN-NOT: {{nn.report|nn.minimize|nn.update}}

// RUN: FileCheck %s --check-prefix=PS < %t/ir/04-distribute.mlir
// RUN: FileCheck %s --check-prefix=PS < %t/ir/05-place.mlir
// PS: nn.program @predict
// PS-NOT: {{"click"|nn.report|ps.push}}
// PS: nn.predict "prediction"
// PS-NOT: {{nn.report|ps.push}}

// RUN: FileCheck %s --check-prefix=CUT < %t/ir/06-partition.mlir
// CUT: ps.program @"cpu-trainer.predict"
// CUT-NOT: {{"click"|nn.report|ps.push}}
// CUT: ps.recv
// CUT: nn.predict "prediction"
// CUT: ps.program @"heter-trainer.heter.predict"
// CUT-NOT: {{nn.report|ps.push}}

// RUN: FileCheck %s --check-prefix=TASK < %t/ir/07-outline.mlir
// RUN: FileCheck %s --check-prefix=TASK < %t/ir/09-plan.mlir
// TASK: task.program @"cpu-trainer.predict"
// TASK-NOT: {{"click"|task.report|task.push}}
// TASK: task.predict "prediction"
// TASK: task.program @"heter-trainer.heter.predict"
// TASK-NOT: {{task.report|task.push}}

// A model that predicts nothing has no such program.
// RUN: grep -v "^predict" %samples/lr.heter > %t/silent.heter
// RUN: heterc %t/silent.heter -o %t/silent --dump-ir=%t/none
// RUN: FileCheck %s --check-prefix=NONE --implicit-check-not=predict < %t/none/01-frontend.mlir
// NONE: nn.program @infer

// What a role does when it predicts is in the report.
// RUN: FileCheck %s --check-prefix=EXPLAIN < %t/pkg/explain.txt
// EXPLAIN: ==== predict ====
// EXPLAIN: cpu-trainer -> heter-trainer.heter
