// Kernels that mask a gradient where an activation was cut off: the products before them can do it last.
#ifndef HETER_PASSES_OUTLINE_MASKS_H
#define HETER_PASSES_OUTLINE_MASKS_H

#include "dialects/task/Task.h"

#include <optional>

namespace heter {

/// A kernel that masks a gradient where `activation` was cut off, and perhaps sums the result's columns.
struct Mask {
  task::KernelOp kernel;
  mlir::Value activation;
  mlir::Value masked; ///< null if nobody reads it
  mlir::Value sums;   ///< null if it makes none
};

/// The kernel behind `product`, if masking with the sums of columns is all it does.
std::optional<Mask> maskBehind(task::LibraryOp product);

/// Matrix products in f32 do last what the masking kernel that alone reads their result does. Remarks what was fused.
void fuseMasks(task::ProgramOp program);

} // namespace heter

#endif // HETER_PASSES_OUTLINE_MASKS_H
