// The class that writes a checked model in the nn dialect: programs and symbols in Emit.cpp, operations in
// EmitOperations.cpp.
#ifndef HETER_FRONTEND_EMIT_EMITTER_H
#define HETER_FRONTEND_EMIT_EMITTER_H

#include "dialects/nn/NN.h"
#include "frontend/check/Model.h"
#include "frontend/emit/TargetRanges.h"
#include "frontend/syntax/Diagnostics.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <string>

namespace heter::frontend {

/// The programs of a model.
enum class Goal { Train, Infer, Predict };

/// Emits one model, once. Reads a model that checkSupported let pass.
class Emitter {
public:
  Emitter(const Model &model, mlir::MLIRContext &context, const SourceManager &sources)
      : model_(model), sources_(sources), builder_(&context), targets_(targetRanges(model)) {}

  mlir::OwningOpRef<mlir::ModuleOp> run();

private:
  using Values = llvm::SmallVector<mlir::Value>;

  // Attributes and types.
  llvm::StringRef fileName(SourceRange range) const;
  std::string place(SourceRange range) const;
  mlir::Location location(SourceRange range) const;
  mlir::Location location(const Op &op) const;
  mlir::Type typeOf(const Type &type) const;
  mlir::RankedTensorType tensorOf(const Type &type) const { return llvm::cast<mlir::RankedTensorType>(typeOf(type)); }
  nn::InitAttr initOf(const Initializer &init) { return nn::InitAttr::get(context(), init.kind, init.scale); }
  nn::OptimizerAttr denseOptimizer();
  nn::RuleAttr ruleOf(const StoreRule &rule);
  nn::PlaceAttr placeOf(int mark);
  nn::Precision precisionOf(int mark) const;
  mlir::DictionaryAttr dataOf(const DataExpression &expression);
  mlir::DictionaryAttr dataOf(const DataBinding &binding);
  mlir::DictionaryAttr dataOf(const DataSource &source);
  mlir::MLIRContext *context() const { return builder_.getContext(); }

  // Programs.
  void symbols(llvm::ArrayRef<bool> usedParameters);
  void program(Goal goal);
  void inputs(Goal goal);
  void goals(Goal goal);
  mlir::Value use(ValueId value);
  mlir::Value emit(const Op &op, bool inferring);
  mlir::Value emitSource(const Op &op, mlir::Type type);
  mlir::Value emitShape(const Op &op, mlir::Type type);
  mlir::Value emitElementwise(const Op &op);
  mlir::Value emitLinear(const Op &op);
  mlir::Value emitLayer(const Op &op);
  mlir::Value emitReduction(const Op &op, mlir::Type type);
  mlir::Value emitBroadcast(const Op &op, mlir::Type type);
  mlir::Value emitMatmul(const Op &op, mlir::Type type);
  mlir::Value emitLookup(const Op &op, const Op &goal, llvm::StringRef pool);
  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<int64_t> shape);
  mlir::Value spread(mlir::Value value, const Type &from, const Type &to);

  const Type &type(ValueId value) const { return model_.values[value].type; }
  /// The tensor dimension of an axis of a value.
  int64_t dimOf(ValueId value, const Op &op, const char *attribute = "axis") const {
    return std::get<int64_t>(op.attributes.at(attribute)) + (type(value).spread == Spread::Example);
  }
  static int64_t integer(const Op &op, const char *name) { return std::get<int64_t>(op.attributes.at(name)); }
  static double number(const Op &op, const char *name) { return std::get<double>(op.attributes.at(name)); }
  static std::string text(const Op &op, const char *name) { return std::get<std::string>(op.attributes.at(name)); }

  const Model &model_;
  const SourceManager &sources_;
  mlir::OpBuilder builder_;
  std::map<std::string, TargetRange> targets_;
  std::map<ValueId, mlir::Value> values_;
  mlir::Location loc_ = builder_.getUnknownLoc(); ///< Of the operation being emitted.
  nn::PlaceAttr place_;                           ///< Likewise.
  nn::Precision precision_ = nn::Precision::F32;  ///< Likewise.
};

} // namespace heter::frontend

#endif // HETER_FRONTEND_EMIT_EMITTER_H
