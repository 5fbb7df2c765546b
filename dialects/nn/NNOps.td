// The nn dialect's operations.
#ifndef HETER_DIALECTS_NN_NNOPS_TD
#define HETER_DIALECTS_NN_NNOPS_TD

include "dialects/nn/NNPrograms.td"
include "dialects/nn/NNForward.td"
include "dialects/nn/NNBackward.td"
include "dialects/nn/NNEffects.td"

#endif // HETER_DIALECTS_NN_NNOPS_TD
