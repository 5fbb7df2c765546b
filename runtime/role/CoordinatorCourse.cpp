// The course of a run: from everybody's joining to the statistics at its end. Everything runs on the coordinator's
// strand.
#include "runtime/role/Coordinator.h"

#include "runtime/role/Countdown.h"
#include "runtime/role/Model.h"
#include "runtime/role/Phase.h"
#include "runtime/role/Positions.h"
#include "runtime/role/Timing.h"
#include "runtime/table/Checkpoint.h"

#include <algorithm>
#include <utility>

namespace heter::runtime {
namespace {

constexpr int64_t firstGeneration = 1;
/// Asynchronous runs tell servers how far the steps are every so many steps.
constexpr int64_t finishStepsEvery = 64;

} // namespace

rpc::JoinReply Coordinator::joinReply() const {
  const RunOptions &options = context_.options;
  rpc::JoinReply reply;
  reply.generation = firstGeneration;
  reply.firstStep = firstStep_;
  const uint64_t own = loadedSeed_.value_or(static_cast<uint64_t>(context_.package.info.seed));
  reply.seed = static_cast<int64_t>(options.seed.value_or(own));
  if (loadedSeed_ && !options.restartData)
    reply.__set_resume(toWire(position_));
  reply.asynchronous = options.update == UpdateMode::Async;
  reply.staleness = options.update == UpdateMode::HalfAsync ? options.staleness : 0;
  reply.saveEvery = options.saveEvery;
  reply.cpuTrainers = static_cast<int32_t>(cluster_.cpuTrainers.size());
  reply.microBatches = options.microBatches > 0 ? options.microBatches : reply.cpuTrainers;
  reply.servers = cluster_.servers;
  for (const auto &[deviceClass, addresses] : cluster_.heterTrainers)
    reply.heterTrainers[heterTrainerPrefix + deviceClass] = addresses;
  return reply;
}

void Coordinator::everybodyJoined() {
  context_.scheduler.cancel(std::exchange(joinTimer_, 0));
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
    servers_.push_back(makeClient(context_, "server", static_cast<int>(i), cluster_.servers[i]));
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
          if (self->over())
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
                           loadedSeed_ = static_cast<uint64_t>(replies[0].seed);
                           position_ = fromWire(replies[0].position);
                           startFirstPass(replies[0].version);
                         });
}

void Coordinator::startFirstPass(int64_t firstStep) {
  phase_ = output_ ? Phase::Testing : Phase::Training;
  firstStep_ = stepsFinished_ = closedSteps_ = firstStep;
  output_ ? scoreboard_.beginPredicting() : scoreboard_.beginTraining(firstStep, resumed());
  for (auto &[key, member] : members_)
    if (member.join)
      std::exchange(member.join, std::nullopt).value()(joinReply());
}

void Coordinator::closeNextStep() {
  if (closing_ || over() || (saving_ && interrupted_))
    return;
  if (saveWaits_)
    return saving_ ? void() : saveAndGoOn();
  if (context_.options.update == UpdateMode::Async) {
    const bool newStep = !toClose_.empty();
    if (newStep)
      position_ = toClose_.back().after;
    toClose_.clear();
    // Frames of later steps wait for the save, so this is the step after which it is due.
    if (newStep && saveIsDue(scoreboard_.nextStep()))
      return saveIsWanted();
    if (phase_ == Phase::Training && scoreboard_.nextStep() - stepsFinished_ >= finishStepsEvery) {
      stepsFinished_ = scoreboard_.nextStep();
      finishSteps(stepsFinished_, "", [] {});
    }
    return advanceIfPhaseEnded();
  }
  if (toClose_.empty())
    return advanceIfPhaseEnded();
  CompleteStep step = std::move(toClose_.front());
  toClose_.pop_front();
  closing_ = true;
  closingStep_ = step.step;
  auto make = [&step](size_t) {
    rpc::CloseStepRequest request;
    request.generation = firstGeneration;
    request.step = step.step;
    request.microBatches = step.microBatches;
    request.examples = step.examples;
    return request;
  };
  callServers<rpc::CloseStep>(make, workDeadline, "step " + std::to_string(step.step),
                              [this, after = step.after](std::vector<rpc::CloseStepReply> &) {
                                closing_ = false;
                                closedSteps_ = closingStep_ + 1;
                                position_ = after;
                                saveIsDue(closingStep_ + 1) ? saveIsWanted() : closeNextStep();
                              });
}

bool Coordinator::saveIsDue(int64_t stepsClosed) const {
  const RunOptions &options = context_.options;
  return phase_ == Phase::Training && options.saveEvery > 0 && !options.saveFolder.empty() &&
         stepsClosed % options.saveEvery == 0;
}

void Coordinator::saveIsWanted() {
  saveWaits_ = true;
  if (saving_) {
    warnThatTrainingWaits(saveWaitedBefore_);
    hurrySave();
  }
  closeNextStep();
}

void Coordinator::saveAndGoOn() {
  saving_ = closing_ = true;
  mark([self = shared_from_this()] {
    self->closing_ = self->saveWaits_ = false;
    self->saveHurries_ = false; // a call before the mark was for nothing
    if (self->interrupted_)
      self->hurrySave();
    self->save([self] {
      self->saving_ = false;
      self->interrupted_ ? self->endInterrupted() : self->closeNextStep();
    });
    self->closeNextStep();
  });
}

/// Nothing is left to do before the save is written.
void Coordinator::hurrySave() {
  if (std::exchange(saveHurries_, true))
    return;
  auto make = [](size_t) {
    rpc::HurrySaveRequest request;
    request.generation = firstGeneration;
    return request;
  };
  callServers<rpc::HurrySave>(make, workDeadline, "", [](std::vector<rpc::Ack> &) {});
}

