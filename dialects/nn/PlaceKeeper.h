// A rewrite listener that keeps the places of operations: whatever a rewrite builds without a place takes the place of
// the operation that it replaces.
#ifndef HETER_DIALECTS_NN_PLACEKEEPER_H
#define HETER_DIALECTS_NN_PLACEKEEPER_H

#include "dialects/nn/NN.h"

#include "mlir/IR/PatternMatch.h"

namespace heter::nn {

/// Set it as the listener of a rewriter or of a greedy rewrite (GreedyRewriteConfig::setListener); it must outlive it.
/// An operation that is built but replaces nothing stays as it was built.
class PlaceKeeper : public mlir::RewriterBase::Listener {
public:
  void notifyOperationInserted(mlir::Operation *op, mlir::OpBuilder::InsertPoint) override {
    auto placeable = llvm::dyn_cast<PlaceableOpInterface>(op);
    if (placeable && !placeable.getPlaceAttr())
      pending_.push_back(op);
  }

  void notifyOperationReplaced(mlir::Operation *op, mlir::ValueRange) override { keep(getPlace(op)); }

  void notifyOperationModified(mlir::Operation *op) override { keep(getPlace(op)); }

  void notifyOperationErased(mlir::Operation *op) override { llvm::erase(pending_, op); }

private:
  void keep(PlaceAttr place) {
    for (mlir::Operation *op : pending_)
      llvm::cast<PlaceableOpInterface>(op).setPlaceAttr(place);
    pending_.clear();
  }

  llvm::SmallVector<mlir::Operation *> pending_; // inserted without a place since the last replacement
};

} // namespace heter::nn

#endif // HETER_DIALECTS_NN_PLACEKEEPER_H
