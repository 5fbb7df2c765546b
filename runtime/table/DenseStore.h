// DenseStore: the dense values and optimizer state that one store owns, block by block. Values are versioned: an update
// writes other buffers than the ones that readers have pinned, and a buffer is used again once nobody holds it, so that
// two suffice while readers keep up. With StoreOptions::updateInPlace one does: an update writes over values that
// nobody has pinned, and who asks for the newest meanwhile waits.
#ifndef HETER_RUNTIME_TABLE_DENSESTORE_H
#define HETER_RUNTIME_TABLE_DENSESTORE_H

#include "runtime/base/Status.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/table/ParameterStore.h"

#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace heter::runtime {

struct DenseParameter;
class DenseUpdate;

/// The gradient sums of one block, in the order in which they are to be added.
struct BlockGradients {
  int parameter;
  int64_t localBlock; ///< An index into layout(parameter).blocks().
  std::vector<const float *> gradients;
};

/// run(0) .. run(count - 1), at once with others.
struct StepTasks {
  int64_t count = 0;
  std::function<void(int64_t)> run;
};

/// `newest` is thread-safe; all other members want a caller that excludes the rest of them.
class DenseStore {
public:
  /// `schema` must outlive the store, and so must `copies`, which may be null. `inPlace`: StoreOptions::updateInPlace.
  DenseStore(const StoreSchema &schema, uint64_t seed, int server, int serverCount, ValueCopies *copies = nullptr,
             bool inPlace = false);
  ~DenseStore();

  const DenseLayout &layout(int parameter) const;

  /// The newest values, pinned; waits for an update that may be writing over them.
  std::shared_ptr<const DenseVersion> newest() const HETER_EXCLUDES(mutex_);

  /// The same values, which updates do not find held: who reads them knows when updates begin. REQUIRES: in place.
  std::shared_ptr<const DenseVersion> newestUnheld() const HETER_EXCLUDES(mutex_);

  /// Of all values, versions that are kept for the next updates included, and slots.
  int64_t memoryBytes() const;

  /// Whether any parameter keeps an average.
  bool hasAverages() const { return hasAverages_; }
  /// The newest values, with the averages of the parameters that keep one; made anew after updates only.
  std::shared_ptr<const DenseVersion> averaged();

  /// Sums each block's gradients, divides by `divisor`, runs the optimizer of step `step`, and publishes the result as
  /// `version`.
  /// Besides the blocks' it runs all of `before` and `after`, beginning with the one and ending with the other: what
  /// else a step has to do. REQUIRES: at most one entry a block.
  void update(std::span<const BlockGradients> blocks, float divisor, int64_t step, int64_t version,
              const ParallelFor &parallelFor, const StepTasks &before = {}, const StepTasks &after = {});

  /// Begins the update of a whole parameter in step `step` ahead of update(), which then publishes its result, too. Its
  /// tasks may run beside those of others. An error if the step has updated it. REQUIRES: in place.
  StatusOr<std::unique_ptr<DenseUpdate>> beginEarly(int parameter, float divisor, int64_t step);
  /// After all of its tasks or parts.
  Status finishEarly(DenseUpdate &update);

  /// Has `copies` copy the values of whole parameters that have none, and publishes them with the same version.
  void makeCopies(const ParallelFor &parallelFor);

  /// Publishes the same values as another version.
  void setVersion(int64_t version);

  /// Initial values and state again, from another seed.
  void reset(uint64_t seed, int64_t version);

  /// All values and optimizer state at one instant: values pinned, the rest copied.
  struct Image {
    std::shared_ptr<const DenseVersion> values;
    /// Of each parameter its slots one after another, and its blocks' scalars.
    std::vector<std::unique_ptr<float[]>> slots;
    std::vector<std::vector<float>> scalars;
  };
  Image image(const ParallelFor &parallelFor) const;
  /// One block's [value][slots..][scalars] as an image has it. Runs beside everything else.
  void readState(const Image &image, int parameter, int64_t localBlock, std::vector<float> &state) const;

  /// One block's [value][slots..][scalars].
  void readState(int parameter, int64_t localBlock, std::vector<float> &state) const;
  /// REQUIRES: the state was made by a readState of the same shape; no reader may hold newest() from before.
  void writeState(int parameter, int64_t localBlock, std::span<const float> state);

private:
  void publish(int64_t version) HETER_EXCLUDES(mutex_);
  /// Lets go of the newest version, and lets who asks for it wait until the next is published.
  void withdraw() HETER_EXCLUDES(mutex_);

  ValueCopies *const copies_;
  const bool inPlace_;
  std::vector<std::unique_ptr<DenseParameter>> parameters_;
  bool hasAverages_ = false;
  uint64_t revision_ = 0;
  std::shared_ptr<const DenseVersion> averaged_; ///< The last that averaged() made.
  mutable Mutex mutex_;
  mutable CondVar published_;
  std::shared_ptr<const DenseVersion> newest_ HETER_GUARDED_BY(mutex_); ///< Null while it is withdrawn.
  std::shared_ptr<const DenseVersion> unheld_ HETER_GUARDED_BY(mutex_); ///< The same without holds, if in place.
  bool early_ = false; ///< Whether anything was updated since the last version.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_DENSESTORE_H
