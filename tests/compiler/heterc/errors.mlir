// What heterc refuses, in one sentence each, with exit code 1.
// RUN: rm -rf %t && mkdir -p %t/occupied && echo text > %t/occupied/file && echo text > %t/plain
// RUN: heterc %samples/ctr_dnn.heter -o %t/pkg --dump-ir=%t/ir
// RUN: not heterc 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: heterc: error: give a model (NAME.heter) or a dump (NAME.mlir) to compile; --help shows examples
// RUN: not heterc %samples/ctr_dnn.heter 2>&1 | FileCheck %s --check-prefix=OUTPUT
// OUTPUT: heterc: error: say with -o PKG which folder the package is written to
// RUN: not heterc %samples/ctr_dnn.heter -o %t/a --mod=ps 2>&1 | FileCheck %s --check-prefix=FLAG
// FLAG: heterc: error: there is no flag `--mod`, did you mean `--mode`?
// RUN: not heterc %samples/ctr_dnn.heter -o %t/a --mode=heter_ps 2>&1 | FileCheck %s --check-prefix=MODE
// MODE: heterc: error: --mode is local, ps or heter-ps, not `heter_ps`, did you mean `heter-ps`?
// RUN: not heterc %samples/ctr_dnn.heter -o %t/a --explain=all 2>&1 | FileCheck %s --check-prefix=SWITCH
// SWITCH: heterc: error: `--explain` takes no value
// RUN: not heterc %samples/ctr_dnn.heter -o 2>&1 | FileCheck %s --check-prefix=VALUE
// VALUE: heterc: error: `-o` wants a value
// RUN: not heterc %samples/ctr_dnn.heter %samples/lr.heter -o %t/a 2>&1 | FileCheck %s --check-prefix=TWO
// TWO: heterc: error: one input is compiled at a time, got {{.*}}ctr_dnn.heter and {{.*}}lr.heter
// RUN: not heterc %t/missing.heter -o %t/a 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: heterc: error: there is no file {{.*}}missing.heter
// RUN: not heterc %s -o %t/a 2>&1 | FileCheck %s --check-prefix=STAGE
// STAGE: heterc: error: {{.*}}errors.mlir: is no dump of a stage: its module has no nn.stage
// RUN: not heterc %t/ir/05-place.mlir -o %t/a --mode=ps 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: heterc: error: {{.*}}05-place.mlir: was compiled with --mode=local, so --mode=ps cannot go on from it
// RUN: not heterc %t/ir/07-outline.mlir -o %t/a --no-fuse 2>&1 | FileCheck %s --check-prefix=LATE
// LATE: heterc: error: {{.*}}07-outline.mlir: is past the stage that fuses, so --no-fuse comes too late
// RUN: not heterc %samples/ctr_dnn.heter -o %t/occupied 2>&1 | FileCheck %s --check-prefix=OCCUPIED
// OCCUPIED: heterc: error: cannot write a package to {{.*}}occupied: something else is there; give another -o or remove it
// A saved model has a manifest too.
// RUN: mkdir %t/model && echo '{}' > %t/model/manifest.json
// RUN: not heterc %samples/ctr_dnn.heter -o %t/model 2>&1 | FileCheck %s --check-prefix=MODEL
// MODEL: heterc: error: cannot write a package to {{.*}}model: something else is there; give another -o or remove it
// RUN: not heterc %samples/ctr_dnn.heter -o %t/plain/pkg 2>&1 | FileCheck %s --check-prefix=UNDER
// UNDER: heterc: error: cannot make the folder {{.*}}plain/pkg: Not a directory
// RUN: not heterc %samples/ctr_dnn.heter -o %t/a --dump-ir=%t/plain/ir 2>&1 | FileCheck %s --check-prefix=FOLDER
// FOLDER: heterc: error: cannot make the folder {{.*}}plain/ir: Not a directory
// RUN: not heterc %samples/lr.heter -o %t/a --mode=heter-ps 2>&1 | FileCheck %s --check-prefix=MARK --implicit-check-not=note
// MARK: mark a region with `on heter`
// Nothing was written, and a package is replaced whole.
// RUN: not ls %t/a
// RUN: heterc %samples/lr.heter -o %t/pkg && FileCheck %s --check-prefix=REPLACED < %t/pkg/manifest.json
// REPLACED: "model": "lr"
// RUN: ls %t | FileCheck %s --check-prefix=CLEAN
// CLEAN-NOT: .new-
// RUN: heterc --help | FileCheck %s --check-prefix=HELP
// HELP: usage: heterc SPEC.heter|DUMP.mlir -o PKG [flags]
// HELP: examples:
