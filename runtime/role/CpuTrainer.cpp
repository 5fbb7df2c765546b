// The life of a cpu-trainer: join, say hello to everybody it will call, train, wait, test, leave.
#include "runtime/role/CpuTrainer.h"

#include "runtime/role/Countdown.h"
#include "runtime/role/Phase.h"
#include "runtime/role/Positions.h"
#include "runtime/role/Timing.h"

namespace heter::runtime {

/// One micro-batch on its way.
struct CpuTrainer::FrameRun {
  FrameRun(const FrameServices &services, int64_t minVersion, BatchPtr batch)
      : batch(batch), handler(services, minVersion, batch) {}
  BatchPtr batch;
  FrameInfo info;
  TrainerFrame handler;
};

CpuTrainer::CpuTrainer(const RoleContext &context, int index, const std::string &coordinatorAddress)
    : context_(context), self_(roleName("cpu-trainer", index)), model_(context.package.info),
      strand_(std::make_shared<Strand>(context.scheduler)),
      membership_(std::make_shared<Membership>(context, strand_, self_, coordinatorAddress)) {
  const package::PackageInfo &info = context.package.info;
  for (const auto *channels : {&info.trainChannels, &info.inferChannels, &info.predictChannels})
    for (const package::Channel &channel : *channels)
      channelPeers_[channel.name] = channel.sender == "cpu-trainer" ? channel.receiver : channel.sender;
}

CpuTrainer::~CpuTrainer() = default;

void CpuTrainer::start(UniqueFunction<void(StatusOr<RoleSummary>)> ended) {
  ended_ = std::move(ended);
  strand_->post([self = shared_from_this()] {
    self->membership_->join(
        "", [self](const rpc::JoinReply &reply) { self->joined(reply); },
        [self](Status status) { self->ended(std::move(status)); });
  });
}

void CpuTrainer::joined(const rpc::JoinReply &reply) {
  auto programs = Programs::create(context_, self_.role);
  if (!programs.ok())
    return membership_->fail(programs.status());
  programs_ = std::move(*programs);
  generation_ = reply.generation;
  staleness_ = {updateModeOf(reply), reply.staleness, reply.firstStep, reply.saveEvery};
  finalVersion_ = reply.firstStep;
  seed_ = static_cast<uint64_t>(reply.seed);
  cpuTrainers_ = reply.cpuTrainers;
  microBatches_ = reply.microBatches;
  if (reply.__isset.resume)
    resume_ = fromWire(reply.resume);
  connect(reply);
}

void CpuTrainer::connect(const rpc::JoinReply &reply) {
  auto lost = membership_->failer();
  for (size_t i = 0; i < reply.servers.size(); ++i)
    servers_.push_back(makeClient(context_, "server", static_cast<int>(i), reply.servers[i], lost));
  std::vector<std::shared_ptr<Client>> peers = servers_;
  for (const auto &[role, addresses] : reply.heterTrainers)
    for (size_t i = 0; i < addresses.size(); ++i) {
      heterTrainers_[role].push_back(makeClient(context_, role, static_cast<int>(i), addresses[i], lost));
      peers.push_back(heterTrainers_[role].back());
    }
  const package::RoleProgram *program = context_.package.find(self_.role);
  parameters_ = std::make_shared<RemoteParameters>(model_, pulledParameters(model_, *program), servers_, generation_,
                                                   staleness_.update);
  services_.emplace(FrameServices{model_, *parameters_, this, membership_->failer(), TileKernels::of(&context_.kernels),
                                  context_.scheduler});
  auto countdown = Countdown::create(static_cast<int>(peers.size()), [self = shared_from_this()](Status status) {
    self->strand_->post([self, status] {
      if (!status.ok())
        return self->membership_->fail(status);
      self->startPhase(/*training=*/!self->context_.options.predict);
    });
  });
  for (auto &peer : peers)
    sayHello(*peer, context_, self_, generation_, [countdown](Status status) { countdown->end(std::move(status)); });
}

void CpuTrainer::startPhase(bool training) {
  if (outcome_)
    return;
  training_ = training;
  auto stream = openStream(context_, training, self_.index, cpuTrainers_, microBatches_, resume_);
  if (!stream.ok())
    return membership_->fail(stream.status());
  auto self = shared_from_this();
  pump_ = std::make_shared<FramePump>(
      strand_, std::move(*stream), context_.options.inFlight,
      [self](BatchPtr batch, Completion done) { self->runFrame(std::move(batch), std::move(done)); },
      [self](Status status) { self->phaseEnded(std::move(status)); });
  pump_->start();
}

void CpuTrainer::runFrame(BatchPtr batch, Completion done) {
  FrameInfo info = frameOf(*batch, training_, generation_, staleness_.firstStep, seed_);
  auto run = std::make_shared<FrameRun>(*services_, versionFor(info), batch);
  run->info = info;
  int parts = 1;
  for (const auto &[role, clients] : heterTrainers_)
    parts += !graphOf(*context_.package.find(role), context_.options, training_).nodes.empty();
  auto countdown =
      Countdown::create(parts, [self = shared_from_this(), run, done = std::move(done)](Status status) mutable {
        if (!status.ok())
          return done(std::move(status));
        self->reportFinished(run, std::move(done));
      });
  callHeterTrainers(info, countdown);
  programs_.of(training_).run(info, run->handler,
                              [countdown, run](Status status) { countdown->end(std::move(status)); });
}

int64_t CpuTrainer::versionFor(const FrameInfo &info) const {
  return info.training ? staleness_.versionFor(info.key.step) : finalVersion_;
}

void CpuTrainer::callHeterTrainers(const FrameInfo &info, const std::shared_ptr<Countdown> &countdown) {
  for (const auto &[role, clients] : heterTrainers_) {
    if (graphOf(*context_.package.find(role), context_.options, info.training).nodes.empty())
      continue;
    rpc::RunFrameRequest request;
    request.frame = frameId(info);
    request.examples = info.examples;
    request.firstExample = info.firstExample;
    request.seed = static_cast<int64_t>(info.seed);
    request.version = versionFor(info);
    instanceFor(info, clients)
        .call<rpc::RunFrame>(
            std::move(request), workDeadline,
            [countdown, failed = services_->failed](StatusOr<rpc::Ack> reply) {
              if (!reply.ok())
                failed(reply.status()); // This side of the frame may wait for it.
              countdown->end(reply.ok() ? Status() : reply.status());
            },
            describe(info, ""));
  }
}

std::string CpuTrainer::describe(const FrameInfo &info, const std::string &channel) const {
  std::string text = (info.training              ? "step "
                      : context_.options.predict ? "batch "
                                                 : "test batch ") +
                     std::to_string(info.key.step) + ", micro-batch " + std::to_string(info.key.microBatch);
  return channel.empty() ? text : "channel " + channel + ", " + text;
}

void CpuTrainer::reportFinished(const std::shared_ptr<FrameRun> &run, Completion done) {
  FrameReport report = reportOf(run->info, *run->batch, run->handler, pump_->progress());
  rpc::FinishedRequest request;
  request.frame = frameId(run->info);
  request.stepMicroBatches = report.stepMicroBatches;
  request.examples = report.examples;
  request.firstExample = run->info.firstExample;
  request.expectedExamples = report.expectedExamples;
  request.lines = std::move(report.lines);
  request.after = toWire(report.after);
  for (const MetricReport &metric : report.metrics) {
    rpc::ReportedMetric wire;
    wire.metric = metric.metric;
    wire.name = metric.name;
    wire.value = metric.value;
    wire.predictions.assign(reinterpret_cast<const char *>(metric.predictions.data()),
                            metric.predictions.size() * sizeof(float));
    wire.labels.assign(reinterpret_cast<const char *>(metric.labels.data()), metric.labels.size() * sizeof(float));
    request.metrics.push_back(std::move(wire));
  }
  membership_->coordinator().call<rpc::Finished>(
      // Predictions are acknowledged when their reader keeps up.
      std::move(request), context_.options.predict ? runDeadline : controlDeadline,
      [self = shared_from_this(), run, done = std::move(done)](StatusOr<rpc::Ack> reply) mutable {
        self->strand_->post([self, run] {
          if (!countsAsWork(self->context_.options, run->info))
            return;
          ++self->frames_;
          self->examples_ += run->info.examples;
        });
        if (!reply.ok())
          self->services_->failed(reply.status()); // Later frames may wait for this one's step.
        done(reply.ok() ? Status() : reply.status());
      },
      describe(run->info, ""));
}

void CpuTrainer::phaseEnded(Status status) {
  badLines_ += pump_->progress().badLines;
  if (outcome_)
    return leaveIfIdle();
  if (!status.ok())
    return membership_->fail(status);
  rpc::EndOfDataRequest request;
  request.caller = self_;
  request.training = training_;
  membership_->coordinator().call<rpc::EndOfData>(
      std::move(request), runDeadline,
      [self = shared_from_this()](StatusOr<rpc::EndOfDataReply> reply) {
        self->strand_->post([self, reply = std::move(reply)]() mutable { self->nextPhase(std::move(reply)); });
      },
      "the other trainers");
}

void CpuTrainer::nextPhase(StatusOr<rpc::EndOfDataReply> reply) {
  if (outcome_)
    return;
  if (!reply.ok())
    return membership_->fail(reply.status());
  pump_.reset();
  if (!reply->test)
    return; // The end of the run follows.
  finalVersion_ = reply->version;
  startPhase(/*training=*/false);
}

void CpuTrainer::ended(Status status) {
  outcome_ = std::move(status);
  for (auto &server : servers_)
    server->close();
  for (auto &[role, clients] : heterTrainers_)
    for (auto &client : clients)
      client->close();
  if (!pump_)
    return leaveIfIdle();
  auto pump = pump_;
  pump->stop(Status::cancelled("the run has ended"));
  leaveIfIdle();
}

void CpuTrainer::leaveIfIdle() {
  if (!outcome_ || !ended_ || (pump_ && !pump_->finished()))
    return;
  pump_.reset();
  RoleSummary summary = summarize(context_, self_, frames_, examples_);
  summary.badLines = badLines_;
  membership_->leave(summary, [self = shared_from_this(), summary, ended = std::move(ended_)]() mutable {
    self->outcome_->ok() ? ended(summary) : ended(*self->outcome_);
  });
}

Client &CpuTrainer::instanceFor(const FrameInfo &info, const std::vector<std::shared_ptr<Client>> &clients) const {
  int64_t number =
      info.training ? (info.key.step - staleness_.firstStep) * microBatches_ + info.key.microBatch : info.key.step;
  return *clients[static_cast<size_t>(number) % clients.size()];
}

Client *CpuTrainer::heterTrainerOf(const FrameInfo &info, const std::string &channel) {
  auto peer = channelPeers_.find(channel);
  if (peer == channelPeers_.end())
    return nullptr;
  auto clients = heterTrainers_.find(peer->second);
  return clients == heterTrainers_.end() ? nullptr : &instanceFor(info, clients->second);
}

void CpuTrainer::send(const FrameInfo &info, const std::string &channel, WireValues values, Completion done) {
  Client *client = heterTrainerOf(info, channel);
  if (!client)
    return done(Status::internal("channel '" + channel + "' leads nowhere"));
  rpc::SendRequest request;
  request.frame = frameId(info);
  request.channel = channel;
  request.values = std::move(values);
  client->call<rpc::Send>(
      std::move(request), workDeadline,
      [done = std::move(done)](StatusOr<rpc::Ack> reply) mutable { done(reply.ok() ? Status() : reply.status()); },
      describe(info, channel));
}

void CpuTrainer::receive(const FrameInfo &info, const std::string &channel, WireValuesReceiver done) {
  Client *client = heterTrainerOf(info, channel);
  if (!client)
    return done(Status::internal("channel '" + channel + "' comes from nowhere"));
  rpc::ReceiveRequest request;
  request.frame = frameId(info);
  request.channel = channel;
  client->call<rpc::Receive>(
      std::move(request), workDeadline,
      [done = std::move(done)](StatusOr<rpc::ReceiveReply> reply) mutable {
        if (!reply.ok())
          return done(reply.status());
        done(WireValuesPtr(std::make_shared<const WireValues>(std::move(reply->values))));
      },
      describe(info, channel));
}

} // namespace heter::runtime
