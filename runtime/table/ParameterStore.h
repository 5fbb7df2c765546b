// ParameterStore: the owner of a model's tables and dense parameters, or of one server's share of them. Local training
// uses one in process; each server of a cluster holds one. It gives initial values, keeps versions of the dense values,
// stages pushes and applies each exactly once, and runs the optimizers that the compiler generated.
//
// A step, sync: trainers pull (pure), push gradient sums of numbered micro-batches (staged), and `closeStep` folds what
// was staged in micro-batch order, divides by the step's examples and updates each key and element once. So who
// computed a micro-batch, when its push arrived, and how keys are spread over servers changes no bit of the result. A
// step, async: `applyNow` applies one push at once, divided by its own micro-batch's examples.
#ifndef HETER_RUNTIME_TABLE_PARAMETERSTORE_H
#define HETER_RUNTIME_TABLE_PARAMETERSTORE_H

#include "runtime/base/ParallelFor.h"
#include "runtime/base/Status.h"
#include "runtime/table/Schema.h"
#include "runtime/table/Sharding.h"
#include "runtime/table/TierPlace.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heter::runtime {

class SparseTable;
class StoreInstant;

/// Makes copies of dense values in another form while an update has the values at hand. Thread-safe.
class ValueCopies {
public:
  /// Parts begin at multiples of this, and end there or where the matrix does.
  static constexpr int64_t unit = 32;
  struct Part {
    int64_t row, rows, column, columns;
  };

  virtual ~ValueCopies() = default;
  /// Memory for the copies of one version of a parameter; null if none are wanted or there is no memory. Only a matrix
  /// has copies.
  virtual std::shared_ptr<void> take(int parameter) = 0;
  /// Makes the copies of a part of `values`, the whole parameter. Calls for different parts may run at once.
  virtual void make(int parameter, void *copies, const float *values, const Part &part) = 0;
};

struct StoreOptions {
  uint64_t seed = 0;          ///< Of the initial values.
  int shardIndex = 0;         ///< Which server this is ..
  int shardCount = 1;         ///< .. of how many.
  int64_t generation = 0;     ///< Pushes of any other generation are refused.
  ParallelFor parallelFor;    ///< Spreads dense updates and folds; empty means one after another. Changes no result.
  ParallelFor besideTraining; ///< How saves are written while training goes on: on one thread; empty: with no rest.
  /// What updates of whole parameters copy; null: nothing. Outlives the store and its versions.
  ValueCopies *copies = nullptr;
  /// An update writes over dense values that nobody holds, and denseVersion() waits for it: one version takes memory
  /// instead of two, where nobody asks for values while a step is closed. Changes no result.
  bool updateInPlace = false;
  /// The system's clock in seconds since its epoch, for tables whose periods are times; empty: it stands still.
  std::function<int64_t()> secondsNow;
  /// Runs tasks that may block; empty: there is no such thing, and who asks for something waits for files itself.
  std::function<void(std::function<void()> task)> background;
  /// For tables with a tier below memory.
  TierPlace tier;
};

/// Names one push. (step, microBatch, chunk) and the pushed part or parameter name it uniquely within a generation, and
/// a second push of the same name is dropped.
struct PushKey {
  int64_t generation = 0;
  int64_t step = 0;
  int32_t microBatch = 0; ///< Within the step, from 0.
  int32_t chunk = 0;      ///< Tells apart the pieces of one row push that was sent in pieces; folded in this order.
};

/// Gradient sums of rows of one table part. `keys` are unique within the push and owned by this store; `gradients` has
/// dim floats a key. The spans must live as long as `owner`; without an owner a staged push copies them.
struct PushRows {
  int part = 0; ///< From ParameterStore::findPart.
  std::span<const uint64_t> keys;
  std::span<const float> gradients;
  std::shared_ptr<const void> owner = nullptr;
  /// How often each key was shown and how often it was clicked, 2 floats a key; empty: shown once, never clicked.
  std::span<const float> counts = {};
};

/// Gradient sums of whole blocks of a parameter that this store owns: `values` are consecutive blocks of its local
/// values (see DenseLayout), beginning with the `firstBlock`-th of them. Lifetime as in PushRows.
struct PushDense {
  int parameter = 0; ///< From ParameterStore::findParameter.
  std::span<const float> values;
  int64_t firstBlock = 0;
  std::shared_ptr<const void> owner = nullptr;
};

