// Pulls and pushes, split by the servers that own the keys and blocks.
#include "runtime/role/RemoteParameters.h"

#include "runtime/role/Countdown.h"
#include "runtime/role/Timing.h"

#include <cstring>

namespace heter::runtime {
namespace {

/// A push is cut into messages of about so many bytes, so that a small one never waits long behind a large one.
constexpr size_t pushBytes = size_t{1} << 20;

std::string bytesOf(const void *data, size_t bytes) { return {static_cast<const char *>(data), bytes}; }

/// The keys of each server and where they stood.
struct Split {
  std::vector<std::vector<uint32_t>> positions; ///< By server.

  Split(std::span<const uint64_t> keys, int servers) : positions(static_cast<size_t>(servers)) {
    for (size_t i = 0; i < keys.size(); ++i)
      add(keys, static_cast<uint32_t>(i));
  }
  /// Only of the keys that stand there.
  Split(std::span<const uint64_t> keys, std::span<const uint32_t> which, int servers)
      : positions(static_cast<size_t>(servers)) {
    for (uint32_t i : which)
      add(keys, i);
  }
  void add(std::span<const uint64_t> keys, uint32_t i) {
    positions[static_cast<size_t>(ownerOfKey(keys[i], static_cast<int>(positions.size())))].push_back(i);
  }
  int parts() const {
    int used = 0;
    for (const auto &list : positions)
      used += !list.empty();
    return used;
  }
};

/// `width` bytes of `data` for each position.
std::string gather(const void *data, size_t width, std::span<const uint32_t> positions) {
  std::string out;
  out.reserve(width * positions.size());
  for (uint32_t position : positions)
    out.append(static_cast<const char *>(data) + position * width, width);
  return out;
}

} // namespace

/// What the servers sent for one version.
class RemoteParameters::Replica final : public DenseSnapshot {
public:
  std::span<const float> values(int parameter) const override {
    const auto &values = values_[static_cast<size_t>(parameter)];
    return values;
  }

