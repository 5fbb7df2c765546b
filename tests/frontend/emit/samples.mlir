// Every shipped sample is emitted, verified and differentiated.
// RUN: heter-emit %samples/lr.heter | heter-opt --heter-autodiff --heter-simplify -o /dev/null
// RUN: heter-emit %samples/ctr_dnn_2class.heter | heter-opt --heter-autodiff --heter-simplify -o /dev/null
// RUN: heter-emit %samples/ctr_dnn_large.heter | heter-opt --heter-autodiff --heter-simplify -o /dev/null
// RUN: heter-emit %samples/deepfm.heter | heter-opt --heter-autodiff --heter-simplify -o /dev/null
// RUN: heter-emit %samples/dcn_v2.heter | heter-opt --heter-autodiff --heter-simplify -o /dev/null
// RUN: heter-emit %samples/wide_deep.heter | heter-opt --heter-autodiff --heter-simplify -o /dev/null
// RUN: heter-emit %samples/mmoe.heter | heter-opt --heter-autodiff --heter-simplify -o /dev/null
// RUN: heter-emit %samples/esmm.heter | heter-opt --heter-autodiff --heter-simplify -o /dev/null
// RUN: heter-emit %samples/dlrm.heter | heter-opt --heter-autodiff --heter-simplify -o /dev/null
// RUN: heter-emit %samples/two_classes.heter | heter-opt --heter-autodiff --heter-simplify -o /dev/null
