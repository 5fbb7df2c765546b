// Matrix products in bf16 on packed matrices: which values are packed, once and as what, and what a product does last.
#ifndef HETER_PASSES_OUTLINE_PACKING_H
#define HETER_PASSES_OUTLINE_PACKING_H

#include "dialects/task/Task.h"

namespace heter {

/// Makes each `matmul` in bf16 of two matrices in `program` a `product` of packed matrices. A value is packed once as
/// each factor that it is used as: a parameter where it is pulled, another value by one `pack` behind what makes it.
/// With `fuse`, a product packs its own result, and the mask and column sums of a gradient behind it become its end.
/// Remarks say what was fused.
void packProducts(task::ProgramOp program, bool fuse);

} // namespace heter

#endif // HETER_PASSES_OUTLINE_PACKING_H
