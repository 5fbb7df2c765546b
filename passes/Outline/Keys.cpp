// Works on the nodes of a program; regions hold no lookups. Every reader of keys, a pull of a table part or a sum of
// gradients, wants the different keys of some lists of ids. Where what one reader wants is a part of what another
// wants, one call finds the keys of both: its lists are ordered so that each reader wants those up to one of them.
#include "passes/Outline/Keys.h"

#include "passes/Remarks.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace mlir;

namespace heter {

namespace {

/// Lists of ids by their number, in rising order.
using Lists = SmallVector<unsigned>;

bool calls(Operation *op, StringRef callee) {
  auto library = dyn_cast_or_null<task::LibraryOp>(op);
  return library && library.getCallee() == callee;
}

std::string counted(size_t count, StringRef noun) { return (Twine(count) + " " + noun).str(); }

class KeyJoiner {
public:
  explicit KeyJoiner(Block &block) : block_(block), builder_(block.getParentOp()->getContext()) {}

  void run() {
    findLists();
    if (lists_.empty())
      return;
    findPulls();
    findSums();
    makeCalls();
    for (auto &[key, pulls] : pulls_)
      for (auto &[wave, read] : pulls)
        joinPulls(read);
    for (Sum &sum : sums_)
      joinSum(sum);
    eraseUnread();
  }

private:
  /// A list of ids that is looked up.
  struct List {
    task::LibraryOp alone; ///< The call that finds its keys.
    int64_t wave;          ///< Lists of one wave are there at about the same time.
    Value ids() { return alone.getInputs()[0]; }
  };
  /// Pulls of a table part by lists of one wave.
  struct Pulls {
    Lists lists;
    SmallVector<task::PullRowsOp> ops;
  };
  /// Gradients of lookups by lists of one wave.
  struct Gradients {
    Lists lists;
    SmallVector<task::LibraryOp> ops;
  };
  /// A tree of add_rows and what it adds.
  struct Sum {
    task::LibraryOp root;
    llvm::MapVector<int64_t, Gradients> gradients; ///< By wave.
    SmallVector<Value> others;
  };
  /// The call that finds the keys of some lists, and how those are ordered in it.
  struct Call {
    task::LibraryOp op;
    Lists order;
    Value keysOf(size_t lists) { return op.getResult(lists - 1); }
    Value placesOf(unsigned list) {
      return op.getResult(order.size() + std::distance(order.begin(), llvm::find(order, list)));
    }
  };

  static void insert(Lists &lists, unsigned list) {
    auto *at = llvm::lower_bound(lists, list);
    if (at == lists.end() || *at != list)
      lists.insert(at, list);
  }

  //===-- What is there -------------------------------------------------------------------------------------------===//

  /// Ids that come with the batch are of wave 0, those that are received of the number of messages sent before, so that
  /// no list waits for an answer to what its keys lead to. Any other list is a wave of its own: it is computed, and who
  /// knows from what.
  int64_t waveOf(Value ids) {
    Operation *maker = ids.getDefiningOp();
    if (isa<task::InputOp>(maker))
      return 0;
    if (isa<task::RecvOp>(maker))
      return llvm::count_if(block_, [&](Operation &op) { return isa<task::SendOp>(op) && op.isBeforeInBlock(maker); });
    if (isa<task::CopyOp>(maker) || calls(maker, "hash"))
      return waveOf(maker->getOperand(0));
    return kComputed;
  }

  void findLists() {
    for (auto op : block_.getOps<task::LibraryOp>())
      if (op.getCallee() == "unique_keys" && op.getInputs().size() == 1) {
        int64_t wave = waveOf(op.getInputs()[0]);
        if (wave == kComputed)
          wave = -1 - static_cast<int64_t>(lists_.size());
        listOf_[op.getResult(0)] = lists_.size();
        lists_.push_back({op, wave});
      }
  }

  std::optional<unsigned> listOf(Value keys) {
    auto found = listOf_.find(keys);
    return found == listOf_.end() ? std::nullopt : std::optional(found->second);
  }

  void findPulls() {
    for (auto pull : block_.getOps<task::PullRowsOp>())
      if (std::optional<unsigned> list = listOf(pull.getKeys())) {
        Pulls &pulls = pulls_[{pull.getTableAttr(), pull.getPartAttr()}][lists_[*list].wave];
        insert(pulls.lists, *list);
        pulls.ops.push_back(pull);
      }
  }

