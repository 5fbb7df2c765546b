// One role's program on its way from the ps dialect to the task dialect.
#ifndef HETER_PASSES_OUTLINE_PROGRAMOUTLINER_H
#define HETER_PASSES_OUTLINE_PROGRAMOUTLINER_H

#include "dialects/nn/NN.h"
#include "dialects/ps/PS.h"
#include "dialects/task/Task.h"
#include "passes/Outline/Fusion.h"
#include "passes/Outline/Kernels.h"

#include <string>
#include <vector>

namespace heter {

/// Turns one ps.program into a task.program, which takes its place.
class ProgramOutliner {
public:
  /// `kernels` gets the functions of its kernels. Without `fuse` each operation is a node of its own.
  ProgramOutliner(ps::ProgramOp source, KernelFunctions &kernels, bool fuse)
      : source_(source), kernels_(kernels), fuse_(fuse), builder_(source),
        space_(ps::isHeterTrainer(source.getRole()) ? task::Space::Device : task::Space::Host) {}

  /// Erases the ps.program. Fails, having told why, at an operation that has no form in a task graph.
  llvm::LogicalResult run();

private:
  /// Where a value of the source program is to be found in the new one.
  struct Places {
    mlir::Value host, device;
  };

  llvm::LogicalResult outlineBlock(mlir::Block &block);
  llvm::LogicalResult outlineGroup(llvm::ArrayRef<mlir::Operation *> group);
  llvm::LogicalResult outlineNode(mlir::Operation *op);
  llvm::LogicalResult outlineLibrary(llvm::ArrayRef<mlir::Operation *> group);
  llvm::LogicalResult outlineKernel(llvm::ArrayRef<mlir::Operation *> group);
  llvm::LogicalResult outlineIf(nn::IfOp op);
  llvm::LogicalResult outlineWhile(nn::WhileOp op);
  llvm::LogicalResult outlineRegion(mlir::Region &from, mlir::Region &to, mlir::ValueRange captured,
                                    mlir::ValueRange passed, task::Space results);

  /// The value in `space`, copied there if need be; a constant is made by a kernel of its own.
  mlir::Value get(mlir::Value value, task::Space space);
  llvm::SmallVector<mlir::Value> get(mlir::ValueRange values, task::Space space) {
    return llvm::map_to_vector(values, [&](mlir::Value value) { return get(value, space); });
  }
  void set(mlir::Value value, mlir::Value result) {
    Places &places = values_[value];
    (task::spaceOf(result.getType()) == task::Space::Device ? places.device : places.host) = result;
  }
  llvm::SmallVector<mlir::Type> typesIn(mlir::TypeRange types) {
    return llvm::map_to_vector(types, [&](mlir::Type type) { return task::inSpace(type, space_); });
  }
  /// The different keys of `ids`, and each id's place among them: found once a graph.
  task::LibraryOp keysOf(mlir::Value ids);
  mlir::Value outlinePull(ps::PullRowsOp pull);
  mlir::StringAttr label(const llvm::Twine &text) { return builder_.getStringAttr(text); }
  std::string scopeOf(mlir::Value value);
  void remark(const FusionNote &note);
  void remarkApart(task::ProgramOp program);

  ps::ProgramOp source_;
  KernelFunctions &kernels_;
  bool fuse_;
  mlir::OpBuilder builder_;
  task::Space space_; ///< where this role computes
  llvm::DenseMap<mlir::Value, Places> values_;
  std::vector<FusionNote> apart_; ///< What the grouping left apart.
  llvm::DenseMap<mlir::Operation *, mlir::Operation *>
      kernelOf_; ///< The node that each operation in a kernel was made part of.
};

} // namespace heter

#endif // HETER_PASSES_OUTLINE_PROGRAMOUTLINER_H
