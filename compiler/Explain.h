// The report of heterc --explain: what runs where and why, what crosses, and what it costs.
#ifndef HETER_COMPILER_EXPLAIN_H
#define HETER_COMPILER_EXPLAIN_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace heter::compiler {

/// Describes a module of stage partition as text of at most 80 columns where names allow: per graph the ops and FLOPs
/// of each role, each message with its tensors and their bytes, and every op with its source line and the reason for
/// its role. Depends on the module alone.
std::string explain(mlir::ModuleOp partitioned);

} // namespace heter::compiler

#endif
