// What a run is asked to do and what it gives back: the flags of `heter run` and `heter predict`, and the numbers of
// the summary.
#ifndef HETER_RUNTIME_ROLE_RUNOPTIONS_H
#define HETER_RUNTIME_ROLE_RUNOPTIONS_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/Status.h"
#include "runtime/data/DataStream.h"
#include "runtime/role/RowCache.h"
#include "runtime/rpc/Credits.h"
#include "runtime/table/TierPlace.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace heter::runtime {

class Profile;

/// How far behind the parameters that a step reads may be: `Sync` waits for every earlier step, `HalfAsync` for all but
/// the last few (RunOptions::staleness), `Async` for none.
enum class UpdateMode { Sync, HalfAsync, Async };

/// "sync", "half-async" or "async".
const char *updateModeName(UpdateMode mode);

inline constexpr int64_t defaultRowCacheBytes = int64_t{256} << 20;

struct RunOptions {
  /// Instead of training and testing: the predictions of the examples in `dataFiles`, made by the model of
  /// `loadFolder`, go to RunHooks::predictions. Everything about training, tests and saving is unused then.
  bool predict = false;
  Labels labels = Labels::Auto;       ///< Whether the lines to be predicted carry labels; never Read.
  std::vector<std::string> dataFiles; ///< Paths or shell patterns; at least one.
  std::vector<std::string> testFiles; ///< Empty: no test pass.
  LineRange lines;
  LineRange testLines;
  std::string input; ///< The model's data binding to use; empty: the first.
  int64_t epochs = 1;
  int64_t batchSize = 128;  ///< Examples of a micro-batch.
  int32_t microBatches = 0; ///< Micro-batches of a step; 0: as many as cpu-trainers.
  int64_t maxExamples = 0;  ///< 0: no limit.
  int64_t maxBadLines = 0;  ///< Malformed lines of the training data, and of the test data, that are passed over.
  UpdateMode update = UpdateMode::Sync;
  int64_t staleness = 0; ///< HalfAsync: a step reads the parameters of so many steps before its own, or newer.
  /// For the rows that a heter-trainer keeps; 0: it keeps none; not said: defaultRowCacheBytes.
  std::optional<int64_t> rowCacheBytes;
  int32_t inFlight = 4;         ///< Frames that a trainer works on at once.
  std::optional<uint64_t> seed; ///< Instead of the package's.
  int threads = 0;              ///< Worker threads of a process; 0: one a processor.
  std::string saveFolder;       ///< Empty: do not save.
  std::string loadFolder;       ///< Empty: begin with initial values.
  bool restartData = false;     ///< After loading, begin at the start of the data, wherever the model's training stood.
  int64_t saveEvery = 0;        ///< Save whenever so many steps have been closed, too; 0: only in the end.
  int keepCheckpoints = 1;      ///< Saves that stay in the folder, the newest among them.
  std::string tierFolder;       ///< Where rows go that memory has no room for; empty: see tierPlace().
  int increments = 0;           ///< Saves that hold only what changed since the one before, after each full one.
  int servers = 1;
  int cpuTrainers = 1;
  /// Heter-trainers by class; the key "" is the number for classes that are not named; 1 by default.
  std::map<std::string, int> heterTrainers;
  /// The device that runs a class, as makeDevice reads it; "cpu" by default.
  std::map<std::string, std::string> devices;
  /// How long the coordinator waits for the next role to join, and a role for the coordinator to be there.
  int patienceSeconds = 7;
  size_t creditBytes = defaultCreditBytes; ///< What a role grants to each of its callers (runtime/rpc/Credits.h).
  bool poisonFreed = false;                ///< Fill freed buffers with NaN: for tests.
  Profile *profile = nullptr;              ///< Gets the time of each node, if set. Outlives the run.

  /// Where rows go that memory has no room for: tierFolder, or the folder that holds saveFolder, or the temporary one.
  std::string tierPlace() const;
  /// That the flags about saving fit each other.
  Status checkSaving() const;
  int heterTrainersOf(const std::string &deviceClass) const;
  std::string deviceOf(const std::string &deviceClass) const;
};