/// The update of one matrix while its step goes on, part by part as its gradient is made. Into which parts it is cut,
/// and when they come, changes no result.
class EarlyUpdate {
public:
  virtual ~EarlyUpdate() = default;
  /// Updates a part with its gradient sums, row-major without gaps. Thread-safe for different parts.
  virtual void run(const ValueCopies::Part &part, const float *gradient) = 0;
  /// After all parts, each once, or else an error. The next version has the result.
  virtual Status finish() = 0;
};

/// Which dense values a pull is for: training, or tests and predictions.
enum class DenseValues { Newest, Averaged };

/// One consistent set of all dense values that a store owns. It never changes while anybody holds it; its memory is
/// used again for a later version once nobody does. Thread-safe.
class DenseVersion {
public:
  /// Steps closed when these values were made.
  int64_t version() const { return version_; }
  /// Grows with every change of any dense value of the store, also within a step: equal numbers, equal values.
  uint64_t revision() const { return revision_; }
  /// The store's values of a parameter: its blocks one after another, the whole parameter if shardCount is 1.
  std::span<const float> values(int parameter) const { return values_[static_cast<size_t>(parameter)]; }
  /// What StoreOptions::copies made of these values; null where there is none: of averages, and of first and loaded
  /// values until copyDenseValues().
  const void *copies(int parameter) const { return copies_[static_cast<size_t>(parameter)].get(); }

private:
  friend class DenseStore;
  int64_t version_ = 0;
  uint64_t revision_ = 0;
  std::vector<std::span<const float>> values_;
  std::vector<std::shared_ptr<const float[]>> buffers_;
  std::vector<std::shared_ptr<const void>> copies_;
  std::vector<std::shared_ptr<const void>> holds_; ///< Of both, for the store to know that they are read.
};

/// Thread-safe: all calls may come from any thread. Pulls run beside each other and beside pushes; `closeStep`,
/// `applyNow` and loading take turns. A pull that runs beside an update of the same rows sees each row whole, before
/// or after it.
class ParameterStore {
public:
  /// `resolver` must give every optimizer's kernel; the kernels must outlive the store.
  static StatusOr<std::unique_ptr<ParameterStore>> create(const package::PackageInfo &info,
                                                          const KernelResolver &resolver, StoreOptions options);
  ~ParameterStore();
  ParameterStore(const ParameterStore &) = delete;
  ParameterStore &operator=(const ParameterStore &) = delete;

  // Names. Handles are dense from 0 and the same in every store of one package.

  const StoreSchema &schema() const;
  int partCount() const;
  int parameterCount() const;
  /// The handle of a table part ("" names the only part), or NotFound.
  StatusOr<int> findPart(std::string_view table, std::string_view part) const;
  StatusOr<int> findParameter(std::string_view name) const;
  StatusOr<int> findTable(std::string_view name) const;
  /// Floats of one row's value of a part. REQUIRES: 0 <= part < partCount().
  int64_t partDim(int part) const;
  /// Which elements of a parameter this store owns.
  const DenseLayout &layout(int parameter) const;

  // Pulls. Pure: nothing is created or counted.

  /// Writes the values of `keys` (which may repeat) to `out`, dim floats each, in order. A key without a row gives its
  /// initial value. REQUIRES: 0 <= part < partCount(), out has keys.size() * partDim(part) floats. An error: rows that
  /// lie on disk cannot be read. `done` is called within the call if all rows are in memory, else once they are read;
  /// the store, `keys` and `out` live until then.
  void pullRows(int part, std::span<const uint64_t> keys, float *out, Completion done) const;
  /// The same, waiting for the rows that lie on disk.
  Status pullRows(int part, std::span<const uint64_t> keys, float *out) const;

  /// The newest dense values, pinned for as long as the caller keeps the pointer; `Averaged`: parameters that keep an
  /// average have it in place of their values.
  std::shared_ptr<const DenseVersion> denseVersion(DenseValues which = DenseValues::Newest) const;

  /// The newest dense values for frames of the step that is closed next, to which beginUpdate() may be told: they do
  /// not count as held, so updates may write over them. REQUIRES: StoreOptions::updateInPlace, no update has begun.
  std::shared_ptr<const DenseVersion> denseVersionOfStep() const;

  /// Has StoreOptions::copies copy first and loaded values, as updates do with those that they make, so that the first
  /// step finds them. REQUIRES: beside no update or load.
  void copyDenseValues();

