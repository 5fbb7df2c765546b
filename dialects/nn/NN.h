// The nn dialect: what a recommendation model computes. This one header gives the dialect, its attributes, types,
// interfaces and operations.
#ifndef HETER_DIALECTS_NN_NN_H
#define HETER_DIALECTS_NN_NN_H

#include "optimizers/Rules.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace mlir {
class PatternRewriter;
} // namespace mlir

#include "dialects/nn/NNDialect.h.inc"

#include "dialects/nn/NNEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/nn/NNAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/nn/NNTypes.h.inc"

#include "dialects/nn/NNInterfaces.h.inc"

namespace heter::nn {

/// What `op` needs before it can run: its operands and what its regions use from around it, in a fixed order.
llvm::SetVector<mlir::Value> usedValues(mlir::Operation *op);

/// Whether no dimension of the ranked tensor `type` is dynamic, except perhaps dimension 0 (the batch).
bool isValueShape(mlir::Type type);

/// Whether dimension 0 of `type` is the batch.
bool isBatched(mlir::RankedTensorType type);

/// The place of an operation of a program, or null.
PlaceAttr getPlace(mlir::Operation *op);

/// The assembly format's `custom<Precision>($precision)`: `precision(bf16)`, nothing for f32.
mlir::ParseResult parsePrecision(mlir::OpAsmParser &parser, PrecisionAttr &precision);
void printPrecision(mlir::OpAsmPrinter &printer, mlir::Operation *op, PrecisionAttr precision);

/// The assembly format's `custom<Pool>($pool)`, for operations of any dialect: `pool(sum)`, nothing for none.
mlir::ParseResult parsePool(mlir::OpAsmParser &parser, PoolAttr &pool);
void printPool(mlir::OpAsmPrinter &printer, mlir::Operation *op, PoolAttr pool);

/// Names of the module's attributes (see the dialect's description).
inline constexpr llvm::StringLiteral kStageAttr = "nn.stage";
inline constexpr llvm::StringLiteral kModeAttr = "nn.mode";
inline constexpr llvm::StringLiteral kSeedAttr = "nn.seed";
inline constexpr llvm::StringLiteral kFuseAttr = "nn.fuse";
inline constexpr llvm::StringLiteral kDataAttr = "nn.data";

} // namespace heter::nn

namespace heter::nn {

/// Of an operation whose every result element follows from one element of each operand: generated code computes it in
/// any loop over its result, without memory of its own.
template <typename ConcreteType> class Pointwise : public mlir::OpTrait::TraitBase<ConcreteType, Pointwise> {};

/// Of a pointwise operation that is cheaper to compute again, for each element that a broadcast makes of it, than to
/// keep in memory.
template <typename ConcreteType> class Cheap : public mlir::OpTrait::TraitBase<ConcreteType, Cheap> {};

} // namespace heter::nn

#define GET_OP_CLASSES
#include "dialects/nn/NNOps.h.inc"

namespace heter::nn {

/// Whether `first` is the softmax_cross_entropy of the logits and labels of whose loss `second` is the gradient: they
/// look along the same rows for the same. Either may be null.
bool areLossAndGradient(mlir::Operation *first, mlir::Operation *second);

/// Checks what an update of `part` says of shows and clicks: `counts` (which may be null) are there if and only if the
/// table scores its rows and the part is the one that counts.
mlir::LogicalResult verifyCounts(mlir::Operation *op, TableOp table, llvm::StringRef part, mlir::Value counts);

} // namespace heter::nn

#endif // HETER_DIALECTS_NN_NN_H
