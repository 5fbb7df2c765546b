// The coordinator's state machine. Everything runs on its strand.
//
//   Joining --all roles are there, servers ready--> Training --all data read, all steps closed--> Saving
//   Saving --> Testing (if there is test data) --> Ending --all roles left--> Over
//
// A run that predicts goes from Joining to Testing: the pass over its data is one like that of a test.
//
// A failure goes from any phase to Ending. Which role failed first is not always the one that is heard first: a
// trainer often reports a lost connection before the lost server's own connection breaks here. So a report that only
// names a symptom (unavailable, cancelled, a deadline) waits for `blameWindow` for a better one.
#include "runtime/role/Coordinator.h"

#include "runtime/base/Log.h"
#include "runtime/base/Process.h"
#include "runtime/role/Countdown.h"
#include "runtime/role/Model.h"
#include "runtime/role/Timing.h"
#include "runtime/table/Checkpoint.h"

namespace heter::runtime {
namespace {

constexpr int64_t firstGeneration = 1;
/// Asynchronous runs tell servers how far the steps are every so many steps.
constexpr int64_t finishStepsEvery = 64;

} // namespace

struct Coordinator::Member {
  bool joined = false;
  bool left = false; ///< Or lost.
  uint64_t connection = 0;
  TimePoint lastHeard{};
  std::optional<Responder<rpc::Join>> join;
  std::optional<Responder<rpc::EndOfData>> endOfData;
  std::optional<Responder<rpc::WaitForEnd>> waitForEnd;
  rpc::RoleReport report;
};

Coordinator::Coordinator(const RoleContext &context, const ClusterFile &cluster, const RunHooks &hooks)
    : context_(context), cluster_(cluster), hooks_(hooks), strand_(std::make_shared<Strand>(context.scheduler)),
      service_(std::make_shared<Service>("coordinator")), scoreboard_(context.scheduler, hooks) {
  if (context.options.predict)
    output_ = std::make_shared<PredictionOutput>(context.scheduler, strand_, hooks.predictions);
  auto expect = [this](const std::string &role, size_t count) {
    for (size_t i = 0; i < count; ++i)
      members_[{role, static_cast<int>(i)}];
  };
  expect("server", cluster_.servers.size());
  expect("cpu-trainer", cluster_.cpuTrainers.size());
  for (const auto &[deviceClass, addresses] : cluster_.heterTrainers)
    expect(heterTrainerPrefix + deviceClass, addresses.size());
}

Coordinator::~Coordinator() = default;

template <typename M>
void Coordinator::serve(void (Coordinator::*handle)(const CallContext &, typename M::Request &, const Responder<M> &)) {
  service_->on<M>([self = shared_from_this(), handle](const CallContext &context, typename M::Request request,
                                                      Responder<M> respond) {
    self->strand_->post([self, handle, context, request = std::move(request), respond = std::move(respond)]() mutable {
      ((*self).*handle)(context, request, respond);
    });
  });
}

StatusOr<std::string> Coordinator::listen() {
  serve<rpc::Join>(&Coordinator::join);
  serve<rpc::Finished>(&Coordinator::finished);
  serve<rpc::EndOfData>(&Coordinator::endOfData);
  serve<rpc::Failed>(&Coordinator::failed);
  serve<rpc::WaitForEnd>(&Coordinator::waitForEnd);
  serve<rpc::Goodbye>(&Coordinator::goodbye);
  serve<rpc::Ping>(&Coordinator::ping);
  service_->onDisconnect([self = shared_from_this()](const CallContext &context, const Status &why) {
    self->strand_->post([self, context, why] { self->disconnected(context, why); });
  });
  return context_.transport.listen(cluster_.coordinator, service_->acceptor());
}

void Coordinator::start(UniqueFunction<void(StatusOr<RunResult>)> ended) {
  ended_ = std::move(ended);
  timers_.push_back(context_.scheduler.postAt(context_.scheduler.now() + joinLimit, [self = shared_from_this()] {
    self->strand_->post([self] {
      if (self->phase_ == Phase::Joining)
        self->fail(Status::deadlineExceeded(self->whatIsMissing() + " did not join within " +
                                            std::to_string(joinLimit / std::chrono::seconds(1)) + " s"));
    });
  }));
  if (context_.heartbeats)
    strand_->post([self = shared_from_this()] { self->watch(); });
}

Coordinator::Member *Coordinator::find(const rpc::RoleName &name) {
  auto it = members_.find({name.role, name.index});
  return it == members_.end() ? nullptr : &it->second;
}

std::string Coordinator::whatIsMissing() const {
  std::string missing;
  for (const auto &[key, member] : members_)
    if (!member.joined)
      missing += (missing.empty() ? "" : ", ") + displayName(key.first, key.second);
  return missing;
}

// ------------------------------------------------------------------------------------------------------- calls

Status Coordinator::checkJoin(const rpc::JoinRequest &request) {
  std::string caller = displayName(request.caller);
  const Member *member = find(request.caller);
  if (!member)
    return Status::invalidArgument(caller + " is not part of this run");
  if (member->joined)
    return Status::failedPrecondition(caller + " has joined already; is it started twice?");
  if (request.programHash != context_.package.hash)
    return Status::failedPrecondition(caller + " runs program " + request.programHash + ", the coordinator runs " +
                                      context_.package.hash + "; start all roles from one package");
  if (request.mode != context_.package.info.mode)
    return Status::failedPrecondition(caller + " runs mode " + request.mode + ", the coordinator runs " +
                                      context_.package.info.mode);
  return Status();
}

void Coordinator::join(const CallContext &context, rpc::JoinRequest &request, const Responder<rpc::Join> &respond) {
  if (phase_ != Phase::Joining)
    return respond(Status::failedPrecondition("the run has begun already"));
  if (Status status = checkJoin(request); !status.ok()) {
    respond(status);
    return fail(status);
  }
  Member &member = *find(request.caller);
  member.joined = true;
  member.connection = context.connection;
  member.lastHeard = context_.scheduler.now();
  member.join = respond;
  auto index = static_cast<size_t>(request.caller.index);
  // The cluster file says where a role is dialled, which need not be where it listens (a relay, a port forward); only
  // port 0 asks the role itself.
  std::string *address = nullptr;
  if (request.caller.role == "server")
    address = &cluster_.servers[index];
  else if (request.caller.role.starts_with(heterTrainerPrefix))
    address = &cluster_.heterTrainers[request.caller.role.substr(heterTrainerPrefix.size())][index];
  if (address && address->ends_with(":0"))
    *address = request.address;
  if (whatIsMissing().empty())
    everybodyJoined();
}

void Coordinator::finished(const CallContext &, rpc::FinishedRequest &request,
                           const Responder<rpc::Finished> &respond) {
  respond(rpc::Ack());
  Phase expected = request.frame.training ? Phase::Training : Phase::Testing;
  if (phase_ != expected)
    return;
  auto floats = [](const std::string &bytes) {
    const auto *begin = reinterpret_cast<const float *>(bytes.data());
    return std::vector<float>(begin, begin + bytes.size() / sizeof(float));
  };
  FrameReport report;
  report.step = request.frame.step;
  report.microBatch = request.frame.microBatch;
  report.stepMicroBatches = request.stepMicroBatches;
  report.examples = request.examples;
  report.expectedExamples = request.expectedExamples;
  report.lines = std::move(request.lines);
  for (rpc::ReportedMetric &metric : request.metrics) {
    if (metric.predictions.size() != metric.labels.size())
      return fail(Status::internal("a report has other numbers of predictions and labels"));
    report.metrics.push_back({std::move(metric.metric), std::move(metric.name), metric.value,
                              floats(metric.predictions), floats(metric.labels)});
  }
  auto steps = scoreboard_.add(std::move(report));
  if (!steps.ok())
    return fail(steps.status());
  for (CompleteStep &step : *steps) {
    if (request.frame.training)
      toClose_.push_back(std::move(step));
    else if (output_)
      if (Status status = output_->add(std::move(step.lines)); !status.ok())
        return fail(status);
  }
  closeNextStep();
}

void Coordinator::endOfData(const CallContext &, rpc::EndOfDataRequest &request,
                            const Responder<rpc::EndOfData> &respond) {
  Member *member = find(request.caller);
  Phase expected = request.training ? Phase::Training : Phase::Testing;
  if (!member || phase_ != expected)
    return respond(phase_ == Phase::Ending || phase_ == Phase::Over
                       ? Status::cancelled("the run has ended")
                       : Status::failedPrecondition("this is not the time to end the data"));
  member->endOfData = respond;
  advanceIfPhaseEnded();
}

void Coordinator::failed(const CallContext &, rpc::FailedRequest &request, const Responder<rpc::Failed> &respond) {
  respond(rpc::Ack());
  std::string name = displayName(request.caller);
  auto code = static_cast<StatusCode>(request.code);
  Status why(code == StatusCode::Ok ? StatusCode::Internal : code, request.message);
  if (!request.message.starts_with(name))
    why = why.withContext(name);
  if (why.isRetryable() || why.code() == StatusCode::Cancelled)
    return suspect(why);
  fail(why);
}

void Coordinator::waitForEnd(const CallContext &, rpc::WaitForEndRequest &request,
                             const Responder<rpc::WaitForEnd> &respond) {
  Member *member = find(request.caller);
  if (!member)
    return respond(Status::invalidArgument(displayName(request.caller) + " is not part of this run"));
  if (phase_ != Phase::Ending && phase_ != Phase::Over) {
    member->waitForEnd = respond;
    return;
  }
  rpc::WaitForEndReply reply;
  reply.code = static_cast<int32_t>(outcome_.code());
  reply.message = outcome_.message();
  respond(std::move(reply));
}

void Coordinator::goodbye(const CallContext &, rpc::GoodbyeRequest &request, const Responder<rpc::Goodbye> &respond) {
  respond(rpc::Ack());
  Member *member = find(request.caller);
  if (!member || member->left)
    return;
  member->left = true;
  member->report = request.report;
  if (phase_ != Phase::Ending && phase_ != Phase::Over)
    return suspect(Status::unavailable(displayName(request.caller) + " left before the end of the run"));
  leaveIfAlone();
}

void Coordinator::ping(const CallContext &, rpc::PingRequest &request, const Responder<rpc::Ping> &respond) {
  if (Member *member = find(request.caller))
    member->lastHeard = context_.scheduler.now();
  respond(rpc::Ack());
}

void Coordinator::disconnected(const CallContext &context, const Status &why) {
  for (auto &[key, member] : members_) {
    if (!member.joined || member.left || member.connection != context.connection)
      continue;
    member.left = true;
    if (phase_ == Phase::Ending || phase_ == Phase::Over)
      return leaveIfAlone();
    return fail(Status::unavailable("lost " + displayName(key.first, key.second) + ": " + why.message()));
  }
}

// ------------------------------------------------------------------------------------------------------- course

rpc::JoinReply Coordinator::joinReply() const {
  const RunOptions &options = context_.options;
  rpc::JoinReply reply;
  reply.generation = firstGeneration;
  reply.firstStep = firstStep_;
  reply.seed = static_cast<int64_t>(options.seed.value_or(static_cast<uint64_t>(context_.package.info.seed)));
  reply.asynchronous = options.update == UpdateMode::Async;
  reply.cpuTrainers = static_cast<int32_t>(cluster_.cpuTrainers.size());
  reply.microBatches = options.microBatches > 0 ? options.microBatches : reply.cpuTrainers;
  reply.servers = cluster_.servers;
  for (const auto &[deviceClass, addresses] : cluster_.heterTrainers)
    reply.heterTrainers[heterTrainerPrefix + deviceClass] = addresses;
  return reply;
}

void Coordinator::everybodyJoined() {
  for (auto &[key, member] : members_)
    if (key.first == "server")
      std::exchange(member.join, std::nullopt).value()(joinReply());
  auto countdown =
      Countdown::create(static_cast<int>(cluster_.servers.size()), [self = shared_from_this()](Status status) {
        self->strand_->post([self, status] {
          if (!status.ok())
            return self->suspect(status);
          self->serversReady();
        });
      });
  for (size_t i = 0; i < cluster_.servers.size(); ++i) {
    servers_.push_back(std::make_shared<Client>(context_.transport, context_.scheduler, cluster_.servers[i],
                                                displayName("server", static_cast<int>(i))));
    sayHello(*servers_.back(), context_, roleName("coordinator", 0), firstGeneration,
             [countdown](Status status) { countdown->end(std::move(status)); });
  }
}

/// Calls every server; `done` runs on the strand if all answered, else the run fails.
template <typename M>
void Coordinator::callServers(const std::function<typename M::Request(size_t)> &make, Duration deadline,
                              const std::string &waitingFor,
                              UniqueFunction<void(std::vector<typename M::Reply> &)> done) {
  auto replies = std::make_shared<std::vector<typename M::Reply>>(servers_.size());
  auto countdown =
      Countdown::create(static_cast<int>(servers_.size()), [self = shared_from_this(), replies,
                                                            done = std::move(done)](Status status) mutable {
        self->strand_->post([self, replies, status = std::move(status), done = std::move(done)]() mutable {
          if (self->phase_ == Phase::Ending || self->phase_ == Phase::Over)
            return;
          if (status.ok())
            return done(*replies);
          bool symptom = status.isRetryable() || status.code() == StatusCode::Cancelled;
          symptom ? self->suspect(status) : self->fail(status);
        });
      });
  for (size_t i = 0; i < servers_.size(); ++i)
    servers_[i]->call<M>(
        make(i), deadline,
        [replies, i, countdown](StatusOr<typename M::Reply> reply) {
          if (reply.ok())
            (*replies)[i] = std::move(*reply);
          countdown->end(reply.ok() ? Status() : reply.status());
        },
        waitingFor);
}

void Coordinator::serversReady() {
  if (phase_ != Phase::Joining)
    return;
  if (context_.options.loadFolder.empty())
    return startFirstPass(0);
  auto make = [this](size_t) {
    rpc::LoadRequest request;
    request.generation = firstGeneration;
    request.folder = context_.options.loadFolder;
    return request;
  };
  callServers<rpc::Load>(make, checkpointDeadline, "loading " + context_.options.loadFolder,
                         [this](std::vector<rpc::LoadReply> &replies) {
                           for (const rpc::LoadReply &reply : replies)
                             if (reply.version != replies[0].version)
                               return fail(Status::internal("servers loaded different versions"));
                           startFirstPass(replies[0].version);
                         });
}

void Coordinator::startFirstPass(int64_t firstStep) {
  phase_ = output_ ? Phase::Testing : Phase::Training;
  firstStep_ = stepsFinished_ = firstStep;
  output_ ? scoreboard_.beginPredicting() : scoreboard_.beginTraining(firstStep);
  for (auto &[key, member] : members_)
    if (member.join)
      std::exchange(member.join, std::nullopt).value()(joinReply());
}

void Coordinator::closeNextStep() {
  if (closing_ || phase_ == Phase::Ending || phase_ == Phase::Over)
    return;
  if (context_.options.update == UpdateMode::Async) {
    toClose_.clear();
    if (phase_ == Phase::Training && scoreboard_.nextStep() - stepsFinished_ >= finishStepsEvery) {
      stepsFinished_ = scoreboard_.nextStep();
      auto make = [this](size_t) {
        rpc::FinishStepsRequest request;
        request.generation = firstGeneration;
        request.steps = stepsFinished_;
        return request;
      };
      callServers<rpc::FinishSteps>(make, workDeadline, "", [](std::vector<rpc::Ack> &) {});
    }
    return advanceIfPhaseEnded();
  }
  if (toClose_.empty())
    return advanceIfPhaseEnded();
  CompleteStep step = std::move(toClose_.front());
  toClose_.pop_front();
  closing_ = true;
  auto make = [&step](size_t) {
    rpc::CloseStepRequest request;
    request.generation = firstGeneration;
    request.step = step.step;
    request.microBatches = step.microBatches;
    request.examples = step.examples;
    return request;
  };
  callServers<rpc::CloseStep>(make, workDeadline, "step " + std::to_string(step.step),
                              [this](std::vector<rpc::CloseStepReply> &) {
                                closing_ = false;
                                closeNextStep();
                              });
}

void Coordinator::advanceIfPhaseEnded() {
  if ((phase_ != Phase::Training && phase_ != Phase::Testing) || closing_ || !toClose_.empty())
    return;
  for (auto &[key, member] : members_)
    if (key.first == "cpu-trainer" && !member.endOfData)
      return;
  if (Status status = scoreboard_.endPhase(); !status.ok())
    return fail(status);
  phase_ == Phase::Training ? trainingEnded() : testEnded();
}

void Coordinator::trainingEnded() {
  phase_ = Phase::Saving;
  if (context_.options.update == UpdateMode::Sync)
    return save();
  auto make = [this](size_t) {
    rpc::FinishStepsRequest request;
    request.generation = firstGeneration;
    request.steps = scoreboard_.nextStep();
    return request;
  };
  callServers<rpc::FinishSteps>(make, workDeadline, "the end of training", [this](std::vector<rpc::Ack> &) { save(); });
}

void Coordinator::save() {
  const std::string &folder = context_.options.saveFolder;
  if (folder.empty())
    return afterTraining();
  context_.scheduler.postBlocking([self = shared_from_this(), folder] {
    StatusOr<int64_t> number = nextSaveNumber(self->context_.files, folder);
    self->strand_->post([self, folder, number = std::move(number)] {
      if (!number.ok())
        return self->fail(number.status());
      if (self->phase_ != Phase::Saving)
        return;
      auto make = [&](size_t) {
        rpc::SaveRequest request;
        request.generation = firstGeneration;
        request.folder = folder;
        request.saveNumber = *number;
        return request;
      };
      self->callServers<rpc::Save>(make, checkpointDeadline, "saving to " + folder,
                                   [self = self.get(), number = *number](std::vector<rpc::SaveReply> &replies) {
                                     self->commit(number, replies);
                                   });
    });
  });
}

void Coordinator::commit(int64_t saveNumber, std::vector<rpc::SaveReply> &replies) {
  std::vector<ShardInfo> shards;
  auto file = [](const rpc::SavedFile &from) {
    return CheckpointFile{from.name, from.bytes, static_cast<uint64_t>(from.checksum)};
  };
  for (const rpc::SaveReply &reply : replies)
    shards.push_back({reply.shardIndex, reply.shardCount, static_cast<uint64_t>(reply.seed), reply.version,
                      file(reply.rows), file(reply.dense), reply.rowsPerTable});
  context_.scheduler.postBlocking([self = shared_from_this(), saveNumber, shards = std::move(shards)] {
    Status status = commitManifest(self->context_.files, self->context_.options.saveFolder, self->context_.package.info,
                                   saveNumber, shards);
    self->strand_->post([self, status] {
      if (!status.ok())
        return self->fail(status);
      self->afterTraining();
    });
  });
}

void Coordinator::afterTraining() {
  if (phase_ != Phase::Saving)
    return;
  rpc::EndOfDataReply reply;
  reply.test = !context_.options.testFiles.empty();
  reply.version = scoreboard_.nextStep();
  if (reply.test) {
    phase_ = Phase::Testing;
    scoreboard_.beginTest();
  }
  for (auto &[key, member] : members_)
    if (member.endOfData)
      std::exchange(member.endOfData, std::nullopt).value()(reply);
  if (!reply.test)
    collectStats();
}

void Coordinator::testEnded() {
  phase_ = Phase::Saving; // Nothing but the statistics is left.
  if (!output_)
    return collectStats();
  output_->finish([self = shared_from_this()](Status written) {
    if (!written.ok())
      return self->fail(written);
    self->collectStats();
  });
}

void Coordinator::collectStats() {
  auto make = [](size_t) { return rpc::StatsRequest(); };
  callServers<rpc::Stats>(make, workDeadline, "table sizes", [this](std::vector<rpc::StatsReply> &replies) {
    for (const rpc::StatsReply &reply : replies)
      for (const auto &[table, rows] : reply.rows)
        result_.tables[table] += rows;
    end(Status());
  });
}

// ------------------------------------------------------------------------------------------------------- ends

void Coordinator::fail(Status why) { end(std::move(why)); }

void Coordinator::suspect(Status why) {
  if (suspicion_ || phase_ == Phase::Ending || phase_ == Phase::Over)
    return;
  suspicion_ = std::move(why);
  timers_.push_back(context_.scheduler.postAt(context_.scheduler.now() + blameWindow, [self = shared_from_this()] {
    self->strand_->post([self] { self->fail(*self->suspicion_); });
  }));
}

void Coordinator::end(Status status) {
  if (phase_ == Phase::Ending || phase_ == Phase::Over)
    return;
  phase_ = Phase::Ending;
  outcome_ = std::move(status);
  rpc::WaitForEndReply reply;
  reply.code = static_cast<int32_t>(outcome_.code());
  reply.message = outcome_.message();
  for (auto &[key, member] : members_) {
    if (member.waitForEnd)
      std::exchange(member.waitForEnd, std::nullopt).value()(reply);
    if (member.join)
      std::exchange(member.join, std::nullopt).value()(outcome_);
    if (auto responder = std::exchange(member.endOfData, std::nullopt)) {
      rpc::EndOfDataReply nothing;
      nothing.test = false;
      nothing.version = 0;
      (*responder)(nothing);
    }
  }
  for (auto &server : servers_)
    server->close();
  timers_.push_back(context_.scheduler.postAt(context_.scheduler.now() + goodbyeLimit, [self = shared_from_this()] {
    self->strand_->post([self] {
      for (auto &[key, member] : self->members_)
        member.left = true;
      self->leaveIfAlone();
    });
  }));
  leaveIfAlone();
}

void Coordinator::leaveIfAlone() {
  if (phase_ != Phase::Ending)
    return;
  for (auto &[key, member] : members_)
    if (member.joined && !member.left)
      return;
  phase_ = Phase::Over;
  for (uint64_t timer : timers_)
    context_.scheduler.cancel(timer);
  if (watchTimer_)
    context_.scheduler.cancel(watchTimer_);
  service_->clear();
  scoreboard_.fill(result_);
  result_.mode = context_.package.info.mode;
  result_.update = updateModeName(context_.options.update);
  result_.cpuSeconds = processCpuSeconds();
  result_.peakRssBytes = peakResidentBytes();
  WireCounts own = context_.transport.counts();
  result_.bytesSent = own.bytesSent;
  result_.bytesReceived = own.bytesReceived;
  for (const auto &[key, member] : members_) {
    const rpc::RoleReport &report = member.report;
    result_.roles.push_back({key.first, key.second, report.frames, report.examples, report.bytesSent,
                             report.bytesReceived, report.cpuSeconds, report.peakRssBytes});
    result_.cpuSeconds += report.cpuSeconds;
    result_.peakRssBytes += report.peakRssBytes;
    result_.bytesSent += report.bytesSent;
    result_.bytesReceived += report.bytesReceived;
  }
  auto ended = std::move(ended_);
  outcome_.ok() ? ended(std::move(result_)) : ended(outcome_);
}

void Coordinator::watch() {
  if (phase_ == Phase::Ending || phase_ == Phase::Over)
    return;
  TimePoint now = context_.scheduler.now();
  for (auto &[key, member] : members_)
    if (member.joined && !member.left && now - member.lastHeard > silenceLimit) {
      member.left = true;
      return fail(Status::unavailable("lost " + displayName(key.first, key.second) + ": it has been silent for " +
                                      std::to_string(silenceLimit / std::chrono::seconds(1)) + " s"));
    }
  watchTimer_ = context_.scheduler.postAt(
      now + pingPeriod, [self = shared_from_this()] { self->strand_->post([self] { self->watch(); }); });
}

} // namespace heter::runtime
