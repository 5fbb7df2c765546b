// Remarks of passes on what was fused: heterc --explain lists them.
#ifndef HETER_PASSES_REMARKS_H
#define HETER_PASSES_REMARKS_H

#include "dialects/task/Task.h"

#include "mlir/IR/Remarks.h"

namespace heter {

/// Says of the program called `program` what of `op` was fused, or what was not, and behind ": " why.
inline void remark(mlir::Operation *op, bool fused, const llvm::Twine &text, llvm::StringRef program) {
  auto options = mlir::remark::RemarkOpts::name(fused ? "fused" : "not-fused").category("heter-fuse").function(program);
  std::string message = text.str();
  if (fused)
    mlir::remark::passed(op->getLoc(), options) << llvm::StringRef(message);
  else
    mlir::remark::missed(op->getLoc(), options) << llvm::StringRef(message);
}

/// Of the program that `op` is in.
inline void remark(mlir::Operation *op, bool fused, const llvm::Twine &text) {
  auto program = op->getParentOfType<task::ProgramOp>();
  remark(op, fused, text, program ? program.getSymName() : llvm::StringRef());
}

} // namespace heter

#endif // HETER_PASSES_REMARKS_H
