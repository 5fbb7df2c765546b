// The serving side: a table of handlers, one a method, and the sessions that decode calls from links, run handlers on
// the scheduler and send replies back in whatever order they come.
#ifndef HETER_RUNTIME_RPC_SERVICE_H
#define HETER_RUNTIME_RPC_SERVICE_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/rpc/CallLog.h"
#include "runtime/rpc/Codec.h"
#include "runtime/rpc/Methods.h"
#include "runtime/rpc/Transport.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace heter::runtime {

/// Who calls, and how long for.
struct CallContext {
  uint64_t connection = 0;        ///< Unique in the service; the same for all calls of one link.
  std::shared_ptr<CallLog> calls; ///< Of that link.
  std::string remoteAddress;
  /// How long the caller still waits, from when the handler begins: what is parked for longer need not be done.
  Duration timeLeft = Duration::max();
};

/// Sends one reply. Movable; a call whose ReplySlot is dropped unanswered is answered with `cancelled`.
class ReplySlot {
public:
  ReplySlot(std::shared_ptr<CallLog> log, std::string method, int32_t sequence);
  ReplySlot(ReplySlot &&) noexcept = default;
  ReplySlot &operator=(ReplySlot &&) = delete;
  ~ReplySlot();

  void send(const WriteBody &body, std::shared_ptr<const void> keep);
  const std::string &method() const { return method_; }
  void dropWith(WriteBody onDrop) { onDrop_ = std::move(onDrop); }
  void setOnRepeat(Repeat onRepeat) { onRepeat_ = onRepeat; }
  void forgetBelow(int32_t sequence) { log_->forgetBelow(sequence); }

private:
  std::shared_ptr<CallLog> log_; ///< Null once answered.
  std::string method_;
  int32_t sequence_;
  Repeat onRepeat_ = Repeat::SendReplyAgain;
  WriteBody onDrop_;
};

/// Answers a call of method M, once, from any thread, now or later.
template <typename M> class Responder {
public:
  explicit Responder(ReplySlot slot) : slot_(std::make_shared<ReplySlot>(std::move(slot))) {
    slot_->setOnRepeat(M::onRepeat);
    slot_->dropWith([name = slot_->method()](auto *protocol) {
      typename M::Result result;
      fail(result, Status::cancelled(name + " was dropped because its role stopped"));
      result.write(protocol);
    });
  }
  void operator()(StatusOr<typename M::Reply> reply) const {
    auto result = std::make_shared<typename M::Result>();
    if (reply.ok()) {
      result->success = std::move(*reply);
      result->__isset.success = true;
    } else {
      fail(*result, reply.status());
    }
    slot_->send([&](auto *protocol) { result->write(protocol); }, result);
  }

private:
  static void fail(typename M::Result &result, const Status &status) {
    result.error.code = static_cast<int32_t>(status.code());
    result.error.message = status.message();
    result.__isset.error = true;
  }
  std::shared_ptr<ReplySlot> slot_;
};

/// A role's methods; `ping` is there from the start. Handlers are added before the service is given to a transport and
/// may run at once on several threads; after `clear` no handler starts and every call is answered with `cancelled`. A
/// call whose caller has given up by the time a task takes it up is refused, not run.
class Service : public std::enable_shared_from_this<Service> {
public:
  /// A call that says it waits longer (a day) is taken to wait so long; whatever arrives can be counted in nanoseconds.
  static constexpr int64_t longestDeadlineMicros = int64_t{24} * 3600 * 1000 * 1000;

  template <typename M> using Handler = std::function<void(const CallContext &, typename M::Request, Responder<M>)>;

  /// `name` is for messages, e.g. "server 0".
  explicit Service(std::string name);

  template <typename M> void on(Handler<M> handler) {
    add(std::string(M::name), [handler](const CallContext &context, MessageReader &message, ReplySlot slot) {
      typename M::Args args;
      HETER_RETURN_IF_ERROR(message.read([&](auto *protocol) { args.read(protocol); }));
      if (!args.__isset.request)
        return Status::invalidArgument("malformed body of " + message.method() + ": it has no request");
      slot.forgetBelow(args.request.answeredBelow);
      Responder<M> respond(std::move(slot));
      CallContext call = context;
      if (int64_t micros = args.request.deadlineMicros; micros > 0) {
        call.timeLeft = std::chrono::microseconds(std::min(micros, longestDeadlineMicros)) - message.waited();
        if (call.timeLeft <= Duration::zero()) {
          respond(Status::deadlineExceeded("a call of " + message.method() + " was refused: its deadline has passed"));
          return Status();
        }
      }
      handler(call, std::move(args.request), std::move(respond));
      return Status();
    });
  }
  /// `heard` is called with each ping, before it is answered.
  void onPing(std::function<void(const CallContext &)> heard);
  void onDisconnect(std::function<void(const CallContext &, const Status &)> handler);
  void clear();

  /// To be given to Transport::listen.
  Transport::Acceptor acceptor();

private:
  class Session;
  using RawHandler = std::function<Status(const CallContext &, MessageReader &, ReplySlot)>;
  void add(std::string method, RawHandler handler);
  std::shared_ptr<const RawHandler> find(const std::string &method, bool &cleared) const;
  void disconnected(const CallContext &context, const Status &why);

  const std::string name_;
  mutable Mutex mutex_;
  bool cleared_ HETER_GUARDED_BY(mutex_) = false;
  uint64_t lastConnection_ HETER_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::shared_ptr<const RawHandler>> methods_ HETER_GUARDED_BY(mutex_);
  std::shared_ptr<std::function<void(const CallContext &, const Status &)>> onDisconnect_ HETER_GUARDED_BY(mutex_);
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_SERVICE_H
