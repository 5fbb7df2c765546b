// EarlyUpdate as a store gives it: the pass of one parameter, begun and ended under the store's lock of updates.
#ifndef HETER_RUNTIME_TABLE_STOREEARLYUPDATE_H
#define HETER_RUNTIME_TABLE_STOREEARLYUPDATE_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/table/DenseStore.h"
#include "runtime/table/DenseUpdate.h"

#include <memory>

namespace heter::runtime {

class StoreEarlyUpdate final : public EarlyUpdate {
public:
  /// All outlive it. `update` is what `dense` began.
  StoreEarlyUpdate(DenseStore &dense, Mutex &updateMutex, std::unique_ptr<DenseUpdate> update)
      : dense_(dense), updateMutex_(updateMutex), update_(std::move(update)) {}

  void run(const ValueCopies::Part &part, const float *gradient) override { update_->runPart(part, gradient); }
  Status finish() override {
    MutexLock lock(updateMutex_);
    return dense_.finishEarly(*update_);
  }

private:
  DenseStore &dense_;
  Mutex &updateMutex_;
  const std::unique_ptr<DenseUpdate> update_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_STOREEARLYUPDATE_H
