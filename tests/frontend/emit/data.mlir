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
// Labels are held within what their losses take, in every block; what a loss reads in part is not.
// RUN: heter-emit %samples/ctr_dnn.heter | FileCheck %s --check-prefix=BINARY
// BINARY: op = "column", texts = ["col[0]"]}], {{.*}}numbers = [0.000000e+00, 1.000000e+00], op = "within", texts = ["click", "sigmoid_cross_entropy"]
// RUN: heter-emit %samples/ctr_dnn_2class.heter | FileCheck %s --check-prefix=CLASSES
// CLASSES: numbers = [0.000000e+00, 1.000000e+00], op = "within", texts = ["click", "softmax_cross_entropy"]
