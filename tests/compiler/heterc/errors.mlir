// What heterc refuses, in one sentence each; tests/e2e/test_wrong_input.py has more.
// RUN: rm -rf %t && mkdir -p %t/occupied && echo text > %t/occupied/file && echo text > %t/plain
// RUN: heterc %samples/ctr_dnn.heter -o %t/pkg --dump-ir=%t/ir
// RUN: not heterc 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: usage: heterc FILE -o PKG [flags]
// RUN: not heterc %samples/ctr_dnn.heter 2>&1 | FileCheck %s --check-prefix=OUTPUT
// OUTPUT: heterc: error: -o PKG is missing: The folder to write
// RUN: not heterc %samples/ctr_dnn.heter -o %t/a --mod=ps 2>&1 | FileCheck %s --check-prefix=FLAG
// FLAG: heterc: error: there is no flag `--mod`; did you mean `--mode`?
// RUN: not heterc %samples/ctr_dnn.heter -o %t/a --mode=heter_ps 2>&1 | FileCheck %s --check-prefix=MODE
// MODE: heterc: error: --mode: expected local, ps or heter-ps, got `heter_ps`; did you mean `heter-ps`?
// RUN: not heterc %samples/ctr_dnn.heter -o %t/a --explain=all 2>&1 | FileCheck %s --check-prefix=SWITCH
// SWITCH: heterc: error: `--explain` takes no value
// RUN: not heterc %samples/ctr_dnn.heter -o 2>&1 | FileCheck %s --check-prefix=VALUE
// VALUE: heterc: error: `-o` wants a value: PKG
// RUN: not heterc %samples/ctr_dnn.heter %samples/lr.heter -o %t/a 2>&1 | FileCheck %s --check-prefix=TWO
// TWO: heterc: error: `{{.*}}lr.heter` is one argument too many
// RUN: not heterc %t/missing.heter -o %t/a 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: heterc: error: there is no file `{{.*}}missing.heter`
// RUN: not heterc %t/plain -o %t/a 2>&1 | FileCheck %s --check-prefix=PROSE
// PROSE: heterc: error: cannot read {{.*}}plain: it is no model, which begins with `model NAME`
// PROSE-NOT: {{.}}
// RUN: not heterc %t/pkg/package.bin -o %t/a 2>&1 | FileCheck %s --check-prefix=BINARY
// BINARY: heterc: error: cannot read {{.*}}package.bin: it is no text: byte {{.*}} in line 1
// BINARY-NOT: {{.}}
// RUN: echo 'func.func @f() { return }' > %t/f.mlir
// RUN: not heterc %t/f.mlir -o %t/a 2>&1 | FileCheck %s --check-prefix=OTHERMLIR
// OTHERMLIR: heterc: error: `{{.*}}f.mlir` is no dump of a stage: it has no nn.stage; `heterc MODEL.heter --dump-ir=DIR` writes dumps
// RUN: not heterc %s -o %t/a 2>&1 | FileCheck %s --check-prefix=STAGE
// STAGE: heterc: error: `{{.*}}errors.mlir` is no dump of a stage: its module has no nn.stage
// RUN: not heterc %t/ir/05-place.mlir -o %t/a --mode=ps 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: heterc: error: `{{.*}}05-place.mlir` was compiled with --mode=local, so --mode=ps cannot go on from it
// RUN: not heterc %t/ir/07-outline.mlir -o %t/a --no-fuse 2>&1 | FileCheck %s --check-prefix=LATE
// LATE: heterc: error: `{{.*}}07-outline.mlir` is past the stage that fuses, so --no-fuse comes too late
// RUN: not heterc %samples/ctr_dnn.heter -o %t/occupied 2>&1 | FileCheck %s --check-prefix=OCCUPIED
// OCCUPIED: heterc: error: cannot write a package to {{.*}}occupied: something else is there; give another -o or remove it
// A saved model has a manifest too.
// RUN: mkdir %t/model && echo '{}' > %t/model/manifest.json
// RUN: not heterc %samples/ctr_dnn.heter -o %t/model 2>&1 | FileCheck %s --check-prefix=MODEL
// MODEL: heterc: error: cannot write a package to {{.*}}model: something else is there; give another -o or remove it
// RUN: not heterc %samples/ctr_dnn.heter -o %t/plain/pkg 2>&1 | FileCheck %s --check-prefix=UNDER
// UNDER: heterc: error: cannot write a package to {{.*}}plain/pkg: {{.*}}plain is no folder
// RUN: not heterc %samples/ctr_dnn.heter -o %t/a --dump-ir=%t/plain/ir 2>&1 | FileCheck %s --check-prefix=FOLDER
// FOLDER: heterc: error: --dump-ir: cannot make the folder `{{.*}}plain/ir`: Not a directory
// RUN: not heterc %samples/lr.heter -o %t/a --mode=heter-ps 2>&1 | FileCheck %s --check-prefix=MARK --implicit-check-not=note
// MARK: mark a region with `on heter`
// RUN: sed 's/^logit = sum(\(.*\), axis: 0)/logit = each(max(\1))/' %samples/lr.heter > %t/max.heter
// RUN: not heterc %t/max.heter -o %t/a 2>&1 | FileCheck %s --check-prefix=MAX
// MAX: error: the gradient of `max` or `min` over the batch, or over axes that are not neighbours, is not supported yet
// Nothing was written, and a package is replaced whole.
// RUN: not ls %t/a
// RUN: heterc %samples/lr.heter -o %t/pkg && FileCheck %s --check-prefix=REPLACED < %t/pkg/manifest.json
// REPLACED: "model": "lr"
// RUN: ls %t | FileCheck %s --check-prefix=CLEAN
// CLEAN-NOT: .new-
// RUN: heterc --help | FileCheck %s --check-prefix=HELP
// HELP: usage: heterc FILE -o PKG [flags]
// HELP: Examples:
