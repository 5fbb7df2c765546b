// Direct calls of a parameter store.
#include "runtime/role/LocalParameters.h"

namespace heter::runtime {
namespace {

class StoreSnapshot final : public DenseSnapshot {
public:
  explicit StoreSnapshot(std::shared_ptr<const DenseVersion> version) : version_(std::move(version)) {}
  std::span<const float> values(int parameter) const override { return version_->values(parameter); }
  const uint16_t *packedByUpdate(int parameter, package::Packing::type packing) const override {
    return PackedCopies::find(version_->copies(parameter), packing);
  }

private:
  std::shared_ptr<const DenseVersion> version_;
};

PushKey pushKey(const FrameInfo &info) { return {info.key.generation, info.key.step, info.key.microBatch, 0}; }

} // namespace

void LocalParameters::pullRows(int64_t minVersion, int part, std::span<const uint64_t> keys, float *out,
                               Completion done) {
  gate_.wait(minVersion, [this, part, keys, out, done = std::move(done)](Status status) mutable {
    if (!status.ok())
      return done(std::move(status));
    store_.pullRows(part, keys, out, std::move(done));
  });
}

void LocalParameters::pullDense(int64_t minVersion, DenseValues which,
                                UniqueFunction<void(StatusOr<DenseSnapshotPtr>)> done) {
  gate_.wait(minVersion, [this, which, done = std::move(done)](Status status) mutable {
    if (!status.ok())
      return done(std::move(status));
    done(snapshotOf(which));
  });
}

DenseSnapshotPtr LocalParameters::snapshotOf(DenseValues which) {
  std::shared_ptr<const DenseVersion> version =
      updatesInFrames_ && which == DenseValues::Newest ? store_.denseVersionOfStep() : store_.denseVersion(which);
  MutexLock lock(mutex_);
  Last &last = last_[static_cast<size_t>(which)];
  DenseSnapshotPtr snapshot = last.snapshot.lock();
  if (snapshot && last.revision == version->revision())
    return snapshot;
  last.revision = version->revision();
  snapshot = std::make_shared<StoreSnapshot>(std::move(version));
  last.snapshot = snapshot;
  return snapshot;
}

void LocalParameters::pushRows(const FrameInfo &info, RowPush push, Completion done) {
  const bool staged = update_ != UpdateMode::Async;
  PushRows rows{push.part, push.keys, push.rows, staged ? std::move(push.owner) : nullptr, push.counts};
  if (staged)
    return done(store_.stagePush(pushKey(info), info.examples, rows));
  if (!store_.isTiered())
    return done(store_.applyNow(pushKey(info), info.examples, rows));
  // It may want rows that are on disk.
  scheduler_.postBlocking([this, key = pushKey(info), examples = info.examples, rows,
                           done = std::move(done)]() mutable { done(store_.applyNow(key, examples, rows)); });
}

void LocalParameters::pushDense(const FrameInfo &info, int parameter, std::span<const float> values,
                                std::shared_ptr<const void> owner, Completion done) {
  done(update_ != UpdateMode::Async
           ? store_.stagePush(pushKey(info), info.examples, PushDense{parameter, values, 0, std::move(owner)})
           : store_.applyNow(pushKey(info), info.examples, PushDense{parameter, values}));
}

StatusOr<std::unique_ptr<EarlyUpdate>> LocalParameters::beginUpdate(const FrameInfo &info, int parameter) {
  if (!updatesInFrames_)
    return nullptr;
  DenseSnapshotPtr snapshot;
  {
    MutexLock lock(mutex_);
    snapshot = last_[static_cast<size_t>(DenseValues::Newest)].snapshot.lock();
  }
  if (snapshot)
    snapshot->packed.drop(parameter); // The update's copies take their memory.
  return store_.beginUpdate(pushKey(info), info.examples, parameter);
}

} // namespace heter::runtime
