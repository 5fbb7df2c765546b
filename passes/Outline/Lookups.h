// Lookups write where their values are wanted, and their gradients are read where they are made.
#ifndef HETER_PASSES_OUTLINE_LOOKUPS_H
#define HETER_PASSES_OUTLINE_LOOKUPS_H

#include "dialects/task/Task.h"

namespace heter {

/// Makes each `lookup` in `program` give the shape that alone is read, and a `concat` of lookups and other values one
/// `lookup` that writes all of them side by side. A `lookup_grad` reads a part of each example's gradient in place of a
/// slice of it. Remarks say what was fused.
void fuseLookups(task::ProgramOp program);

} // namespace heter

#endif // HETER_PASSES_OUTLINE_LOOKUPS_H
