// Kernel functions compiled in process and loaded, for tests that call them.
#ifndef HETER_TESTS_COMPILER_KERNELS_COMPILEDKERNELS_H
#define HETER_TESTS_COMPILER_KERNELS_COMPILEDKERNELS_H

#include "tests/reference/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <string>
#include <vector>

namespace heter::compiler {

/// The kernels of a module of func.funcs, for every instruction-set level that this processor has.
class CompiledKernels {
public:
  /// Parses and compiles `source`; a failure is a test failure and leaves ok() false.
  explicit CompiledKernels(const std::string &source);
  ~CompiledKernels();

  bool ok() const { return !libraries_.empty(); }
  size_t levels() const { return libraries_.size(); }
  mlir::ModuleOp module() { return *module_; }

  /// Calls a kernel of a level. The results have the shapes of `outputs`, whose elements are not read. Numbers pass
  /// as f32, integers as i64 or, if the kernel's type says so, as bool.
  std::vector<reference::Tensor> call(size_t level, const std::string &name,
                                      const std::vector<reference::Tensor> &inputs,
                                      const std::vector<reference::Tensor> &outputs);

private:
  std::unique_ptr<mlir::MLIRContext> context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  std::vector<void *> libraries_;
};

} // namespace heter::compiler

#endif // HETER_TESTS_COMPILER_KERNELS_COMPILEDKERNELS_H