/// Of each `report auc(..)` by its name; null if it cannot be computed, as of one class alone.
using AucValues = std::map<std::string, std::optional<double>>;

struct PhaseResult {
  std::optional<double> loss; ///< Mean over all examples of the phase.
  AucValues aucs;             ///< Training: by histogram; test: exact.
  int64_t examples = 0;
};

struct StepLoss {
  int64_t step = 0;
  double loss = 0;
};

/// What one role did, for the end of a run.
struct RoleSummary {
  std::string role; ///< Role key.
  int index = 0;
  int64_t frames = 0;
  int64_t examples = 0;
  int64_t bytesSent = 0;
  int64_t bytesReceived = 0;
  double cpuSeconds = 0;        ///< Of its process; 0 if it shares one.
  int64_t peakRssBytes = 0;     ///< Of its process; 0 if it shares one.
  int64_t badLines = 0;         ///< Malformed lines that it passed over.
  RowCacheCounts rowCache = {}; ///< Of a heter-trainer that looks rows up.
};

/// Memory of a local run, in bytes.
struct MemoryUse {
  int64_t residentAtStart = 0; ///< Of the process when all was loaded, before the first step.
  int64_t residentAtEnd = 0;   ///< Of the process when training had ended.
  int64_t frames = 0;          ///< Of that, memory of the values of all frames that ran at once ..
  int64_t reader = 0;          ///< .. text and batches read ahead ..
  int64_t versions = 0;        ///< .. dense values and their packed copies beyond those of the start.
};

/// Everything that `--summary` and `--losses` write.
struct RunResult {
  bool interrupted = false; ///< It ended early because it was asked to; the rest says how far it came.
  bool saved = false;       ///< The model was saved.
  std::string mode;         ///< local, ps, heter-ps.
  std::string update;       ///< sync, async.
  int64_t examples = 0;     ///< Trained on.
  int64_t badLines = 0;     ///< Malformed lines passed over, of all data.
  int64_t steps = 0;
  double seconds = 0; ///< Of training: from the start of the first step to the end of the last.
  double examplesPerSecond = 0;
  double cpuSeconds = 0;           ///< Of all processes of the run.
  int64_t peakRssBytes = 0;        ///< Summed over all processes of the run.
  std::optional<MemoryUse> memory; ///< Where one process trains alone.
  PhaseResult train;
  std::optional<PhaseResult> test;
  std::map<std::string, int64_t> tables;    ///< Rows by table.
  std::map<std::string, TierFigures> tiers; ///< Of tables with a tier below memory.
  int64_t bytesSent = 0;                    ///< By all roles.
  int64_t bytesReceived = 0;
  RowCacheCounts rowCache;      ///< Of all heter-trainers.
  std::vector<StepLoss> losses; ///< One a step, in order. Empty if the model reports no loss.
  std::vector<RoleSummary> roles;
};

struct RunProgress {
  bool testing = false;
  bool predicting = false;
  int64_t examples = 0;
  int64_t steps = 0;
  double seconds = 0;
  double examplesPerSecond = 0; ///< Since the last report.
  std::optional<double> loss;   ///< Mean since the last report.
  AucValues aucs;               ///< Of everything so far.
  double fraction = -1;         ///< Of the data, 0 to 1; negative if unknown.
};

struct RunHooks {
  /// Takes the predictions: a line an example, in the order of the data, a tab between the columns that
  /// predictionColumns names. Called where blocking is allowed, one call at a time; an error ends the run.
  std::function<Status(const std::string &lines)> predictions;
  /// Called at most four times a second and once at the end of each phase, as a task, one call at a time.
  std::function<void(const RunProgress &)> progress;
  /// The coordinator of a distributed run listens here now; called before any role must be there.
  std::function<void(const std::string &address)> listening;
  /// Whether the run is to end early; asked a few times a second, on any thread. No step is begun from then on, a save
  /// that has begun is finished, and the result says `interrupted`.
  std::function<bool()> interrupted;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_RUNOPTIONS_H
