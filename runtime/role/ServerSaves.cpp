// What a server saves and loads.
#include "runtime/role/Server.h"

#include "runtime/export/Export.h"
#include "runtime/role/Positions.h"

namespace heter::runtime {

namespace {

/// What one call at a time may use.
class Borrowed {
public:
  explicit Borrowed(std::atomic<bool> &inUse) : inUse_(inUse), mine_(!inUse.exchange(true)) {}
  ~Borrowed() {
    if (mine_)
      inUse_ = false;
  }
  Borrowed(const Borrowed &) = delete;
  Borrowed &operator=(const Borrowed &) = delete;
  Status status() const {
    return mine_ ? Status() : Status::failedPrecondition("a save is being written; there is one at a time");
  }

private:
  std::atomic<bool> &inUse_;
  const bool mine_;
};

} // namespace

StatusOr<rpc::Ack> Server::markSave(const rpc::MarkSaveRequest &request) {
  HETER_RETURN_IF_ERROR(checkGeneration(request.generation));
  const Borrowed saves(savesInUse_);
  HETER_RETURN_IF_ERROR(saves.status());
  if (asynchronous_)
    HETER_RETURN_IF_ERROR(store_->finishSteps(request.steps)); // Pulls of later steps wait for all servers' marks.
  if (store_->version() != request.steps)
    return Status::failedPrecondition("a save of step " + std::to_string(request.steps) +
                                      " was asked for, and the parameters are of step " +
                                      std::to_string(store_->version()));
  pace_.slow();
  saves_->mark();
  return rpc::Ack();
}

StatusOr<rpc::Ack> Server::hurrySave(const rpc::HurrySaveRequest &request) {
  HETER_RETURN_IF_ERROR(checkGeneration(request.generation));
  pace_.full();
  return rpc::Ack();
}

StatusOr<rpc::SaveReply> Server::save(const rpc::SaveRequest &request) {
  HETER_RETURN_IF_ERROR(checkGeneration(request.generation));
  const Borrowed saves(savesInUse_);
  HETER_RETURN_IF_ERROR(saves.status());
  HETER_ASSIGN_OR_RETURN(ShardInfo shard, saves_->write(request.folder, request.saveNumber, request.base));
  auto file = [](const CheckpointFile &from) {
    rpc::SavedFile to;
    to.name = from.name;
    to.bytes = from.bytes;
    to.checksum = static_cast<int64_t>(from.checksum);
    return to;
  };
  rpc::SaveReply reply;
  reply.shardIndex = shard.shardIndex;
  reply.shardCount = shard.shardCount;
  reply.seed = static_cast<int64_t>(shard.seed);
  reply.version = shard.version;
  reply.rows = file(shard.rows);
  reply.dense = file(shard.dense);
  reply.rowsPerTable = shard.rowsPerTable;
  reply.increment = shard.increment;
  return reply;
}

StatusOr<rpc::LoadReply> Server::load(const rpc::LoadRequest &request) {
  HETER_RETURN_IF_ERROR(checkGeneration(request.generation));
  DataPosition position;
  if (context_.options.predict) {
    HETER_RETURN_IF_ERROR(
        loadForPrediction(context_.files, *store_, predictionNeeds(context_.package), request.folder));
  } else {
    HETER_ASSIGN_OR_RETURN(position, loadInto(context_.files, *store_, request.folder));
  }
  gate_.open(store_->version());
  rpc::LoadReply reply;
  reply.version = store_->version();
  reply.seed = static_cast<int64_t>(store_->seed());
  reply.position = toWire(position);
  return reply;
}

} // namespace heter::runtime
