// The package: what a planned module becomes. docs/formats/package.md describes the files.
#ifndef HETER_COMPILER_PACKAGEWRITER_H
#define HETER_COMPILER_PACKAGEWRITER_H

#include "compiler/NativeCode.h"
#include "runtime/package/Package_types.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace heter::compiler {

/// What the roles of a package share and what each executes.
struct PackageContents {
  runtime::package::PackageInfo info;
  std::vector<runtime::package::RoleProgram> programs; ///< in the order of info.roles
};

/// The contents of the package of a module of stage `plan`, checked as a reader checks them. A function of the module
/// alone. Errors are emitted.
mlir::FailureOr<PackageContents> buildPackage(mlir::ModuleOp module);

/// Whether a package may be written to `path`: nothing is there, or an empty folder, or a package, which is replaced.
llvm::Error checkPackageFolder(const std::string &path);

/// Writes the folder `path`: aside first, then renamed, so that a reader finds the old package or the new one. Refuses
/// what checkPackageFolder refuses.
llvm::Error writePackage(const PackageContents &contents, const std::vector<KernelObjectBytes> &kernels,
                         const std::string &explanation, const std::string &path);

} // namespace heter::compiler

#endif // HETER_COMPILER_PACKAGEWRITER_H
