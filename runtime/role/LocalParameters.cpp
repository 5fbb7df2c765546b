// Direct calls of a parameter store.
#include "runtime/role/LocalParameters.h"

namespace heter::runtime {
namespace {

class StoreSnapshot final : public DenseSnapshot {
public:
  explicit StoreSnapshot(std::shared_ptr<const DenseVersion> version) : version_(std::move(version)) {}
  std::span<const float> values(int parameter) const override { return version_->values(parameter); }

private:
  std::shared_ptr<const DenseVersion> version_;
};

PushKey pushKey(const FrameInfo &info) { return {info.key.generation, info.key.step, info.key.microBatch, 0}; }

} // namespace

void LocalParameters::pullRows(int64_t minVersion, int part, std::span<const uint64_t> keys, float *out,
                               Completion done) {
  gate_.wait(minVersion, [this, part, keys, out, done = std::move(done)](Status status) mutable {
    if (status.ok())
      store_.pullRows(part, keys, out);
    done(std::move(status));
  });
}

void LocalParameters::pullDense(int64_t minVersion, UniqueFunction<void(StatusOr<DenseSnapshotPtr>)> done) {
  gate_.wait(minVersion, [this, done = std::move(done)](Status status) mutable {
    if (!status.ok())
      return done(std::move(status));
    done(newest());
  });
}

DenseSnapshotPtr LocalParameters::newest() {
  std::shared_ptr<const DenseVersion> version = store_.denseVersion();
  MutexLock lock(mutex_);
  DenseSnapshotPtr snapshot = newest_.lock();
  if (snapshot && revision_ == version->revision())
    return snapshot;
  revision_ = version->revision();
  snapshot = std::make_shared<StoreSnapshot>(std::move(version));
  newest_ = snapshot;
  return snapshot;
}

void LocalParameters::pushRows(const FrameInfo &info, int part, std::span<const uint64_t> keys,
                               std::span<const float> rows, std::shared_ptr<const void> owner, Completion done) {
  done(update_ == UpdateMode::Sync
           ? store_.stagePush(pushKey(info), info.examples, PushRows{part, keys, rows, std::move(owner)})
           : store_.applyNow(pushKey(info), info.examples, PushRows{part, keys, rows}));
}

void LocalParameters::pushDense(const FrameInfo &info, int parameter, std::span<const float> values,
                                std::shared_ptr<const void> owner, Completion done) {
  done(update_ == UpdateMode::Sync
           ? store_.stagePush(pushKey(info), info.examples, PushDense{parameter, values, 0, std::move(owner)})
           : store_.applyNow(pushKey(info), info.examples, PushDense{parameter, values}));
}

} // namespace heter::runtime
