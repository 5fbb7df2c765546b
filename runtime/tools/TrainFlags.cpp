// Declarations of the training subcommands' flags, and the way back from options to flags.
#include "runtime/tools/TrainFlags.h"

#include "runtime/tools/CommandLine.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

namespace heter::runtime::tools {

using cli::oneOf;
using cli::seedNumber;

constexpr const char *runExamples = R"(Examples:
  heter run ctr_dnn.pkg --data 'clicks-*.tsv' --test held-out.tsv --save model
  heter run ctr_dnn.pkg --data clicks.tsv --lines 1:8000 \
    --test clicks.tsv --test-lines 8001:10000
  heter run ctr_dnn.pkg --data more.tsv --load model --save model
  heter run ctr_dnn.pkg --data clicks.tsv --servers 2 --cpu-trainers 2 \
    --update async --in-flight 16
  heter run ctr_dnn.pkg --data clicks.tsv --role server --index 1 \
    --cluster cluster.json)";

constexpr const char *launchExamples = R"(Examples:
  heter launch ctr_dnn.pkg --data clicks.tsv --servers 2 --cpu-trainers 2
  heter launch two_classes.pkg --data clicks.tsv \
    --heter-trainers gpu=1,xpu=1 --device gpu=separate)";

void TrainFlags::addDataFlags(CLI::App &app) {
  RunOptions &options = command_.options;
  const char *group = "Data";
  app.add_option("--data", options.dataFiles, "Training files or patterns, read in this order")
      ->type_name("FILES..")
      ->group(group)
      ->required();
  app.add_option("--test", options.testFiles, "Test files or patterns, evaluated after training")
      ->type_name("FILES..")
      ->group(group);
  app.add_option("--lines", lines_,
                 "Keep only these training lines: 1-based, both ends included, over all files in order")
      ->type_name("A:B")
      ->group(group);
  app.add_option("--test-lines", testLines_, "The same for the test files")->type_name("A:B")->group(group);
  app.add_option("--max-examples", options.maxExamples, "Stop training after so many examples (default: no limit)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(1));
  app.add_option("--max-bad-lines", options.maxBadLines,
                 "Pass over and report up to so many malformed lines; the next one ends the run (default: 0)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(0));
  app.add_option("--input", options.input, "The model's data block to read with (default: its first)")
      ->type_name("NAME")
      ->group(group);
}

void TrainFlags::addTrainingFlags(CLI::App &app, bool launch) {
  RunOptions &options = command_.options;
  const char *group = "Training";
  app.add_option("--epochs", options.epochs, "Times to go over the training lines (default: 1)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(1));
  app.add_option("--batch-size", options.batchSize, "Examples of a micro-batch (default: 128)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(1, mostExamples));
  app.add_option("--micro-batches", options.microBatches,
                 "Micro-batches of a step (default: the number of cpu-trainers)")
      ->type_name("M")
      ->group(group)
      ->check(atLeast(1, mostMicroBatches));
  app.add_option("--update", update_,
                 "sync: a step reads what all earlier steps wrote; half-async: all but the last few, as --staleness "
                 "says; async: what is there (default: sync)")
      ->type_name("sync|half-async|async")
      ->group(group)
      ->check(oneOf({"sync", "half-async", "async"}));
  app.add_option("--staleness", staleness_,
                 "With --update half-async: how many of the steps before a step it need not wait for")
      ->type_name("STEPS")
      ->group(group)
      ->check(atLeast(1, mostStaleness));
  app.add_option("--in-flight", options.inFlight, "Micro-batches that a trainer works on at once (default: 4)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(1, mostFrames));
  app.add_option("--seed", seed_, "Instead of the model's seed")->type_name("N")->group(group)->check(seedNumber());
  app.add_option("--threads", options.threads, "Worker threads of a process (default: one a processor)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(1, mostThreads));
  app.add_option("--save", options.saveFolder, "Save the trained model in this folder")->type_name("DIR")->group(group);
  app.add_option("--save-every", options.saveEvery, "Save after every so many steps, too")
      ->type_name("STEPS")
      ->group(group)
      ->check(atLeast(1));
  app.add_option("--keep-checkpoints", options.keepCheckpoints, "Saves that stay in the folder (default: 1)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(1, mostCheckpoints));
  app.add_option("--increments", options.increments,
                 "Saves of only what changed, after each full one of --save-every (default: 0)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(0, mostCheckpoints));
  app.add_option("--load", options.loadFolder, "Go on with the model saved in this folder, and amid its data")
      ->type_name("DIR")
      ->group(group);
  app.add_flag("--restart-data", options.restartData, "With --load: begin at the start of the data")->group(group);
  app.add_option("--tier-dir", options.tierFolder,
                 "Where rows go for which `memory` has no room, with `beyond: ssd` (default: beside --save DIR, or the "
                 "temporary folder)")
      ->type_name("DIR")
      ->group(group);
  app.add_option("--summary", command_.summaryFile, "Write the run's numbers as JSON")->type_name("FILE")->group(group);
  app.add_option("--losses", command_.lossesFile, "Write `STEP LOSS` a line, at full precision")
      ->type_name("FILE")
      ->group(group);
  if (!launch)
    app.add_option("--profile", command_.profileFile,
                   "Write the time by node as a table; FILE.json: a trace for chrome://tracing")
        ->type_name("FILE")
        ->group(group);
  app.add_flag("--poison-freed", options.poisonFreed, "Overwrite freed buffers with NaN, to find their late readers")
      ->group(group);
}

void TrainFlags::addRoleFlags(CLI::App &app, bool launch) {
  RunOptions &options = command_.options;
  const char *group = "Roles";
  app.add_option("--servers", options.servers, "Servers (default: 1)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(1, mostProcesses));
  app.add_option("--cpu-trainers", options.cpuTrainers, "Cpu-trainers (default: 1)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(1, mostProcesses));
  classes_.addTo(app, group);
  app.add_option("--row-cache", rowCache_,
                 "Memory of a heter-trainer for rows that it looked up, like 64MiB; 0: none (default: 256MiB)")
      ->type_name("SIZE")
      ->group(group);
  app.add_option("--patience", options.patienceSeconds,
                 "Seconds that the roles of a cluster wait for one that is not there yet (default: 7)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(1, 24 * 3600));
  if (launch) {
    app.add_option("--run-folder", command_.runFolder,
                   "Where the cluster file and the roles' logs go (default: a new "
                   "folder under the temporary one)")
        ->type_name("DIR")
        ->group(group);
    return;
  }
  app.add_option("--role", command_.role,
                 "Run one role of a cluster: cpu-trainer, heter-trainer.CLASS, server or "
                 "coordinator")
      ->type_name("ROLE")
      ->group(group);
  app.add_option("--index", command_.index, "Which of the role's processes this is, from 0 (default: 0)")
      ->type_name("I")
      ->group(group)
      ->check(atLeast(0));
  app.add_option("--cluster", command_.clusterFile, "The cluster file, which says where each role listens")
      ->type_name("FILE")
      ->group(group);
}

void TrainFlags::addTo(CLI::App &app, bool launch) {
  app.add_option("PKG", command_.package, "A package written by heterc")->type_name("PKG")->required();
  addDataFlags(app);
  addTrainingFlags(app, launch);
  addRoleFlags(app, launch);
  app.footer(launch ? launchExamples : runExamples);
}

std::string TrainFlags::finish(bool launch, TrainCommand &command) {
  RunOptions &options = command_.options;
  int64_t rowCacheBytes = 0;
  for (std::string error :
       {setLines("--lines", lines_, options.lines), setLines("--test-lines", testLines_, options.testLines),
        setBytes("--row-cache", rowCache_, rowCacheBytes), classes_.finish(options)})
    if (!error.empty())
      return error;
  if (!testLines_.empty() && options.testFiles.empty())
    return "--test-lines needs --test FILES..";
  options.update = update_ == "sync"         ? UpdateMode::Sync
                   : update_ == "half-async" ? UpdateMode::HalfAsync
                                             : UpdateMode::Async;
  if (staleness_.has_value() != (options.update == UpdateMode::HalfAsync))
    return staleness_ ? "--staleness needs --update half-async" : "--update half-async needs --staleness STEPS";
  options.staleness = staleness_.value_or(0);
  if (!rowCache_.empty())
    options.rowCacheBytes = rowCacheBytes;
  if (rowCacheBytes > 0 && options.update == UpdateMode::Async)
    return "--row-cache needs --update sync or half-async: an asynchronous run does not say how old a row may be";
  options.seed = seed_;
  if (!launch && command_.role.empty() != command_.clusterFile.empty())
    return command_.role.empty() ? "--cluster needs --role ROLE" : "--role needs --cluster FILE";
  if (command_.role.empty() && command_.index > 0)
    return "--index needs --role ROLE";
  command = command_;
  return {};
}

std::vector<std::string> printOptions(const RunOptions &options) {
  std::vector<std::string> result;
  auto add = [&](const std::string &flag, const std::string &value) { result.insert(result.end(), {flag, value}); };
  auto addFiles = [&](const std::string &flag, const std::vector<std::string> &files) {
    if (files.empty())
      return;
    result.push_back(flag);
    result.insert(result.end(), files.begin(), files.end());
  };
  auto addLines = [&](const std::string &flag, const LineRange &range) {
    add(flag, std::to_string(range.first) + ":" + std::to_string(range.last));
  };
  addFiles("--data", options.dataFiles);
  addFiles("--test", options.testFiles);
  addLines("--lines", options.lines);
  if (!options.testFiles.empty())
    addLines("--test-lines", options.testLines);
  if (!options.input.empty())
    add("--input", options.input);
  add("--epochs", std::to_string(options.epochs));
  add("--batch-size", std::to_string(options.batchSize));
  if (options.microBatches > 0)
    add("--micro-batches", std::to_string(options.microBatches));
  if (options.maxExamples > 0)
    add("--max-examples", std::to_string(options.maxExamples));
  add("--max-bad-lines", std::to_string(options.maxBadLines));
  add("--update", updateModeName(options.update));
  if (options.update == UpdateMode::HalfAsync)
    add("--staleness", std::to_string(options.staleness));
  add("--in-flight", std::to_string(options.inFlight));
  if (options.rowCacheBytes)
    add("--row-cache", std::to_string(*options.rowCacheBytes) + "B");
  add("--patience", std::to_string(options.patienceSeconds));
  if (options.seed)
    add("--seed", std::to_string(*options.seed));
  if (options.threads > 0)
    add("--threads", std::to_string(options.threads));
  if (!options.saveFolder.empty())
    add("--save", options.saveFolder);
  if (!options.loadFolder.empty())
    add("--load", options.loadFolder);
  if (!options.tierFolder.empty())
    add("--tier-dir", options.tierFolder);
  add("--servers", std::to_string(options.servers));
  add("--cpu-trainers", std::to_string(options.cpuTrainers));
  for (const auto &[name, count] : options.heterTrainers) {
    std::string value = name.empty() ? "" : name + "=";
    add("--heter-trainers", value.append(std::to_string(count)));
  }
  for (const auto &[name, device] : options.devices)
    add("--device", name + "=" + device);
  if (options.poisonFreed)
    result.push_back("--poison-freed");
  return result;
}

} // namespace heter::runtime::tools
