// Remarks of passes on what was fused: heterc --explain lists them.
#ifndef HETER_PASSES_REMARKS_H
#define HETER_PASSES_REMARKS_H

#include "dialects/task/Task.h"

#include "mlir/IR/Remarks.h"

namespace heter {

inline void remark(mlir::Operation *op, bool fused, const llvm::Twine &text) {
  auto options = mlir::remark::RemarkOpts::name(fused ? "fused" : "not-fused").category("heter-fuse");
  if (auto program = op->getParentOfType<task::ProgramOp>())
    options = options.function(program.getSymName());
  std::string message = text.str();
  if (fused)
    mlir::remark::passed(op->getLoc(), options) << llvm::StringRef(message);
  else
    mlir::remark::missed(op->getLoc(), options) << llvm::StringRef(message);
}

} // namespace heter

#endif // HETER_PASSES_REMARKS_H
