// The same frames and ledger as a cluster's, with the store called directly.
#include "runtime/role/LocalTrainer.h"

#include "runtime/base/Process.h"
#include "runtime/export/Export.h"
#include "runtime/graph/Profile.h"
#include "runtime/role/Phase.h"
#include "runtime/table/Checkpoint.h"

#include <utility>

namespace heter::runtime {
namespace {

/// The one generation of a local run.
constexpr int64_t localGeneration = 1;

} // namespace

struct LocalTrainer::FrameRun {
  FrameRun(const FrameServices &services, int64_t minVersion, BatchPtr batch)
      : batch(batch), handler(services, minVersion, batch) {}
  BatchPtr batch;
  FrameInfo info;
  TrainerFrame handler;
};

LocalTrainer::LocalTrainer(const RoleContext &context, const RunHooks &hooks)
    : context_(context), model_(context.package.info), strand_(std::make_shared<Strand>(context.scheduler)),
      scoreboard_(context.scheduler, hooks) {
  if (context.options.predict)
    output_ = std::make_shared<PredictionOutput>(context.scheduler, strand_, hooks.predictions);
}

LocalTrainer::~LocalTrainer() = default;

void LocalTrainer::start(UniqueFunction<void(StatusOr<RunResult>)> ended) {
  ended_ = std::move(ended);
  // Loading reads files, so it runs where blocking is allowed; the strand takes over when it has ended.
  context_.scheduler.postBlocking([self = shared_from_this()] {
    Status status = self->prepare();
    self->strand_->post([self, status]() mutable {
      if (status.ok() && self->interrupted_)
        status = Status::cancelled("interrupted before training began");
      if (status.ok())
        status = self->startPhase(/*training=*/!self->context_.options.predict);
      if (!status.ok())
        self->finish(status);
    });
  });
}

void LocalTrainer::interrupt() {
  strand_->post([self = shared_from_this()] {
    if (std::exchange(self->interrupted_, true) || !self->pump_ || self->pump_->finished())
      return; // Loading and saving go on to their end.
    Status why = Status::cancelled("interrupted");
    self->parameters_->close(why); // Frames that wait for a step that will not come.
    self->pump_->stop(why);
  });
}

Status LocalTrainer::prepare() {
  const RunOptions &options = context_.options;
  seed_ = options.seed.value_or(static_cast<uint64_t>(context_.package.info.seed));
  // A frame is a step then, and nothing else reads what it pulls.
  const bool updatesInFrames = options.update == UpdateMode::Sync && options.microBatches <= 1 && !options.predict;
  HETER_ASSIGN_OR_RETURN(programs_, Programs::create(context_, "local", updatesInFrames));
  StoreOptions storeOptions;
  storeOptions.seed = seed_;
  storeOptions.generation = localGeneration;
  storeOptions.background = [&scheduler = context_.scheduler](std::function<void()> task) {
    scheduler.postBlocking(std::move(task)); // the system clears memory in it
  };
  storeOptions.tier = {&context_.files, context_.options.tierPlace()};
  storeOptions.secondsNow = [&scheduler = context_.scheduler] { return scheduler.systemSeconds(); };
  storeOptions.besideTraining = [&scheduler = context_.scheduler, &pace = pace_](int64_t count, const auto &body) {
    unhurriedFor(scheduler, pace, count, body);
  };
  storeOptions.parallelFor = [&scheduler = context_.scheduler](int64_t count, const auto &body) {
    parallelFor(scheduler, count, body);
  };
  const TileKernels tiles = TileKernels::of(&context_.kernels);
  auto buffers = std::make_shared<PackedBuffers>();
  if (!options.predict) {
    copies_ = std::make_unique<PackedCopies>(model_, context_.package.find("local")->train, tiles, buffers);
    storeOptions.copies = copies_.get();
  }
  // Then a step's frames have ended when it is closed, and the next step's wait.
  storeOptions.updateInPlace = options.update == UpdateMode::Sync;
  HETER_ASSIGN_OR_RETURN(store_, ParameterStore::create(
                                     context_.package.info,
                                     [this](const std::string &symbol) { return context_.kernels.find(symbol); },
                                     storeOptions));
  logTiers(*store_);
  if (!options.loadFolder.empty()) {
    if (options.predict) {
      HETER_RETURN_IF_ERROR(
          loadForPrediction(context_.files, *store_, predictionNeeds(context_.package), options.loadFolder));
    } else {
      HETER_ASSIGN_OR_RETURN(position_, loadInto(context_.files, *store_, options.loadFolder));
    }
    seed_ = options.seed.value_or(store_->seed());
    if (!options.restartData)
      resume_ = position_;
  }
  store_->copyDenseValues();
  saves_ = std::make_unique<ShardWriter>(context_.files, *store_);
  firstStep_ = store_->version();
  parameters_ = std::make_unique<LocalParameters>(*store_, context_.scheduler, options.update, updatesInFrames);
  memory_ = {.residentAtStart = residentBytes(), .versions = -(store_->denseMemoryBytes() + buffers->memoryBytes())};
  services_.emplace(
      FrameServices{model_, *parameters_, nullptr, nullptr, tiles, context_.scheduler, std::move(buffers)});
  return Status();
}

Status LocalTrainer::startPhase(bool training) {
  training_ = training;
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<DataStream> stream,
                         openStream(context_, training, 0, 1, std::max(context_.options.microBatches, 1), resume_));
  if (training)
    scoreboard_.beginTraining(firstStep_, resume_ && !resume_->ended);
  else if (output_)
    scoreboard_.beginPredicting();
  else
    scoreboard_.beginTest();
  auto self = shared_from_this();
  pump_ = std::make_shared<FramePump>(
      strand_, std::move(stream), context_.options.inFlight,
      [self](BatchPtr batch, Completion done) { self->runFrame(std::move(batch), std::move(done)); },
      [self](Status status) { self->phaseEnded(std::move(status)); });
  pump_->start();
  return Status();
}