/// The instant of a save, on all servers. No step may be closed until they have it.
void Coordinator::mark(Task done) {
  saved_ = position_;
  const bool async = context_.options.update == UpdateMode::Async;
  const int64_t steps = scoreboard_.nextStep();
  auto make = [&](size_t) {
    rpc::MarkSaveRequest request;
    request.generation = firstGeneration;
    request.steps = async ? steps : closedSteps_;
    return request;
  };
  callServers<rpc::MarkSave>(make, workDeadline, "the instant of a save",
                             [this, async, steps, done = std::move(done)](std::vector<rpc::Ack> &) mutable {
                               if (!async)
                                 return done();
                               stepsFinished_ = steps;
                               finishSteps(steps, "the steps before a save", std::move(done));
                             });
}

bool Coordinator::dataEnded() const {
  return std::all_of(members_.begin(), members_.end(), [](const auto &entry) {
    return entry.first.first != "cpu-trainer" || entry.second.endOfData.has_value();
  });
}

void Coordinator::advanceIfPhaseEnded() {
  if ((phase_ != Phase::Training && phase_ != Phase::Testing) || closing_ || saveWaits_ || !toClose_.empty() ||
      !dataEnded())
    return;
  if (saving_)
    return hurrySave();
  if (Status status = scoreboard_.endPhase(); !status.ok())
    return fail(status);
  if (phase_ == Phase::Training)
    return trainingEnded();
  testEnded();
}

void Coordinator::finishSteps(int64_t steps, const std::string &waitingFor, Task done) {
  auto make = [steps](size_t) {
    rpc::FinishStepsRequest request;
    request.generation = firstGeneration;
    request.steps = steps;
    return request;
  };
  callServers<rpc::FinishSteps>(make, workDeadline, waitingFor,
                                [done = std::move(done)](std::vector<rpc::Ack> &) mutable { done(); });
}

void Coordinator::trainingEnded() {
  phase_ = Phase::Saving;
  const int64_t most = context_.options.maxExamples;
  position_.ended = most == 0 || position_.examples < most;
  auto saveAll = [this] {
    if (context_.options.saveFolder.empty())
      return afterTraining();
    saved_ = position_;
    save([self = shared_from_this()] { self->afterTraining(); });
  };
  if (context_.options.update != UpdateMode::Async)
    return saveAll();
  finishSteps(scoreboard_.nextStep(), "the end of training", saveAll);
}

/// Writes and commits what servers have marked.
void Coordinator::save(Task done) {
  const std::string &folder = context_.options.saveFolder;
  context_.scheduler.postBlocking([self = shared_from_this(), folder, done = std::move(done)]() mutable {
    StatusOr<int64_t> number = nextSaveNumber(self->context_.files, folder);
    self->strand_->post([self, folder, number = std::move(number), done = std::move(done)]() mutable {
      if (!number.ok())
        return self->fail(number.status());
      if (self->over())
        return;
      const bool full = self->lastSave_ == 0 || self->increments_ >= self->context_.options.increments;
      if (full)
        self->lastSave_ = 0;
      self->increments_ = full ? 0 : self->increments_ + 1;
      auto make = [&](size_t) {
        rpc::SaveRequest request;
        request.generation = firstGeneration;
        request.folder = folder;
        request.saveNumber = *number;
        request.base = self->lastSave_;
        return request;
      };
      self->callServers<rpc::Save>(
          make, checkpointDeadline, "saving to " + folder,
          [self = self.get(), number = *number, done = std::move(done)](std::vector<rpc::SaveReply> &replies) mutable {
            self->commit(number, replies, std::move(done));
          });
    });
  });
}

void Coordinator::commit(int64_t saveNumber, std::vector<rpc::SaveReply> &replies, Task done) {
  std::vector<ShardInfo> shards;
  auto file = [](const rpc::SavedFile &from) {
    return CheckpointFile{from.name, from.bytes, static_cast<uint64_t>(from.checksum)};
  };
  for (const rpc::SaveReply &reply : replies)
    shards.push_back({reply.shardIndex, reply.shardCount, static_cast<uint64_t>(reply.seed), reply.version,
                      file(reply.rows), file(reply.dense), reply.rowsPerTable, reply.increment});
  SaveOptions options{.position = saved_, .base = lastSave_, .keep = context_.options.keepCheckpoints};
  context_.scheduler.postBlocking(
      [self = shared_from_this(), saveNumber, options, shards = std::move(shards), done = std::move(done)]() mutable {
        Status status = commitManifest(self->context_.files, self->context_.options.saveFolder,
                                       self->context_.package.info, saveNumber, shards, options);
        self->strand_->post([self, saveNumber, status, done = std::move(done)]() mutable {
          if (!status.ok())
            return self->fail(status);
          self->lastSave_ = saveNumber;
          self->result_.saved = true;
          done();
        });
      });
}

void Coordinator::afterTraining() {
  if (phase_ != Phase::Saving)
    return;
  rpc::EndOfDataReply reply;
  reply.test = !context_.options.testFiles.empty() && !interrupted_;
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
  auto make = [](size_t) {
    rpc::StatsRequest request;
    request.__set_trimFirst(true);
    return request;
  };
  callServers<rpc::Stats>(make, workDeadline, "table sizes", [this](std::vector<rpc::StatsReply> &replies) {
    for (const rpc::StatsReply &reply : replies) {
      for (const auto &[table, rows] : reply.rows)
        result_.tables[table] += rows;
      for (const auto &[table, f] : reply.tiers)
        result_.tiers[table].add(
            {f.rowsInMemory, f.rowsOnDisk, f.keysPulled, f.keysOnDisk, f.blocksRead, f.bytesWritten});
    }
    end(Status());
  });
}

} // namespace heter::runtime
