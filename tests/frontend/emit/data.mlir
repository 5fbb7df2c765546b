// Data blocks with their options and functions, as the module carries them to the package.
// RUN: heter-emit %S/../models/wide_deep.heter | FileCheck %s --check-prefix=CSV
// CSV: nn.data = [
// CSV-SAME: numbers = [1.800000e+01, 2.500000e+01,
// CSV-SAME: op = "bucket"
// CSV-SAME: op = "cross"
// CSV-SAME: format = "csv", name = "adult", options = {missing = "?", trim = true}
// RUN: heter-emit %samples/ctr_dnn.heter | FileCheck %s --check-prefix=SLOT
// SLOT: numbers = [1.300000e+01], op = "spread"
// SLOT-SAME: format = "slot", name = "paddle"
