// Clipping of the dense gradients, by their global norm or each value, as operations of the program.
#ifndef HETER_PASSES_AUTODIFF_CLIP_H
#define HETER_PASSES_AUTODIFF_CLIP_H

#include "dialects/nn/NN.h"

namespace heter {

/// A gradient of a parameter or table part, and the place of the operation that read it.
struct SourceGradient {
  mlir::Value value;
  nn::PlaceAttr place;
};

/// Replaces each of `gradients` (of dense parameters, times the number of examples B as differentiation makes them) by
/// itself times c / max(c, norm), where c is the clip of `minimize` and norm the square root of the sum of all their
/// squares, over B (Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks, ICML 2013). A
/// gradient is squared and scaled where it is; the norm is put together there too if all are in one role, else where
/// the model is not marked. Where nothing is clipped the gradients keep their bits: c / c is 1. Operations go to the
/// end of the block of `minimize`.
void clipNorm(nn::MinimizeOp minimize, llvm::MutableArrayRef<SourceGradient *> gradients);

/// Replaces each of `gradients` (as above) by itself with every element kept between -c B and c B, which keeps those of
/// the mean gradient between -c and c, where c is the clip_value of `minimize`. NaN stays NaN.
void clipValues(nn::MinimizeOp minimize, llvm::MutableArrayRef<SourceGradient *> gradients);

} // namespace heter

#endif // HETER_PASSES_AUTODIFF_CLIP_H