void LocalTrainer::runFrame(BatchPtr batch, Completion done) {
  FrameInfo info = frameOf(*batch, training_, localGeneration, firstStep_, seed_);
  auto run = std::make_shared<FrameRun>(*services_, versionFor(info), batch);
  run->info = info;
  programs_.of(training_).run(info, run->handler,
                              [self = shared_from_this(), run, done = std::move(done)](Status status) mutable {
                                FrameReport report;
                                run->handler.letGoOfParameters();
                                if (status.ok())
                                  report = reportOf(run->info, *run->batch, run->handler, self->pump_->progress());
                                self->strand_->post([self, run, report = std::move(report), status = std::move(status),
                                                     done = std::move(done)]() mutable {
                                  if (status.ok())
                                    status = self->frameFinished(run->info, std::move(report));
                                  // What waits for a step that will never close must end, too.
                                  if (!status.ok())
                                    self->parameters_->close(status);
                                  if (status.ok() && self->output_)
                                    return self->output_->whenReady(std::move(done));
                                  done(std::move(status));
                                });
                              });
}

/// What the frame's pulls wait for.
int64_t LocalTrainer::versionFor(const FrameInfo &info) const {
  if (!training_)
    return store_->version();
  const RunOptions &options = context_.options;
  return Staleness{options.update, options.staleness, firstStep_, options.saveEvery}.versionFor(info.key.step);
}

Status LocalTrainer::frameFinished(const FrameInfo &info, FrameReport report) {
  frames_ += countsAsWork(context_.options, info);
  HETER_ASSIGN_OR_RETURN(std::vector<CompleteStep> steps, scoreboard_.add(std::move(report)));
  if (output_)
    for (CompleteStep &step : steps)
      HETER_RETURN_IF_ERROR(output_->add(std::move(step.lines)));
  if (training_)
    for (CompleteStep &step : steps)
      toClose_.push_back(std::move(step));
  Status closed = training_ ? closeSteps() : Status();
  scoreboard_.countPredictions(); // the next step's frames run meanwhile
  return closed;
}

/// Closes the steps that are complete, up to one after which a save is due that has to wait.
Status LocalTrainer::closeSteps() {
  while (!toClose_.empty() && !saveWaits_ && !closing_) {
    CompleteStep step = std::move(toClose_.front());
    toClose_.pop_front();
    if (store_->isTiered()) {
      closeInBackground(std::move(step));
      return Status();
    }
    HETER_RETURN_IF_ERROR(closeStep(step));
    stepClosed(step);
  }
  return Status();
}

void LocalTrainer::stepClosed(const CompleteStep &step) {
  position_ = step.after;
  if (saveIsDue(step.step + 1)) {
    if (saving_) {
      warnThatTrainingWaits(saveWaitedBefore_);
      saveWaits_ = true;
      pace_.full();
      return;
    }
    saveAndGoOn();
  }
  parameters_->advance();
}

/// Closes a step where it may read and write files, and then those that wait.
void LocalTrainer::closeInBackground(CompleteStep step) {
  closing_ = true;
  context_.scheduler.postBlocking([self = shared_from_this(), step = std::move(step)]() mutable {
    Status closed = self->closeStep(step);
    self->strand_->post([self, step = std::move(step), closed = std::move(closed)]() mutable {
      self->closing_ = false;
      if (closed.ok()) {
        self->stepClosed(step);
        closed = self->closeSteps();
      }
      self->backgroundEnded(std::move(closed));
    });
  });
}

bool LocalTrainer::saveIsDue(int64_t stepsClosed) const {
  const RunOptions &options = context_.options;
  return options.saveEvery > 0 && !options.saveFolder.empty() && stepsClosed % options.saveEvery == 0;
}

/// Saves what is closed now, while training goes on. REQUIRES: no frame of a later step has pulled yet in async runs.
void LocalTrainer::saveAndGoOn() {
  saving_ = true;
  pace_.slow();
  saves_->mark();
  context_.scheduler.postBlocking([self = shared_from_this(), position = position_] {
    Status saved = self->save(position);
    self->strand_->post([self, saved] { self->saveEnded(saved); });
  });
}

