// Handshakes and membership.
#include "runtime/role/Role.h"

#include "runtime/base/Log.h"
#include "runtime/base/Process.h"
#include "runtime/role/Timing.h"
#include "runtime/table/ParameterStore.h"

#include <algorithm>

namespace heter::runtime {

void logTiers(const ParameterStore &store) {
  for (const auto &[table, figures] : store.tierFigures())
    logInfo("rows of `" + table + "` that have no room in memory go to " + store.options().tier.folder);
}

std::string displayName(const std::string &role, int index) { return role + " " + std::to_string(index); }
std::string displayName(const rpc::RoleName &name) {
  return name.role == "coordinator" ? name.role : displayName(name.role, name.index);
}

rpc::RoleName roleName(const std::string &role, int index) {
  rpc::RoleName name;
  name.role = role;
  name.index = index;
  return name;
}

namespace {

Status checkHello(const RoleContext &context, const rpc::RoleName &self, const rpc::HelloRequest &request) {
  std::string caller = displayName(request.caller);
  if (request.programHash != context.package.hash)
    return Status::failedPrecondition(caller + " runs program " + request.programHash + ", " + displayName(self) +
                                      " runs " + context.package.hash + "; start all roles from one package");
  if (request.mode != context.package.info.mode)
    return Status::failedPrecondition(caller + " runs mode " + request.mode + ", " + displayName(self) + " runs " +
                                      context.package.info.mode);
  return Status();
}

} // namespace

void addPeerMethods(Service &service, const RoleContext &context, rpc::RoleName self,
                    std::function<void(Completion)> ready) {
  service.on<rpc::Hello>([context, self, ready = std::move(ready)](const CallContext &, rpc::HelloRequest request,
                                                                   Responder<rpc::Hello> respond) {
    if (Status status = checkHello(context, self, request); !status.ok())
      return respond(status);
    ready([context, self, respond](Status status) {
      if (!status.ok())
        return respond(status);
      rpc::HelloReply reply;
      reply.name = self;
      reply.programHash = context.package.hash;
      reply.creditBytes = static_cast<int64_t>(context.options.creditBytes);
      respond(std::move(reply));
    });
  });
}

std::shared_ptr<Client> makeClient(const RoleContext &context, const std::string &role, int index,
                                   const std::string &address, std::function<void(const Status &)> lost) {
  return std::make_shared<Client>(context.transport, context.scheduler, address, displayName(role, index),
                                  LaneOptions{.watch = context.watch, .lost = std::move(lost)});
}

void sayHello(Client &client, const RoleContext &context, const rpc::RoleName &self, int64_t generation,
              Completion done) {
  rpc::HelloRequest request;
  request.caller = self;
  request.programHash = context.package.hash;
  request.mode = context.package.info.mode;
  request.generation = generation;
  client.call<rpc::Hello>(
      std::move(request), workDeadline,
      [&client, done = std::move(done)](StatusOr<rpc::HelloReply> reply) mutable {
        if (reply.ok())
          client.grantCredits(static_cast<size_t>(std::max<int64_t>(reply->creditBytes, 0)));
        done(reply.ok() ? Status() : reply.status());
      },
      "the handshake");
}

Membership::Membership(const RoleContext &context, std::shared_ptr<Strand> strand, rpc::RoleName self,
                       const std::string &coordinatorAddress)
    : context_(context), strand_(std::move(strand)), self_(std::move(self)),
      client_(context.transport, context.scheduler, coordinatorAddress, "coordinator",
              LaneOptions{.watch = context.watch, .patience = std::chrono::seconds(context.options.patienceSeconds)}) {}

template <typename M> auto Membership::onStrand(UniqueFunction<void(StatusOr<typename M::Reply>)> handle) {
  return [self = shared_from_this(), handle = std::move(handle)](StatusOr<typename M::Reply> reply) mutable {
    self->strand_->post([handle = std::move(handle), reply = std::move(reply)]() mutable { handle(std::move(reply)); });
  };
}

void Membership::join(const std::string &listenAddress, Joined joined, Completion ended) {
  ended_ = std::move(ended);
  rpc::JoinRequest request;
  request.caller = self_;
  request.programHash = context_.package.hash;
  request.mode = context_.package.info.mode;
  request.address = listenAddress;
  client_.call<rpc::Join>(std::move(request), runDeadline,
                          onStrand<rpc::Join>([self = shared_from_this(),
                                               joined = std::move(joined)](StatusOr<rpc::JoinReply> reply) mutable {
                            if (!reply.ok())
                              return self->endUntold(reply.status());
                            if (!self->over_)
                              joined(*reply);
                          }),
                          "the other roles to join");
  waitForEnd();
}

void Membership::listenAndJoin(Service &service, const std::string &address, Joined joined, Completion ended) {
  StatusOr<std::string> bound = context_.transport.listen(address, service.acceptor());
  if (bound.ok())
    return join(*bound, std::move(joined), std::move(ended));
  Status why = bound.status().withContext(displayName(self_));
  fail(why);
  ended(why);
}

void Membership::waitForEnd() {
  rpc::WaitForEndRequest request;
  request.caller = self_;
  client_.call<rpc::WaitForEnd>(
      std::move(request), runDeadline,
      onStrand<rpc::WaitForEnd>([self = shared_from_this()](StatusOr<rpc::WaitForEndReply> reply) {
        if (!reply.ok()) {
          self->client_.close(); // Nobody is there to take leave of.
          return self->endUntold(reply.status());
        }
        self->end(reply->code == 0 ? Status() : Status(static_cast<StatusCode>(reply->code), reply->message));
      }),
      "the end of the run");
}

void Membership::interrupt() {
  strand_->post([self = shared_from_this()] {
    Status why = Status::cancelled(displayName(self->self_) + " was interrupted");
    self->fail(why);
    TimePoint limit = self->context_.scheduler.now() + interruptLimit;
    self->context_.scheduler.postAt(limit, [weak = self->weak_from_this(), why] {
      if (auto self = weak.lock())
        self->strand_->post([self, why] {
          if (self->over_)
            return;
          self->end(why);
          self->client_.close(); // Taking leave would wait for the coordinator again.
        });
    });
  });
}

std::function<void(const Status &)> Membership::failer() {
  return [weak = weak_from_this()](const Status &why) {
    if (auto self = weak.lock())
      self->strand_->post([self, why] { self->fail(why); });
  };
}

void Membership::fail(const Status &why) {
  if (over_ || !failure_.ok())
    return;
  failure_ = why;
  rpc::FailedRequest request;
  request.caller = self_;
  request.code = static_cast<int32_t>(why.code());
  request.message = why.message();
  client_.call<rpc::Failed>(std::move(request), controlDeadline,
                            onStrand<rpc::Failed>([self = shared_from_this()](StatusOr<rpc::Ack> reply) {
                              if (!reply.ok())
                                self->end(self->failure_);
                            }));
}

void Membership::endUntold(Status status) {
  // A lost coordinator after our own failure: our failure is what the user needs to know.
  end(!failure_.ok() && status.isRetryable() ? failure_ : std::move(status));
}

void Membership::end(Status status) {
  if (std::exchange(over_, true))
    return;
  // A role that fails before it joins, for example because its port is in use, has ended by itself.
  if (Completion ended = std::move(ended_))
    ended(std::move(status));
}

void Membership::leave(const RoleSummary &summary, Task done) {
  rpc::GoodbyeRequest request;
  request.caller = self_;
  request.report.frames = summary.frames;
  request.report.examples = summary.examples;
  request.report.bytesSent = summary.bytesSent;
  request.report.bytesReceived = summary.bytesReceived;
  request.report.cpuSeconds = summary.cpuSeconds;
  request.report.peakRssBytes = summary.peakRssBytes;
  request.report.badLines = summary.badLines;
  request.report.rowHits = summary.rowCache.hits;
  request.report.rowMisses = summary.rowCache.misses;
  request.report.rowsStale = summary.rowCache.stale;
  client_.call<rpc::Goodbye>(
      std::move(request), goodbyeLimit,
      onStrand<rpc::Goodbye>([self = shared_from_this(), done = std::move(done)](StatusOr<rpc::Ack>) mutable {
        self->client_.close();
        done();
      }));
}

RoleSummary summarize(const RoleContext &context, const rpc::RoleName &self, int64_t frames, int64_t examples) {
  RoleSummary summary;
  summary.role = self.role;
  summary.index = self.index;
  summary.frames = frames;
  summary.examples = examples;
  WireCounts counts = context.transport.counts();
  summary.bytesSent = counts.bytesSent;
  summary.bytesReceived = counts.bytesReceived;
  if (context.ownProcess) {
    summary.cpuSeconds = processCpuSeconds();
    summary.peakRssBytes = peakResidentBytes();
  }
  return summary;
}

} // namespace heter::runtime
