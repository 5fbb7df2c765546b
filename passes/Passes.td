// Every pass of Heter, in the order of the stages: summary, what goes in and what comes out.
#ifndef HETER_PASSES_PASSES_TD
#define HETER_PASSES_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // HETER_PASSES_PASSES_TD