void LocalTrainer::saveEnded(Status saved) {
  saving_ = false;
  saved_ = saved_ || saved.ok();
  if (saved.ok() && std::exchange(saveWaits_, false) && !interrupted_) {
    saveAndGoOn();
    parameters_->advance();
    saved = closeSteps();
  }
  backgroundEnded(std::move(saved));
}

/// A save or the closing of a step has ended.
void LocalTrainer::backgroundEnded(Status status) {
  if (!status.ok()) {
    toClose_.clear();
    parameters_->close(status);
    pump_->stop(status);
    failedInBackground_ = failedInBackground_.ok() ? status : failedInBackground_;
  }
  if (saving_ || closing_)
    return;
  if (auto ended = std::exchange(endedMeanwhile_, std::nullopt))
    phaseEnded(failedInBackground_.ok() ? *ended : failedInBackground_);
}

Status LocalTrainer::closeStep(const CompleteStep &step) {
  if (context_.options.update == UpdateMode::Async)
    return store_->finishSteps(step.step + 1);
  const TimePoint start = context_.scheduler.now();
  HETER_RETURN_IF_ERROR(store_->closeStep(step.step, step.microBatches, step.examples));
  if (Profile *profile = context_.options.profile)
    profile->add({"local", "update", "closing a step", ""}, step.step, start, context_.scheduler.now());
  return Status();
}

void LocalTrainer::phaseEnded(Status status) {
  if (saving_ || closing_) {
    pace_.full();
    endedMeanwhile_ = std::move(status);
    return;
  }
  badLines_ += pump_->progress().badLines;
  if (interrupted_) {
    scoreboard_.endPhaseEarly();
    return finish(Status());
  }
  if (status.ok())
    status = scoreboard_.endPhase();
  if (status.ok() && output_)
    return output_->finish([self = shared_from_this()](Status written) { self->finish(std::move(written)); });
  if (!status.ok() || !training_)
    return finish(std::move(status));
  measureMemory();
  const int64_t most = context_.options.maxExamples;
  position_.ended = most == 0 || position_.examples < most;
  context_.scheduler.postBlocking([self = shared_from_this()] {
    Status saved = self->save(self->position_);
    self->strand_->post([self, saved]() mutable {
      self->saved_ = saved.ok() && !self->context_.options.saveFolder.empty();
      bool test = saved.ok() && !self->context_.options.testFiles.empty() && !self->interrupted_;
      if (test)
        saved = self->startPhase(/*training=*/false);
      if (!saved.ok() || !test)
        self->finish(saved);
    });
  });
}

/// REQUIRES: no frame is running; the stream has ended.
void LocalTrainer::measureMemory() {
  memory_.residentAtEnd = residentBytes();
  memory_.frames = programs_.train->memoryBytes();
  memory_.reader = pump_->progress().memoryBytes;
  memory_.versions += store_->denseMemoryBytes() + services_->buffers->memoryBytes();
}

Status LocalTrainer::save(const DataPosition &position) {
  const RunOptions &options = context_.options;
  if (options.saveFolder.empty())
    return Status();
  const bool full = lastSave_ == 0 || increments_ >= options.increments;
  increments_ = full ? 0 : increments_ + 1;
  const SaveOptions how{.position = position, .base = full ? 0 : lastSave_, .keep = options.keepCheckpoints};
  HETER_ASSIGN_OR_RETURN(lastSave_, saveCheckpoint(context_.files, *saves_, *store_, options.saveFolder, how));
  return Status();
}

void LocalTrainer::finish(Status status) {
  pump_.reset();
  if (!status.ok())
    return std::exchange(ended_, nullptr)(std::move(status));
  if (!store_->isTiered())
    return report();
  context_.scheduler.postBlocking([self = shared_from_this()] {
    self->store_->trim(); // so that the report's figures keep to the budgets
    self->strand_->post([self] { self->report(); });
  });
}

void LocalTrainer::report() {
  auto ended = std::move(ended_);
  RunResult result;
  result.interrupted = interrupted_;
  result.saved = saved_;
  scoreboard_.fill(result);
  result.mode = context_.package.info.mode;
  result.update = updateModeName(context_.options.update);
  result.cpuSeconds = processCpuSeconds();
  result.peakRssBytes = peakResidentBytes();
  if (memory_.residentAtEnd > 0)
    result.memory = memory_;
  for (size_t t = 0; t < context_.package.info.tables.size(); ++t)
    result.tables[context_.package.info.tables[t].name] = store_->rowCount(static_cast<int>(t));
  result.tiers = store_->tierFigures();
  result.roles.push_back({"local", 0, frames_, result.examples, 0, 0, 0, 0, badLines_});
  result.badLines = badLines_;
  ended(std::move(result));
}

} // namespace heter::runtime