  void findSums() {
    auto isAdded = [](Operation *user) { return calls(user, "add_rows"); };
    for (auto op : block_.getOps<task::LibraryOp>()) {
      // What a greater sum adds belongs to that.
      const bool isPart = op.getCallee() == "lookup_grad" ? llvm::all_of(op->getUsers(), isAdded) : isInner(op);
      if ((op.getCallee() != "add_rows" && op.getCallee() != "lookup_grad") || isPart)
        continue;
      Sum sum{op, {}, {}};
      findLeaves(op.getResult(0), sum);
      sums_.push_back(std::move(sum));
    }
  }

  bool isInner(task::LibraryOp sum) { return sum->hasOneUse() && calls(*sum->user_begin(), "add_rows"); }

  void findLeaves(Value value, Sum &sum) {
    auto op = value.getDefiningOp<task::LibraryOp>();
    if (calls(op, "add_rows") && (op == sum.root || isInner(op))) {
      for (Value input : op.getInputs())
        findLeaves(input, sum);
      return;
    }
    std::optional<unsigned> list;
    if (calls(op, "lookup_grad") && op.getInputs().size() == 3)
      list = listOf(op.getInputs()[0]);
    if (!list)
      return sum.others.push_back(value);
    Gradients &gradients = sum.gradients[lists_[*list].wave];
    insert(gradients.lists, *list);
    gradients.ops.push_back(op);
  }

  //===-- The calls that find keys --------------------------------------------------------------------------------===//

  /// Makes a call for each chain of what is wanted: greatest first, each a part of the one before.
  void makeCalls() {
    SmallVector<Lists> wanted;
    for (auto &[key, pulls] : pulls_)
      for (auto &[wave, read] : pulls)
        wanted.push_back(read.lists);
    for (Sum &sum : sums_)
      for (auto &[wave, gradients] : sum.gradients)
        wanted.push_back(gradients.lists);
    llvm::stable_sort(wanted, [](const Lists &a, const Lists &b) { return a.size() > b.size(); });
    SmallVector<SmallVector<Lists>> chains;
    for (const Lists &lists : wanted) {
      auto *chain = llvm::find_if(chains, [&](const SmallVector<Lists> &chain) {
        return std::includes(chain.back().begin(), chain.back().end(), lists.begin(), lists.end());
      });
      if (chain == chains.end())
        chains.push_back({lists});
      else if (chain->back() != lists)
        chain->push_back(lists);
    }
    for (const SmallVector<Lists> &chain : chains)
      makeCall(chain);
  }

  void makeCall(ArrayRef<Lists> chain) {
    Call call;
    for (const Lists &lists : llvm::reverse(chain))
      for (unsigned list : lists)
        if (!llvm::is_contained(call.order, list))
          call.order.push_back(list);
    call.op = lists_[call.order.front()].alone;
    for (unsigned list : call.order)
      if (lists_[list].alone->isBeforeInBlock(call.op))
        call.op = lists_[list].alone;
    if (call.order.size() > 1)
      call.op = joinedCall(call.op, call.order);
    for (const Lists &lists : chain)
      calls_[lists] = call;
  }

  task::LibraryOp joinedCall(task::LibraryOp first, ArrayRef<unsigned> order) {
    SmallVector<Value> ids;
    for (unsigned list : order) {
      ids.push_back(lists_[list].ids());
      moveBefore(ids.back().getDefiningOp(), first);
    }
    SmallVector<Type> types(order.size(), first.getResult(0).getType());
    llvm::append_range(types, TypeRange(ValueRange(ids)));
    return library(first, types, "unique_keys", ids, first.getLabel(), DictionaryAttr());
  }

  /// Brings what ids are made of, which waits for nothing that stands between.
  void moveBefore(Operation *maker, Operation *anchor) {
    if (maker->isBeforeInBlock(anchor))
      return;
    for (Value operand : maker->getOperands())
      moveBefore(operand.getDefiningOp(), anchor);
    maker->moveBefore(anchor);
  }

  task::LibraryOp library(task::LibraryOp before, TypeRange types, StringRef callee, ValueRange inputs, StringRef label,
                          DictionaryAttr options) {
    builder_.setInsertionPoint(before);
    return task::LibraryOp::create(builder_, before.getLoc(), types, callee, inputs, options,
                                   builder_.getStringAttr(label), DenseI32ArrayAttr(), ArrayAttr());
  }

  //===-- Their readers -------------------------------------------------------------------------------------------===//

