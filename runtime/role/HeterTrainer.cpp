// The life of a heter-trainer.
#include "runtime/role/HeterTrainer.h"

#include "runtime/role/Countdown.h"
#include "runtime/role/Phase.h"

namespace heter::runtime {

HeterTrainer::HeterTrainer(const RoleContext &context, const std::string &role, int index, std::string address,
                           const std::string &coordinatorAddress)
    : context_(context), self_(roleName(role, index)), address_(std::move(address)), model_(context.package.info),
      strand_(std::make_shared<Strand>(context.scheduler)), service_(std::make_shared<Service>(displayName(self_))),
      membership_(std::make_shared<Membership>(context, strand_, self_, coordinatorAddress)),
      incoming_(context.scheduler), outgoing_(context.scheduler) {}

HeterTrainer::~HeterTrainer() = default;

void HeterTrainer::start(UniqueFunction<void(StatusOr<RoleSummary>)> ended) {
  ended_ = std::move(ended);
  addMethods();
  strand_->post([self = shared_from_this()] {
    self->membership_->listenAndJoin(
        *self->service_, self->address_, [self](const rpc::JoinReply &reply) { self->joined(reply); },
        [self](Status status) { self->ended(std::move(status)); });
  });
}

void HeterTrainer::addMethods() {
  auto self = shared_from_this();
  addPeerMethods(*service_, context_, self_, [self](Completion done) {
    self->strand_->post([self, done = std::move(done)]() mutable { self->whenReady(std::move(done)); });
  });
  service_->on<rpc::RunFrame>([self](const CallContext &, rpc::RunFrameRequest request, auto respond) {
    self->strand_->post([self, request = std::move(request), respond] { self->runFrame(request, respond); });
  });
  service_->on<rpc::Send>([self](const CallContext &, rpc::SendRequest request, auto respond) {
    self->incoming_.put(request.frame, request.channel, std::make_shared<const WireValues>(std::move(request.values)));
    respond(rpc::Ack());
  });
  service_->on<rpc::Receive>([self](const CallContext &, rpc::ReceiveRequest request, auto respond) {
    self->outgoing_.take(request.frame, request.channel, [respond](StatusOr<WireValuesPtr> values) {
      if (!values.ok())
        return respond(values.status());
      rpc::ReceiveReply reply;
      // The mailbox gave away the only reference.
      reply.values = std::move(const_cast<WireValues &>(**values));
      respond(std::move(reply));
    });
  });
}

void HeterTrainer::joined(const rpc::JoinReply &reply) {
  auto programs = Programs::create(context_, self_.role);
  if (!programs.ok())
    return makeReady(programs.status());
  programs_ = std::move(*programs);
  generation_ = reply.generation;
  for (size_t i = 0; i < reply.servers.size(); ++i)
    servers_.push_back(makeClient(context_, "server", static_cast<int>(i), reply.servers[i], membership_->failer()));
  const package::RoleProgram *program = context_.package.find(self_.role);
  rows_ = makeRowCache(*program, updateModeOf(reply));
  parameters_ = std::make_shared<RemoteParameters>(model_, pulledParameters(model_, *program), servers_, generation_,
                                                   updateModeOf(reply), rows_);
  services_.emplace(FrameServices{model_, *parameters_, this, membership_->failer(), TileKernels::of(&context_.kernels),
                                  context_.scheduler});
  auto countdown = Countdown::create(static_cast<int>(servers_.size()), [self = shared_from_this()](Status status) {
    self->strand_->post([self, status] { self->makeReady(status); });
  });
  for (auto &server : servers_)
    sayHello(*server, context_, self_, generation_, [countdown](Status status) { countdown->end(std::move(status)); });
}

/// A cache for the rows that `program` looks up, or null. An asynchronous run does not say how old a row may be.
std::shared_ptr<RowCache> HeterTrainer::makeRowCache(const package::RoleProgram &program, UpdateMode update) const {
  const std::set<int> parts = pulledParts(model_, program);
  const int64_t bytes = context_.options.rowCacheBytes.value_or(defaultRowCacheBytes);
  if (parts.empty() || update == UpdateMode::Async || bytes == 0)
    return nullptr;
  std::vector<int64_t> dims(model_.parts().size(), 0);
  for (int part : parts)
    dims[static_cast<size_t>(part)] = model_.parts()[static_cast<size_t>(part)].dim;
  return std::make_shared<RowCache>(bytes, dims);
}

void HeterTrainer::makeReady(Status status) {
  if (outcome_)
    return;
  readiness_ = status;
  if (!status.ok())
    membership_->fail(status);
  for (Completion &waiting : std::exchange(waitingForReady_, {}))
    waiting(status);
}

void HeterTrainer::whenReady(Completion done) {
  if (outcome_)
    return done(Status::cancelled("the run has ended"));
  if (readiness_)
    return done(*readiness_);
  waitingForReady_.push_back(std::move(done));
}

void HeterTrainer::runFrame(const rpc::RunFrameRequest &request, Responder<rpc::RunFrame> respond) {
  if (outcome_)
    return respond(Status::cancelled("the run has ended"));
  if (!readiness_ || !readiness_->ok())
    return respond(Status::failedPrecondition("the heter-trainer is not ready"));
  if (request.frame.generation != generation_)
    return respond(Status::failedPrecondition("a frame of generation " + std::to_string(request.frame.generation) +
                                              " was refused: this is generation " + std::to_string(generation_)));
  FrameInfo info = frameInfo(request.frame);
  info.examples = request.examples;
  info.firstExample = request.firstExample;
  info.seed = static_cast<uint64_t>(request.seed);
  std::tuple key(info.training, info.key.step, info.key.microBatch, info.key.attempt);
  if (!running_.insert(key).second)
    return respond(Status::failedPrecondition("the frame is running already"));
  auto handler = std::make_shared<TrainerFrame>(*services_, request.version, nullptr);
  programs_.of(info.training)
      .run(info, *handler, [self = shared_from_this(), handler, key, info, respond](Status status) {
        self->strand_->post([self, key, info, status, respond] {
          self->running_.erase(key);
          if (countsAsWork(self->context_.options, info)) {
            ++self->frames_;
            self->examples_ += info.examples;
          }
          status.ok() ? respond(rpc::Ack()) : respond(status);
          if (!status.ok() && !self->outcome_)
            self->membership_->fail(status);
          self->leaveIfIdle();
        });
      });
}

void HeterTrainer::ended(Status status) {
  outcome_ = std::move(status);
  Status over = Status::cancelled("the run has ended");
  incoming_.close(over);
  outgoing_.close(over);
  for (Completion &waiting : std::exchange(waitingForReady_, {}))
    waiting(over);
  for (auto &server : servers_)
    server->close();
  leaveIfIdle();
}

void HeterTrainer::leaveIfIdle() {
  if (!outcome_ || !ended_ || !running_.empty())
    return;
  service_->clear();
  RoleSummary summary = summarize(context_, self_, frames_, examples_);
  if (rows_)
    summary.rowCache = rows_->counts();
  membership_->leave(summary, [self = shared_from_this(), summary, ended = std::move(ended_)]() mutable {
    self->outcome_->ok() ? ended(summary) : ended(*self->outcome_);
  });
}

void HeterTrainer::send(const FrameInfo &info, const std::string &channel, WireValues values, Completion done) {
  outgoing_.put(frameId(info), channel, std::make_shared<const WireValues>(std::move(values)));
  done(Status());
}

void HeterTrainer::receive(const FrameInfo &info, const std::string &channel, WireValuesReceiver done) {
  incoming_.take(frameId(info), channel, std::move(done));
}

} // namespace heter::runtime
