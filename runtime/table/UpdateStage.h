// UpdateStage: what was pushed and not applied yet, and the memory of what was applied. It makes pushes exactly-once
// and gives the folds their order: whatever order pushes arrive in, a step's come out by target, then micro-batch.
#ifndef HETER_RUNTIME_TABLE_UPDATESTAGE_H
#define HETER_RUNTIME_TABLE_UPDATESTAGE_H

#include "runtime/table/DenseStore.h"
#include "runtime/table/ParameterStore.h"
#include "runtime/table/SparseTable.h"

#include <compare>
#include <map>
#include <set>
#include <vector>

namespace heter::runtime {

/// What one staged entry is for. The order is the fold's.
struct PushTarget {
  bool dense;
  int index;         ///< Part or parameter handle.
  int64_t block = 0; ///< Local block of a parameter; 0 for rows.
  auto operator<=>(const PushTarget &) const = default;
};

/// The staged pushes of one step that its close folds. The spans live as long as this object.
struct StepPushes {
  struct Rows {
    int part;
    std::vector<RowGradients> pushes; ///< In micro-batch, then chunk order.
  };
  std::vector<Rows> rows;
  std::vector<BlockGradients> blocks;
  std::vector<std::shared_ptr<const void>> owners;
};

/// Thread-compatible.
class UpdateStage {
public:
  /// Keeps a push; false if it is a duplicate or its step is closed. Entries without an owner are copied.
  bool stage(const PushKey &key, int64_t examples, const PushRows &push);
  /// The same for consecutive local blocks of a parameter, each kept by itself; false if every one is a duplicate.
  bool stage(const PushKey &key, int64_t examples, const PushDense &push, const DenseLayout &layout);

  /// Takes what `microBatches` pushed for `step`, forgets the step's rest, and closes all steps up to it.
  StepPushes takeStep(int64_t step, std::span<const int32_t> microBatches);

  /// The examples of the step's staged micro-batches among `microBatches`.
  int64_t stagedExamples(int64_t step, std::span<const int32_t> microBatches) const;

  /// Remembers that a push is applied; false if it was already or its step is closed.
  bool markApplied(const PushKey &key, const PushTarget &target);

  /// Every push of a step below `steps` counts as late from now on.
  void closeBelow(int64_t steps);

  bool empty() const { return staged_.empty(); }

  /// Forgets everything.
  void reset(int64_t steps);

private:
  struct Name {
    PushTarget target;
    int32_t microBatch;
    int32_t chunk;
    auto operator<=>(const Name &) const = default;
  };
  struct Entry {
    std::span<const uint64_t> keys;
    std::span<const float> gradients;
    std::shared_ptr<const void> owner;
    std::span<const float> counts;
  };
  struct Step {
    std::map<Name, Entry> entries;
    std::map<int32_t, int64_t> examples; ///< Of each micro-batch that pushed.
  };

  int64_t closed_ = 0; ///< Steps below are closed.
  std::map<int64_t, Step> staged_;
  std::map<int64_t, std::set<Name>> applied_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_UPDATESTAGE_H
