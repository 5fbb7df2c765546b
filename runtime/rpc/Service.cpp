// Sessions: from frames to handlers and from results to frames. A frame that is no well-formed call closes its
// connection with a log line; it never reaches a handler.
#include "runtime/rpc/Service.h"

#include "runtime/base/Log.h"

namespace heter::runtime {

ReplySlot::ReplySlot(std::shared_ptr<CallLog> log, std::string method, int32_t sequence)
    : log_(std::move(log)), method_(std::move(method)), sequence_(sequence) {}

ReplySlot::~ReplySlot() {
  if (log_ && onDrop_)
    send(onDrop_, nullptr);
}

void ReplySlot::send(const WriteBody &body, std::shared_ptr<const void> keep) {
  std::shared_ptr<CallLog> log = std::move(log_);
  if (!log)
    return;
  auto frame = encodeMessage(method_, MessageType::Reply, sequence_, body, std::move(keep));
  if (frame.ok())
    log->answer(sequence_, std::make_shared<const OutgoingFrame>(std::move(*frame)), onRepeat_);
  else
    log->link().close(frame.status());
}

class Service::Session final : public LinkListener {
public:
  Session(std::shared_ptr<Service> service, CallContext context)
      : service_(std::move(service)), context_(std::move(context)), log_(context_.calls) {}

  void frameArrived(IncomingFrame frame) override {
    StatusOr<MessageReader> message = MessageReader::open(std::move(frame));
    if (!message.ok())
      return refuse(message.status());
    if (message->type() != MessageType::Call)
      return refuse(Status::invalidArgument("a reply to " + message->method() + " that was never called"));
    bool cleared = false;
    auto handler = service_->find(message->method(), cleared);
    if (cleared)
      return log_->link().close(Status::cancelled(service_->name_ + " has stopped"));
    if (!handler)
      return log_->link().send(
          std::make_shared<const OutgoingFrame>(encodeUnknownMethod(message->method(), message->sequence())));
    if (!log_->begin(message->sequence()))
      return;
    Status status = (*handler)(context_, *message, ReplySlot(log_, message->method(), message->sequence()));
    if (!status.ok())
      refuse(status);
  }

  void linkClosed(Status why) override { service_->disconnected(context_, why); }

private:
  void refuse(const Status &status) {
    logWarning(service_->name_ + ": closed the connection from " + context_.remoteAddress + ": " + status.message());
    log_->link().close(status);
  }

  std::shared_ptr<Service> service_;
  const CallContext context_;
  const std::shared_ptr<CallLog> log_;
};

Service::Service(std::string name) : name_(std::move(name)) {
  onPing([](const CallContext &) {});
}

void Service::onPing(std::function<void(const CallContext &)> heard) {
  on<rpc::Ping>([heard = std::move(heard)](const CallContext &call, const rpc::PingRequest &request, auto respond) {
    heard(call);
    rpc::PingReply reply;
    reply.notRunning = call.calls->notRunning(request.waitingFor);
    respond(std::move(reply));
  });
}

void Service::add(std::string method, RawHandler handler) {
  MutexLock lock(mutex_);
  methods_[std::move(method)] = std::make_shared<const RawHandler>(std::move(handler));
}

void Service::onDisconnect(std::function<void(const CallContext &, const Status &)> handler) {
  MutexLock lock(mutex_);
  onDisconnect_ = std::make_shared<std::function<void(const CallContext &, const Status &)>>(std::move(handler));
}

void Service::clear() {
  // What the handlers own goes after the lock does.
  decltype(methods_) methods;
  decltype(onDisconnect_) onDisconnect;
  MutexLock lock(mutex_);
  cleared_ = true;
  methods.swap(methods_);
  onDisconnect.swap(onDisconnect_);
}

Transport::Acceptor Service::acceptor() {
  return [self = shared_from_this()](std::shared_ptr<Link> link) -> std::shared_ptr<LinkListener> {
    CallContext context;
    context.remoteAddress = link->remoteAddress();
    context.calls = std::make_shared<CallLog>(std::move(link));
    {
      MutexLock lock(self->mutex_);
      context.connection = ++self->lastConnection_;
    }
    return std::make_shared<Session>(self, std::move(context));
  };
}

std::shared_ptr<const Service::RawHandler> Service::find(const std::string &method, bool &cleared) const {
  MutexLock lock(mutex_);
  cleared = cleared_;
  auto it = methods_.find(method);
  return it == methods_.end() ? nullptr : it->second;
}

void Service::disconnected(const CallContext &context, const Status &why) {
  std::shared_ptr<std::function<void(const CallContext &, const Status &)>> handler;
  {
    MutexLock lock(mutex_);
    handler = onDisconnect_;
  }
  if (handler)
    (*handler)(context, why);
}

} // namespace heter::runtime
