// Pages of rows, asked for one after another.
#include "runtime/role/LiveTables.h"

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/role/Timing.h"
#include "runtime/rpc/AsioTransport.h"
#include "runtime/rpc/Client.h"

#include <algorithm>
#include <optional>

namespace heter::runtime {
namespace {

constexpr size_t liveKeysAtOnce = 4096;

/// One call after another to one server.
class LiveConnection {
public:
  explicit LiveConnection(const std::string &address)
      : scheduler_(makeThreadedScheduler(1)), transport_(makeAsioTransport(*scheduler_)),
        client_(std::make_unique<Client>(*transport_, *scheduler_, address, "the server")) {}
  ~LiveConnection() {
    client_->close();
    transport_->shutdown();
    client_.reset();
    transport_.reset(); // before the scheduler that runs its tasks
  }

  StatusOr<rpc::ReadTableReply> read(rpc::ReadTableRequest request) {
    std::optional<StatusOr<rpc::ReadTableReply>> result;
    client_->call<rpc::ReadTable>(std::move(request), controlDeadline, [&](StatusOr<rpc::ReadTableReply> reply) {
      MutexLock lock(mutex_);
      result.emplace(std::move(reply));
      changed_.notifyAll();
    });
    MutexLock lock(mutex_);
    while (!result)
      changed_.wait(mutex_);
    return std::move(*result);
  }

private:
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Client> client_;
  Mutex mutex_;
  CondVar changed_;
};

class LiveTables final : public TableSource {
public:
  LiveTables(const std::string &address, std::unique_ptr<LiveConnection> connection, checkpoint::Manifest manifest)
      : TableSource(address, "at " + address, std::move(manifest)), connection_(std::move(connection)) {}

  Status forEachRow(std::optional<size_t> table, const checkpoint::RowVisitor &visit) override {
    for (size_t t = 0; t < manifest().schema.tables.size(); ++t)
      if (!table || *table == t)
        HETER_RETURN_IF_ERROR(visitAll(t, visit));
    return {};
  }

  Status forKeys(size_t table, std::span<const uint64_t> keys, const checkpoint::RowVisitor &visit) override {
    while (!keys.empty()) {
      const std::span<const uint64_t> some = keys.first(std::min(liveKeysAtOnce, keys.size()));
      keys = keys.subspan(some.size());
      rpc::ReadTableRequest request;
      request.table = manifest().schema.tables[table].name;
      request.keys.assign(reinterpret_cast<const char *>(some.data()), some.size_bytes());
      HETER_ASSIGN_OR_RETURN(const rpc::ReadTableReply reply, connection_->read(std::move(request)));
      HETER_RETURN_IF_ERROR(visitRows(table, reply.rows, visit));
    }
    return {};
  }

private:
  Status visitAll(size_t table, const checkpoint::RowVisitor &visit) {
    rpc::ReadTableRequest request;
    request.table = manifest().schema.tables[table].name;
    do {
      HETER_ASSIGN_OR_RETURN(const rpc::ReadTableReply reply, connection_->read(request));
      HETER_RETURN_IF_ERROR(visitRows(table, reply.rows, visit));
      request.cursor = reply.cursor;
    } while (request.cursor != 0);
    return {};
  }

  Status visitRows(size_t table, const std::string &bytes, const checkpoint::RowVisitor &visit) {
    const TableSpec &spec = manifest().schema.tables[table];
    checkpoint::BlockParser parser(bytes);
    std::vector<float> state;
    while (parser.left() > 0) {
      const auto key = parser.take<uint64_t>();
      const bool whole = parser.take<uint32_t>() != 0;
      const auto seen = static_cast<uint16_t>(parser.take<uint32_t>());
      state.resize(static_cast<size_t>(spec.floatsOf(!whole)));
      parser.takeFloats(state);
      if (!parser.ok())
        return Status::internal("the server " + place() + " sent part of a row of table `" + spec.name + "`");
      HETER_RETURN_IF_ERROR(visit(table, {key, whole, state, seen}));
    }
    return {};
  }

  const std::unique_ptr<LiveConnection> connection_;
};

} // namespace

StatusOr<std::unique_ptr<TableSource>> openLiveTables(const std::string &address) {
  auto connection = std::make_unique<LiveConnection>(address);
  HETER_ASSIGN_OR_RETURN(const rpc::ReadTableReply reply, connection->read(rpc::ReadTableRequest()));
  HETER_ASSIGN_OR_RETURN(
      checkpoint::Manifest manifest,
      checkpoint::parseManifest("what the server at " + address + " sent", reply.manifest, /*files=*/false));
  return std::unique_ptr<TableSource>(
      std::make_unique<LiveTables>(address, std::move(connection), std::move(manifest)));
}

} // namespace heter::runtime
