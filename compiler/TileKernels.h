// The kernels on packed matrices: products of bf16 tiles, through AMX or vectors, with their ends, and packing. One of
// each serves every product of a package, because sizes and what is wanted are arguments.
#ifndef HETER_COMPILER_TILEKERNELS_H
#define HETER_COMPILER_TILEKERNELS_H

#include "compiler/NativeCode.h"

#include "mlir/IR/BuiltinOps.h"

namespace heter::compiler {

/// Appends `heter.tiles.product` and `heter.tiles.pack` (docs/formats/package.md) to `target`, in the LLVM dialect.
/// REQUIRES: the context was made with registerNativeCode's registry.
mlir::LogicalResult emitTileKernels(mlir::ModuleOp target, TileProducts kind);

} // namespace heter::compiler

#endif // HETER_COMPILER_TILEKERNELS_H
