// The calling side: one Client a remote role, with one link a class. Calls overlap freely; replies come back by
// sequence number in any order. Every call has a deadline, and when a link breaks its outstanding calls fail with
// `unavailable`, naming the peer and what was being waited for.
#ifndef HETER_RUNTIME_RPC_CLIENT_H
#define HETER_RUNTIME_RPC_CLIENT_H

#include "runtime/base/Scheduler.h"
#include "runtime/rpc/Codec.h"
#include "runtime/rpc/Methods.h"
#include "runtime/rpc/Transport.h"

#include <array>
#include <memory>
#include <string>

namespace heter::runtime {

/// How long a first connection is tried for: peers may start later than we do.
inline constexpr Duration dialPatience = std::chrono::seconds(10);

/// Thread-safe. Links are made at the first call. Callbacks run as scheduler tasks, never inside `call`, exactly once.
class Client {
public:
  /// `name` is the peer for messages, e.g. "server 0". `transport` and `scheduler` outlive the client.
  Client(Transport &transport, Scheduler &scheduler, std::string address, std::string name);
  /// Closes.
  ~Client();

  template <typename M>
  void call(typename M::Request request, Duration deadline, UniqueFunction<void(StatusOr<typename M::Reply>)> done,
            std::string waitingFor = "") {
    auto args = std::make_shared<typename M::Args>();
    request.deadlineMicros = std::chrono::duration_cast<std::chrono::microseconds>(deadline).count();
    args->request = std::move(request);
    start(
        M::linkClass, M::name, [&](auto *protocol) { args->write(protocol); }, args, deadline, std::move(waitingFor),
        [done = std::move(done), name = name_](StatusOr<MessageReader> reply) mutable {
          done(decode<M>(name, std::move(reply)));
        });
  }

  /// Fails outstanding and later calls with `cancelled`.
  void close();

  const std::string &name() const { return name_; }
  const std::string &address() const { return address_; }

private:
  class Lane;
  using Replied = UniqueFunction<void(StatusOr<MessageReader>)>;

  template <typename M>
  static StatusOr<typename M::Reply> decode(const std::string &name, StatusOr<MessageReader> message) {
    if (!message.ok())
      return message.status();
    typename M::Result result;
    HETER_RETURN_IF_ERROR(message->read([&](auto *protocol) { result.read(protocol); }));
    if (result.__isset.error)
      return remoteStatus(result.error.code, std::move(result.error.message)).withContext(name);
    if (!result.__isset.success)
      return Status::internal(name + " sent an empty reply to " + message->method());
    return std::move(result.success);
  }
  static Status remoteStatus(int32_t code, std::string message);
  void start(LinkClass linkClass, std::string_view method, const WriteBody &body, std::shared_ptr<const void> keep,
             Duration deadline, std::string waitingFor, Replied done);

  const std::string address_;
  const std::string name_;
  Scheduler &scheduler_;
  std::array<std::shared_ptr<Lane>, linkClassCount> lanes_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_CLIENT_H
