// The calling side: one Client a remote role, with one lane a link class. Calls overlap freely; replies come back by
// sequence number in any order. Every call has a deadline, and when a lane ends its outstanding calls fail with
// `unavailable`, naming the peer and what was being waited for.
#ifndef HETER_RUNTIME_RPC_CLIENT_H
#define HETER_RUNTIME_RPC_CLIENT_H

#include "runtime/base/Scheduler.h"
#include "runtime/rpc/Codec.h"
#include "runtime/rpc/Lane.h"
#include "runtime/rpc/Methods.h"
#include "runtime/rpc/Transport.h"

#include <array>
#include <memory>
#include <string>

namespace heter::runtime {

/// Thread-safe. Links are made at the first call of their class. Callbacks run as scheduler tasks, never inside `call`,
/// exactly once.
class Client {
public:
  /// `name` is the peer for messages, e.g. "server 0". `transport` and `scheduler` outlive the client.
  Client(Transport &transport, Scheduler &scheduler, std::string address, std::string name, LaneOptions options = {});
  /// Closes.
  ~Client();

  template <typename M>
  void call(typename M::Request request, Duration deadline, UniqueFunction<void(StatusOr<typename M::Reply>)> done,
            std::string waitingFor = "") {
    auto args = std::make_shared<typename M::Args>();
    request.deadlineMicros = std::chrono::duration_cast<std::chrono::microseconds>(deadline).count();
    args->request = std::move(request);
    Call call;
    call.method = M::name;
    call.waitingFor = std::move(waitingFor);
    call.write = [&args = *args](auto *protocol, int32_t answeredBelow) {
      args.request.answeredBelow = answeredBelow;
      args.write(protocol);
    };
    call.keep = args;
    call.deadline = deadline;
    call.done = [done = std::move(done), name = name_](StatusOr<MessageReader> reply) mutable {
      done(decode<M>(name, std::move(reply)));
    };
    lane(M::linkClass).start(std::move(call));
  }

  /// How many bytes of pushes, and of activations, may be unanswered: what the peer said in its reply to hello.
  void grantCredits(size_t bytes);

  /// Fails outstanding and later calls with `cancelled`.
  void close();

  const std::string &name() const { return name_; }
  const std::string &address() const { return address_; }

private:
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
  Lane &lane(LinkClass linkClass) { return *lanes_[static_cast<size_t>(linkClass)]; }

  const std::string address_;
  const std::string name_;
  std::array<std::shared_ptr<Lane>, linkClassCount> lanes_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_CLIENT_H