  int64_t version = 0;            ///< The oldest of the servers'.
  std::vector<int64_t> revisions; ///< By server.
  std::vector<std::vector<float>> values_;
};

struct RemoteParameters::Push {
  Client *server;
  rpc::PushRequest request;
};

/// A pull of all servers that is under way.
struct RemoteParameters::Fetch {
  std::shared_ptr<const Replica> base; ///< What unchanged servers mean; may be null.
  std::vector<rpc::PullDenseReply> replies;
};

RemoteParameters::RemoteParameters(const Model &model, std::vector<int> pulled,
                                   std::vector<std::shared_ptr<Client>> servers, int64_t generation, UpdateMode update,
                                   std::shared_ptr<RowCache> rows)
    : model_(model), pulled_(std::move(pulled)), servers_(std::move(servers)), generation_(generation), update_(update),
      rows_(std::move(rows)) {
  for (int p = 0; p < model.parameterCount(); ++p)
    for (int s = 0; s < serverCount(); ++s)
      layouts_.emplace_back(model.parameterName(p), model.parameterElements(p), s, serverCount());
}

std::string RemoteParameters::describe(int part, int64_t minVersion) const {
  return "rows of " + model_.parts()[static_cast<size_t>(part)].name + ", version " + std::to_string(minVersion);
}

void RemoteParameters::pullRows(int64_t minVersion, int part, std::span<const uint64_t> keys, float *out,
                                Completion done) {
  auto split = rows_ ? std::make_shared<Split>(keys, rows_->find(part, minVersion, keys, out), serverCount())
                     : std::make_shared<Split>(keys, serverCount());
  if (split->parts() == 0)
    return done(Status());
  const Model::Part &names = model_.parts()[static_cast<size_t>(part)];
  size_t rowBytes = static_cast<size_t>(names.dim) * sizeof(float);
  auto countdown = Countdown::create(split->parts(), std::move(done));
  for (size_t s = 0; s < servers_.size(); ++s) {
    if (split->positions[s].empty())
      continue;
    rpc::PullRowsRequest request;
    request.generation = generation_;
    request.minVersion = minVersion;
    request.table = names.table;
    request.part = names.part;
    request.keys = gather(keys.data(), sizeof(uint64_t), split->positions[s]);
    std::string wanted = rows_ ? request.keys : std::string();
    servers_[s]->call<rpc::PullRows>(
        std::move(request), workDeadline,
        [split, s, out, rowBytes, countdown, part, rows = rows_, wanted = std::move(wanted),
         server = servers_[s]](StatusOr<rpc::PullRowsReply> reply) {
          if (!reply.ok())
            return countdown->end(reply.status());
          const auto &positions = split->positions[s];
          if (reply->rows.size() != positions.size() * rowBytes)
            return countdown->end(Status::internal(server->name() + " sent " + std::to_string(reply->rows.size()) +
                                                   " bytes of rows for " + std::to_string(positions.size()) + " keys"));
          for (size_t i = 0; i < positions.size(); ++i)
            std::memcpy(reinterpret_cast<char *>(out) + positions[i] * rowBytes, reply->rows.data() + i * rowBytes,
                        rowBytes);
          if (rows) // The server read its version before its rows, so they are of that version or newer.
            rows->keep(part, reply->version, {reinterpret_cast<const uint64_t *>(wanted.data()), positions.size()},
                       reinterpret_cast<const float *>(reply->rows.data()));
          countdown->end(Status());
        },
        describe(part, minVersion));
  }
}

void RemoteParameters::pushRows(const FrameInfo &info, RowPush push, Completion done) {
  Split split(push.keys, serverCount());
  const Model::Part &names = model_.parts()[static_cast<size_t>(push.part)];
  constexpr size_t countBytes = 2 * sizeof(float);
  size_t rowBytes = static_cast<size_t>(names.dim) * sizeof(float);
  size_t rowsPerPush = std::max<size_t>(pushBytes / (sizeof(uint64_t) + rowBytes), 1);
  std::vector<Push> pushes;
  for (size_t s = 0; s < servers_.size(); ++s) {
    std::span<const uint32_t> rest(split.positions[s]);
    for (int32_t chunk = 0; !rest.empty(); ++chunk) {
      std::span<const uint32_t> positions = rest.first(std::min(rowsPerPush, rest.size()));
      rest = rest.subspan(positions.size());
      rpc::PushRequest request = makePush(info);
      request.chunk = chunk;
      request.table = names.table;
      request.part = names.part;
      request.keys = gather(push.keys.data(), sizeof(uint64_t), positions);
      request.values = gather(push.rows.data(), rowBytes, positions);
      if (!push.counts.empty())
        request.counts = gather(push.counts.data(), countBytes, positions);
      pushes.push_back({servers_[s].get(), std::move(request)});
    }
  }
  sendPushes(std::move(pushes), "gradients of " + names.name + ", step " + std::to_string(info.key.step),
             std::move(done));
}

void RemoteParameters::pushDense(const FrameInfo &info, int parameter, std::span<const float> values,
                                 std::shared_ptr<const void>, Completion done) {
  constexpr size_t blocksPerPush = std::max<size_t>(pushBytes / (denseBlockElements * sizeof(float)), 1);
  std::vector<Push> pushes;
  for (int s = 0; s < serverCount(); ++s) {
    std::span<const DenseBlock> blocks = layout(parameter, s).blocks();
    for (size_t first = 0; first < blocks.size(); first += blocksPerPush) {
      rpc::DensePiece piece;
      piece.parameter = parameter;
      piece.firstBlock = static_cast<int64_t>(first);
      for (const DenseBlock &block : blocks.subspan(first, std::min(blocksPerPush, blocks.size() - first)))
        piece.values += bytesOf(values.data() + block.first, static_cast<size_t>(block.count) * sizeof(float));
      rpc::PushRequest request = makePush(info);
      request.chunk = static_cast<int32_t>(first / blocksPerPush);
      request.table = -1;
      request.pieces.push_back(std::move(piece));
      pushes.push_back({servers_[static_cast<size_t>(s)].get(), std::move(request)});
    }
  }
  sendPushes(std::move(pushes),
             "gradients of " + model_.parameterName(parameter) + ", step " + std::to_string(info.key.step),
             std::move(done));
}

rpc::PushRequest RemoteParameters::makePush(const FrameInfo &info) const {
  rpc::PushRequest request;
  request.generation = generation_;
  request.step = info.key.step;
  request.microBatch = info.key.microBatch;
  request.examples = info.examples;
  return request;
}

void RemoteParameters::sendPushes(std::vector<Push> pushes, const std::string &what, Completion done) {
  if (pushes.empty())
    return done(Status());
  auto countdown = Countdown::create(static_cast<int>(pushes.size()), std::move(done));
  for (Push &push : pushes)
    push.server->call<rpc::Push>(
        std::move(push.request), workDeadline,
        [countdown](StatusOr<rpc::Ack> reply) { countdown->end(reply.ok() ? Status() : reply.status()); }, what);
}

void RemoteParameters::pullDense(int64_t minVersion, DenseValues which, DenseWaiter done) {
  if (!model_.hasAverages())
    which = DenseValues::Newest; // One replica serves all.
  std::shared_ptr<const Replica> base;
  {
    MutexLock lock(mutex_);
    base = replicas(which).current;
    // A frame that does not wait for all earlier steps wants the newest values there are, so it asks; servers answer
    // shortly when nothing has changed.
    bool fresh = base && base->version >= minVersion && update_ == UpdateMode::Sync;
    if (!fresh) {
      auto [it, first] = replicas(which).fetches.try_emplace(minVersion);
      it->second.push_back(std::move(done));
      if (!first)
        return;
    }
  }
  if (done)
    return done(DenseSnapshotPtr(base));
  startFetch(minVersion, which, std::move(base));
}

void RemoteParameters::startFetch(int64_t minVersion, DenseValues which, std::shared_ptr<const Replica> base) {
  auto fetch = std::make_shared<Fetch>();
  fetch->base = std::move(base);
  fetch->replies.resize(servers_.size());
  auto countdown =
      Countdown::create(serverCount(), [self = shared_from_this(), minVersion, which, fetch](Status status) {
        self->finishFetch(minVersion, which, *fetch, std::move(status));
      });
  for (size_t s = 0; s < servers_.size(); ++s) {
    rpc::PullDenseRequest request;
    request.generation = generation_;
    request.minVersion = minVersion;
    request.haveRevision = fetch->base ? fetch->base->revisions[s] : -1;
    request.parameters.assign(pulled_.begin(), pulled_.end());
    request.averaged = which == DenseValues::Averaged;
    servers_[s]->call<rpc::PullDense>(
        std::move(request), workDeadline,
        [fetch, s, countdown](StatusOr<rpc::PullDenseReply> reply) {
          if (reply.ok())
            fetch->replies[s] = std::move(*reply);
          countdown->end(reply.ok() ? Status() : reply.status());
        },
        "dense values, version " + std::to_string(minVersion));
  }
}

void RemoteParameters::finishFetch(int64_t minVersion, DenseValues which, Fetch &fetch, Status status) {
  std::shared_ptr<const Replica> result;
  bool unchanged = fetch.base != nullptr;
  for (const rpc::PullDenseReply &reply : fetch.replies)
    unchanged = unchanged && reply.unchanged && reply.version == fetch.base->version;
  if (status.ok() && unchanged) {
    result = fetch.base;
  } else if (status.ok()) {
    auto replica = std::make_shared<Replica>();
    status = assemble(fetch, *replica);
    result = std::move(replica);
  }
  std::vector<DenseWaiter> waiters;
  {
    MutexLock lock(mutex_);
    Replicas &kind = replicas(which);
    auto it = kind.fetches.find(minVersion);
    waiters = std::move(it->second);
    kind.fetches.erase(it);
    if (status.ok() && (!kind.current || result->version >= kind.current->version))
      kind.current = result;
  }
  for (DenseWaiter &waiter : waiters)
    status.ok() ? waiter(DenseSnapshotPtr(result)) : waiter(status);
}

Status RemoteParameters::assemble(Fetch &fetch, Replica &replica) const {
  replica.values_.resize(static_cast<size_t>(model_.parameterCount()));
  for (int parameter : pulled_)
    replica.values_[static_cast<size_t>(parameter)].resize(static_cast<size_t>(model_.parameterElements(parameter)));
  for (int s = 0; s < serverCount(); ++s) {
    rpc::PullDenseReply &reply = fetch.replies[static_cast<size_t>(s)];
    replica.version = s == 0 ? reply.version : std::min(replica.version, reply.version);
    replica.revisions.push_back(reply.revision);
    if (reply.unchanged && !fetch.base)
      return Status::internal(servers_[static_cast<size_t>(s)]->name() + " sent no dense values");
    if (reply.unchanged) {
      for (int parameter : pulled_)
        for (const DenseBlock &block : layout(parameter, s).blocks())
          std::copy_n(fetch.base->values(parameter).data() + block.first, block.count,
                      replica.values_[static_cast<size_t>(parameter)].data() + block.first);
      continue;
    }
    size_t filled = 0;
    for (const rpc::DensePiece &piece : reply.pieces) {
      bool known = piece.parameter >= 0 && piece.parameter < model_.parameterCount() && piece.firstBlock == 0 &&
                   !replica.values_[static_cast<size_t>(piece.parameter)].empty();
      if (!known ||
          piece.values.size() != static_cast<size_t>(layout(piece.parameter, s).localElements()) * sizeof(float))
        return Status::internal(servers_[static_cast<size_t>(s)]->name() +
                                " sent dense values that were not asked for");
      layout(piece.parameter, s)
          .scatter(reinterpret_cast<const float *>(piece.values.data()),
                   replica.values_[static_cast<size_t>(piece.parameter)].data());
      ++filled;
    }
    if (filled != pulled_.size())
      return Status::internal(servers_[static_cast<size_t>(s)]->name() + " sent " + std::to_string(filled) + " of " +
                              std::to_string(pulled_.size()) + " dense parameters");
    reply.pieces.clear();
  }
  return Status();
}

} // namespace heter::runtime
