// The parameters of a local run: a store in the same process, called directly.
#ifndef HETER_RUNTIME_ROLE_LOCALPARAMETERS_H
#define HETER_RUNTIME_ROLE_LOCALPARAMETERS_H

#include "runtime/role/Parameters.h"
#include "runtime/role/RunOptions.h"
#include "runtime/role/VersionGate.h"
#include "runtime/table/ParameterStore.h"

#include <array>

namespace heter::runtime {

class LocalParameters final : public Parameters {
public:
  /// `store` outlives it. `updatesInFrames`: a frame is a step, and ExecutableOptions::updates.
  LocalParameters(ParameterStore &store, Scheduler &scheduler, UpdateMode update, bool updatesInFrames)
      : store_(store), scheduler_(scheduler), update_(update), updatesInFrames_(updatesInFrames), gate_(scheduler) {
    gate_.open(store.version());
  }

  void pullRows(int64_t minVersion, int part, std::span<const uint64_t> keys, float *out, Completion done) override;
  void pullDense(int64_t minVersion, DenseValues which, UniqueFunction<void(StatusOr<DenseSnapshotPtr>)> done) override;
  void pushRows(const FrameInfo &info, RowPush push, Completion done) override;
  void pushDense(const FrameInfo &info, int parameter, std::span<const float> values, std::shared_ptr<const void> owner,
                 Completion done) override;
  StatusOr<std::unique_ptr<EarlyUpdate>> beginUpdate(const FrameInfo &info, int parameter) override;

  /// Lets pulls of the store's version through.
  void advance() { gate_.open(store_.version()); }
  /// Fails parked pulls.
  void close(const Status &why) { gate_.close(why); }

private:
  /// The newest version: one snapshot for all frames that pin it.
  DenseSnapshotPtr snapshotOf(DenseValues which) HETER_EXCLUDES(mutex_);

  struct Last {
    uint64_t revision = 0;
    std::weak_ptr<const DenseSnapshot> snapshot; ///< Of `revision`.
  };

  ParameterStore &store_;
  Scheduler &scheduler_;
  const UpdateMode update_;
  const bool updatesInFrames_;
  VersionGate gate_;
  Mutex mutex_;
  std::array<Last, 2> last_ HETER_GUARDED_BY(mutex_); ///< By DenseValues.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_LOCALPARAMETERS_H
