// The parameters as a trainer of a cluster sees them: rows and dense blocks by calls to the servers that own them, and
// a versioned replica of the dense values that all frames of a step share.
#ifndef HETER_RUNTIME_ROLE_REMOTEPARAMETERS_H
#define HETER_RUNTIME_ROLE_REMOTEPARAMETERS_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/role/Model.h"
#include "runtime/role/Parameters.h"
#include "runtime/role/RowCache.h"
#include "runtime/role/RunOptions.h"
#include "runtime/rpc/Client.h"
#include "runtime/table/Sharding.h"

#include <array>
#include <map>

namespace heter::runtime {

class RemoteParameters final : public Parameters, public std::enable_shared_from_this<RemoteParameters> {
public:
  /// `pulled` are the parameters that this role's programs pull. `model` outlives it; the clients are those of the
  /// servers in order. With `rows`, pulls of rows ask for those that it does not hold new enough.
  RemoteParameters(const Model &model, std::vector<int> pulled, std::vector<std::shared_ptr<Client>> servers,
                   int64_t generation, UpdateMode update, std::shared_ptr<RowCache> rows = nullptr);

  void pullRows(int64_t minVersion, int part, std::span<const uint64_t> keys, float *out, Completion done) override;
  void pullDense(int64_t minVersion, DenseValues which, UniqueFunction<void(StatusOr<DenseSnapshotPtr>)> done) override;
  void pushRows(const FrameInfo &info, RowPush push, Completion done) override;
  void pushDense(const FrameInfo &info, int parameter, std::span<const float> values, std::shared_ptr<const void>,
                 Completion done) override;

private:
  class Replica;
  struct Fetch;
  struct Push;
  using DenseWaiter = UniqueFunction<void(StatusOr<DenseSnapshotPtr>)>;

  int serverCount() const { return static_cast<int>(servers_.size()); }
  const DenseLayout &layout(int parameter, int server) const {
    return layouts_[static_cast<size_t>(parameter) * servers_.size() + static_cast<size_t>(server)];
  }
  std::string describe(int part, int64_t minVersion) const;
  rpc::PushRequest makePush(const FrameInfo &info) const;
  void sendPushes(std::vector<Push> pushes, const std::string &what, Completion done);
  void startFetch(int64_t minVersion, DenseValues which, std::shared_ptr<const Replica> base);
  void finishFetch(int64_t minVersion, DenseValues which, Fetch &fetch, Status status);
  Status assemble(Fetch &fetch, Replica &replica) const;

  const Model &model_;
  const std::vector<int> pulled_;
  const std::vector<std::shared_ptr<Client>> servers_;
  const int64_t generation_;
  const UpdateMode update_;
  const std::shared_ptr<RowCache> rows_; ///< May be null.
  std::vector<DenseLayout> layouts_;     ///< [parameter][server]

  /// The replica of one kind of values.
  struct Replicas {
    std::shared_ptr<const Replica> current;
    std::map<int64_t, std::vector<DenseWaiter>> fetches; ///< Running ones, by minVersion.
  };
  Replicas &replicas(DenseValues which) HETER_REQUIRES(mutex_) { return replicas_[static_cast<size_t>(which)]; }

  Mutex mutex_;
  std::array<Replicas, 2> replicas_ HETER_GUARDED_BY(mutex_); ///< By DenseValues.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_REMOTEPARAMETERS_H
