// The passes over data that a run makes, and their streams.
#ifndef HETER_RUNTIME_ROLE_PHASE_H
#define HETER_RUNTIME_ROLE_PHASE_H

#include "runtime/base/Log.h"
#include "runtime/role/Role.h"
#include "runtime/role/StepLedger.h"
#include "runtime/role/TrainerFrame.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace heter::runtime {

/// Opens the data of one cpu-trainer for training, or else for testing or predicting. Training goes on at `resume`.
inline StatusOr<std::unique_ptr<DataStream>> openStream(const RoleContext &context, bool training, int trainerIndex,
                                                        int trainerCount, int32_t microBatches,
                                                        const std::optional<DataPosition> &resume) {
  const RunOptions &options = context.options;
  HETER_ASSIGN_OR_RETURN(const package::DataSource *source, findDataSource(context.package.info, options.input));
  DataOptions data;
  bool testing = !training && !options.predict;
  data.files = testing ? options.testFiles : options.dataFiles;
  data.lines = testing ? options.testLines : options.lines;
  data.batchSize = options.batchSize;
  data.microBatches = training ? microBatches : 1;
  data.trainerIndex = trainerIndex;
  data.trainerCount = trainerCount;
  data.epochs = training ? options.epochs : 1;
  data.maxExamples = testing ? 0 : options.maxExamples;
  if (training)
    data.resume = resume;
  data.labels = options.predict ? options.labels : Labels::Read;
  data.maxBadLines = options.maxBadLines;
  data.warn = logWarning;
  return DataStream::open(*source, context.package.info.inputs, data, context.files, context.scheduler);
}

/// The frame of a batch. Training steps are counted from `firstStep`, others from 0.
inline FrameInfo frameOf(const Batch &batch, bool training, int64_t generation, int64_t firstStep, uint64_t seed) {
  FrameInfo info;
  info.key.generation = generation;
  info.key.step = batch.step + (training ? firstStep : 0);
  info.key.microBatch = batch.index;
  info.examples = batch.examples;
  info.firstExample = batch.firstExample;
  info.training = training;
  info.seed = seed;
  return info;
}

/// How far behind its step the parameters of a training frame may be, and what follows from it.
struct Staleness {
  UpdateMode update = UpdateMode::Sync;
  int64_t steps = 0;     ///< HalfAsync: the bound.
  int64_t firstStep = 0; ///< Training's.
  int64_t saveEvery = 0;

  /// The version that the pulls of a step's frames wait for. A save that is due between the step of an asynchronous
  /// frame and an earlier one is of an instant between the two: all that came before has ended, and nothing that comes
  /// after has pulled yet.
  int64_t versionFor(int64_t step) const {
    if (update != UpdateMode::Async)
      return std::max(firstStep, step - steps);
    return saveEvery > 0 ? std::max(firstStep, step / saveEvery * saveEvery) : firstStep;
  }
};

/// The mode that the coordinator's answer tells of.
inline UpdateMode updateModeOf(const rpc::JoinReply &reply) {
  return reply.asynchronous ? UpdateMode::Async : reply.staleness > 0 ? UpdateMode::HalfAsync : UpdateMode::Sync;
}

/// A save is due while the one before is being written. Says so the first time.
inline void warnThatTrainingWaits(bool &warned) {
  if (!std::exchange(warned, true))
    logWarning(
        "training waits for a save to end, because the next one is due: with a longer --save-every it would not");
}

/// Whether a micro-batch counts as a role's work: tests do not.
inline bool countsAsWork(const RunOptions &options, const FrameInfo &info) { return info.training || options.predict; }

/// After the frame has ended.
inline FrameReport reportOf(const FrameInfo &info, const Batch &batch, TrainerFrame &frame,
                            const DataProgress &progress) {
  FrameReport report;
  report.step = info.key.step;
  report.microBatch = info.key.microBatch;
  report.stepMicroBatches = batch.stepMicroBatches;
  report.examples = info.examples;
  report.metrics = frame.takeMetrics();
  report.lines = frame.takePredictions();
  report.expectedExamples = progress.expectedExamples;
  report.after = batch.after;
  return report;
}

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_PHASE_H
