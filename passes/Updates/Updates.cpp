// Stage 8: marks the pushes whose parameter is updated in the product that makes the gradient, and says why others are
// not. The order of the nodes is final here, and no value has a place in memory yet.
#include "dialects/ps/PS.h"
#include "dialects/task/Task.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;

namespace heter {

#define GEN_PASS_DEF_UPDATES
#include "passes/Passes.h.inc"

namespace {

/// A gradient as large as a second-level cache.
constexpr int64_t kFewestBytes = int64_t{2} << 20;

/// Marks the pushes of one program and tells of them, one remark for all that share a reason.
class Marker {
public:
  Marker(task::ProgramOp program, bool fuse) : program_(program), fuse_(fuse) {}

  void run() {
    program_.walk([&](task::PushDenseOp push) { mark(push); });
    llvm::MapVector<StringRef, task::PushRowsOp> tables;
    program_.walk([&](task::PushRowsOp push) { tables.insert({push.getTable(), push}); });
    if (!marked_.empty())
      remark(
          marked_.front(), true,
          "product + update of " + namesOf(marked_) +
              ": block by block while the product makes the gradient, in synchronous runs of one micro-batch a step");
    for (auto &[reason, pushes] : apart_)
      remark(pushes.front(), false, "product, update of " + namesOf(pushes) + " apart: " + reason);
    for (auto &[table, push] : tables)
      remark(push, false, "lookup_grad, update of " + table + " apart: rows are updated when the step is closed");
  }

private:
  using Pushes = SmallVector<task::PushDenseOp>;

  void mark(task::PushDenseOp push) {
    push.setUpdateAfterAttr(nullptr);
    const task::EarlyUpdate update = find(push);
    if (!update.whyNot.empty())
      return apart_[update.whyNot].push_back(push);
    push.setUpdateAfter(update.after);
    marked_.push_back(push);
  }

  task::EarlyUpdate find(task::PushDenseOp push) const {
    if (!fuse_)
      return {{}, "asked for by --no-fuse"};
    if (task::unitBytes(cast<RankedTensorType>(push.getGradient().getType())) < kFewestBytes)
      return {{}, "the gradient is smaller than 2 MiB, so it stays in a cache until the step is closed"};
    return task::earlyUpdateOf(push);
  }

  static std::string namesOf(const Pushes &pushes) {
    return llvm::join(llvm::map_range(pushes, [](task::PushDenseOp push) { return push.getParameter().str(); }), ", ");
  }

  task::ProgramOp program_;
  bool fuse_;
  Pushes marked_;
  std::map<std::string, Pushes> apart_; ///< By reason.
};

/// Remarks for the whole module: whoever pushes to servers updates nothing.
void remarkServers(ModuleOp module, bool dense, bool rows) {
  constexpr auto *why = " apart: servers update them, from what trainers push";
  if (dense)
    remark(module, false, Twine("product, update of dense parameters") + why, ps::kServer);
  if (rows)
    remark(module, false, Twine("lookup_grad, update of rows") + why, ps::kServer);
}

struct Updates : impl::UpdatesBase<Updates> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto fuse = module->getAttrOfType<BoolAttr>(nn::kFuseAttr);
    bool dense = false, rows = false;
    for (auto program : module.getOps<task::ProgramOp>()) {
      if (program.getRole() == ps::kLocal) {
        Marker(program, !fuse || fuse.getValue()).run();
        continue;
      }
      program.walk([&](Operation *op) {
        dense |= isa<task::PushDenseOp>(op);
        rows |= isa<task::PushRowsOp>(op);
      });
    }
    remarkServers(module, dense, rows);
    module->setAttr(nn::kStageAttr, StringAttr::get(&getContext(), "updates"));
  }
};

} // namespace

} // namespace heter
