// Native code of the kernel functions of a module: one shared object an instruction-set level, made by LLVM and linked
// by LLD in this process. The objects need nothing: no library, no symbol that they do not define.
#ifndef HETER_COMPILER_NATIVECODE_H
#define HETER_COMPILER_NATIVECODE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace heter::compiler {

/// How a level's kernels multiply packed matrices of bf16. Only packages that do so have kernels for levels that can.
enum class TileProducts { None, Vectors, Amx };

/// An instruction-set level of the cpu class, and what a machine must have to run it.
struct IsaLevel {
  std::string name;                     ///< e.g. x86-64-v4: the name in file names
  std::vector<std::string> cpuFeatures; ///< as the kernel's flags in /proc/cpuinfo have them
  std::string cpu;                      ///< LLVM's name of a CPU that has them ..
  std::string extensions;               ///< .. but for these, as LLVM writes them
  TileProducts tiles = TileProducts::None;
};

/// The levels that a package has kernels for, lowest first.
const std::vector<IsaLevel> &isaLevels();

struct KernelObjectBytes {
  IsaLevel isa;
  std::string object; ///< a relocatable ELF object
};

/// Compiles every func.func of `module` for every level; with `tiles` also the kernels on packed matrices
/// (TileKernels.h), for the levels that have them. The entries have the functions' names and the kernel ABI. The same
/// module gives the same bytes. `module` is not changed.
mlir::FailureOr<std::vector<KernelObjectBytes>> compileKernels(mlir::ModuleOp module, bool tiles = false);

/// Links `object` into the shared object `path`; `path` + ".o" is used meanwhile.
llvm::Error linkSharedObject(llvm::StringRef object, llvm::StringRef path);

/// Registers the translations that compileKernels needs; the context must be made with `registry`.
void registerNativeCode(mlir::DialectRegistry &registry);

} // namespace heter::compiler

#endif // HETER_COMPILER_NATIVECODE_H