  /// Steps closed: a sync pull for step k waits until this is k.
  int64_t version() const;

  /// Whether rows may lie on disk: closeStep, finishSteps, applyNow of rows, and calls of tables, may then read and
  /// write files, and run where blocking is allowed.
  bool isTiered() const;
  /// Ok as long as rows on disk can be read, and others be written there; else the first error.
  Status tierStatus() const;
  /// Has the rows leave that memory has no room for, and waits for those that are leaving; see isTiered().
  void trim();
  /// Of the tables that have a tier, by name. Rows that came back may take a sixteenth more than their budget until
  /// those that leave for them have left.
  std::map<std::string, TierFigures> tierFigures() const;

  // Pushes. A push of another generation is a FailedPrecondition; sizes, handles or keys that do not fit this store are
  // InvalidArgument; a duplicate, and a push of a step that is closed, is dropped with ok.

  /// Sync: keeps the push until its step is closed. `examples` are the micro-batch's.
  Status stagePush(const PushKey &key, int64_t examples, const PushRows &push);
  Status stagePush(const PushKey &key, int64_t examples, const PushDense &push);

  /// Applies what `microBatches` of `step` pushed: per key and element the f32 sum in micro-batch order, divided by
  /// `totalExamples` as a float, then one call of the optimizer. Then version() is step + 1, and later pushes of the
  /// step are dropped. Staged pushes of other micro-batches of the step are forgotten. Closing a closed step again does
  /// nothing; any other step than version() is a FailedPrecondition. With an error of tierStatus() the store must not
  /// be used any more.
  Status closeStep(int64_t step, std::span<const int32_t> microBatches, int64_t totalExamples);

  /// Sync, in place of stagePush where a step has this one micro-batch: begins an update, from which on denseVersion()
  /// waits until the step is closed, and so does snapshot(). The store does not end before that, or is not used any
  /// more. One update of a parameter and step, begun when nobody reads denseVersionOfStep() of it any more. REQUIRES:
  /// StoreOptions::updateInPlace.
  StatusOr<std::unique_ptr<EarlyUpdate>> beginUpdate(const PushKey &key, int64_t examples, int parameter);

  /// Async: applies one push now, divided by `examples`.
  Status applyNow(const PushKey &key, int64_t examples, const PushRows &push);
  Status applyNow(const PushKey &key, int64_t examples, const PushDense &push);

  /// Async: all micro-batches of the steps below `steps` have ended, so nothing of them will be pushed again. Sets
  /// version() and shortens the memory of what was applied. Never goes back. An error: as tierStatus().
  Status finishSteps(int64_t steps);

  /// Starts a generation: drops what is staged; older pushes are refused from now on.
  void beginGeneration(int64_t generation);

  /// Pushes dropped as duplicates or as late so far.
  int64_t droppedPushes() const;

  // Sizes.

  /// Rows of a table in this store.
  int64_t rowCount(int table) const;
  /// Rows that tables gave up so far.
  int64_t evictedRows() const;
  /// What dense values and their optimizers' slots take, with the versions that are kept for the next updates; without
  /// what StoreOptions::copies made.
  int64_t denseMemoryBytes() const;

  const StoreOptions &options() const;
  /// The seed of the initial values: the options', or the checkpoint's after a load.
  uint64_t seed() const;

  // For checkpoints (Checkpoint.h).

  /// All that the store has closed, at this instant; what is staged is left out. Steps may be closed and pushes staged
  /// while it is read. REQUIRES: no applyNow runs meanwhile; there is no other snapshot of the store, and it outlives
  /// this one.
  std::unique_ptr<StoreInstant> snapshot();

  // The rest sees a store between steps: REQUIRES that no push runs at the same time.

  /// Whether any staged push waits for its step to be closed.
  bool hasStagedPushes() const;
  SparseTable &table(int table);
  const SparseTable &table(int table) const;
  /// The state of one local block (an index into layout().blocks()) as [value][slots..][scalars], values and slots of
  /// block.count floats each.
  void readDenseState(int parameter, int64_t localBlock, std::vector<float> &state) const;
  void writeDenseState(int parameter, int64_t localBlock, std::span<const float> state);
  /// Forgets all rows, sets the seed of the initial values and the steps closed, and drops what is staged.
  void reset(uint64_t seed, int64_t version);

private:
  ParameterStore();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_PARAMETERSTORE_H
