// One graph of a package from one block of task operations, and the pieces of the schema that follow from MLIR types.
#ifndef HETER_COMPILER_PACKAGEGRAPH_H
#define HETER_COMPILER_PACKAGEGRAPH_H

#include "runtime/package/Package_types.h"

#include "mlir/IR/Block.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"

namespace heter::compiler {

/// Kind and type of a value: a tensor, a ragged value (the type is that of one element) or rows.
std::pair<runtime::package::ValueKind::type, runtime::package::TensorType> packageType(mlir::Type type);

/// An i64, f64, text, i64 array or bool.
runtime::package::Attribute packageAttribute(mlir::Attribute attribute);

/// FILE:LINE:COL of the first source location in `loc`, or "". Only the file's own name counts, so that a package does
/// not depend on where its source lay.
std::string packageLocation(mlir::Location loc);

/// The graph of a program or of a region. `segments` may be null.
runtime::package::Graph packageGraph(mlir::Block &block, mlir::ArrayAttr segments);

} // namespace heter::compiler

#endif // HETER_COMPILER_PACKAGEGRAPH_H