  /// One pull for all of `read`, and the places among its keys for those that look its rows up.
  void joinPulls(Pulls &read) {
    Call &call = calls_[read.lists];
    task::PullRowsOp kept = read.ops.front();
    for (task::PullRowsOp pull : read.ops) {
      const unsigned list = *listOf(pull.getKeys());
      for (OpOperand &use : llvm::make_early_inc_range(pull.getResult().getUses())) {
        const unsigned next = use.getOperandNumber() + 1;
        if (calls(use.getOwner(), "lookup"))
          use.getOwner()->setOperand(next, call.placesOf(list));
        use.set(kept.getResult());
      }
    }
    remarkPulls(read, kept);
    kept.getKeysMutable().set(call.keysOf(read.lists.size()));
    for (task::PullRowsOp pull : llvm::drop_begin(read.ops))
      pull.erase();
  }

  void remarkPulls(const Pulls &read, task::PullRowsOp kept) {
    if (read.ops.size() > 1)
      remark(kept, true,
             kept.getLabel() + ": the keys of " + counted(read.lists.size(), "lists of ids") +
                 " are found together, and each one's row is pulled once");
    if (pulls_[{kept.getTableAttr(), kept.getPartAttr()}].size() > 1)
      remark(kept, false, kept.getLabel() + " apart from others: some of the ids come later than the rest");
    for (auto &[lists, call] : calls_)
      if (call.op != calls_[read.lists].op &&
          llvm::any_of(read.lists, [&](unsigned list) { return llvm::is_contained(call.order, list); }))
        return remark(kept, false,
                      kept.getLabel() +
                          " apart: some of its keys are found again, for a reader of other ids beside these");
  }

  /// One call for the gradients of each wave; the rest is added as before.
  void joinSum(Sum &sum) {
    SmallVector<Value> terms = sum.others;
    bool changed = false;
    for (auto &[wave, gradients] : sum.gradients) {
      terms.push_back(joinGradients(gradients));
      changed |= terms.back() != gradients.ops.front().getResult(0);
    }
    if (sum.gradients.size() > 1)
      remark(sum.root, false, "lookup_grad, add_rows apart: some of the ids come later than the rest");
    if (!changed)
      return;
    Value total = terms.front();
    for (Value term : llvm::drop_begin(terms))
      total =
          library(sum.root, sum.root.getResultTypes(), "add_rows", {total, term}, sum.root.getLabel(), DictionaryAttr())
              .getResult(0);
    sum.root.getResult(0).replaceAllUsesWith(total);
  }

  /// The sum of the gradients, by the keys of all of their lists.
  Value joinGradients(Gradients &gradients) {
    Call &call = calls_[gradients.lists];
    task::LibraryOp last = gradients.ops.front();
    SmallVector<Value> inputs = {call.keysOf(gradients.lists.size())};
    SmallVector<int64_t> begins;
    std::string pools;
    for (task::LibraryOp grad : gradients.ops) {
      if (last->isBeforeInBlock(grad))
        last = grad;
      inputs.push_back(call.placesOf(*listOf(grad.getInputs()[0])));
      inputs.push_back(grad.getInputs()[2]);
      begins.push_back(cast<DenseI64ArrayAttr>(grad.getOptionsAttr().get("begins"))[0]);
      pools += (pools.empty() ? "" : " ") + cast<StringAttr>(grad.getOptionsAttr().get("pools")).str();
    }
    if (llvm::equal(last.getInputs(), inputs))
      return last.getResult(0);
    NamedAttrList options(last.getOptionsAttr());
    options.set("begins", builder_.getDenseI64ArrayAttr(begins));
    options.set("pools", builder_.getStringAttr(pools));
    if (begins.size() > 1)
      remark(last, true, "lookup_grad + add_rows: one call sums the gradients of " + counted(begins.size(), "lookups"));
    return library(last, last.getResultTypes(), "lookup_grad", inputs, last.getLabel(),
                   options.getDictionary(builder_.getContext()))
        .getResult(0);
  }

  void eraseUnread() {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block_)))
      if (op.use_empty() && (calls(&op, "add_rows") || calls(&op, "lookup_grad") || calls(&op, "unique_keys")))
        op.erase();
  }

  static constexpr int64_t kComputed = -1;

  Block &block_;
  OpBuilder builder_;
  SmallVector<List> lists_;
  llvm::DenseMap<Value, unsigned> listOf_; ///< By the keys that its own call finds.
  llvm::MapVector<std::pair<Attribute, Attribute>, llvm::MapVector<int64_t, Pulls>> pulls_; ///< By part and wave.
  SmallVector<Sum> sums_;
  std::map<Lists, Call> calls_;
};

} // namespace

void joinKeys(task::ProgramOp program) { KeyJoiner(program.getBody().front()).run(); }

} // namespace heter
