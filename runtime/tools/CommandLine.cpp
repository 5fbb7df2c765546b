// The declarations of heter's commands: parsing, --help, manual pages and completion all come from them (cli/Cli.h).
#include "runtime/tools/CommandLine.h"

#include "cli/Cli.h"
#include "runtime/data/Labels.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <charconv>
#include <optional>

namespace heter::runtime::tools {

namespace {

using cli::oneOf;
using cli::seedNumber;
using cli::wholeNumber;

constexpr const char *version = "0.1.0";

constexpr const char *runExamples = R"(Examples:
  heter run ctr_dnn.pkg --data 'clicks-*.tsv' --test held-out.tsv --save model
  heter run ctr_dnn.pkg --data clicks.tsv --lines 1:8000 \
    --test clicks.tsv --test-lines 8001:10000
  heter run ctr_dnn.pkg --data more.tsv --load model --save model
  heter run ctr_dnn.pkg --data clicks.tsv --servers 2 --cpu-trainers 2 \
    --update async --in-flight 16
  heter run ctr_dnn.pkg --data clicks.tsv --role server --index 1 \
    --cluster cluster.json)";

constexpr const char *predictExamples = R"(Examples:
  heter predict ctr_dnn.pkg --load model --data today.tsv.gz --out today.txt
  heter predict ctr_dnn.pkg --load model --data today.tsv --lines 1:1000 \
    --out - | sort -g | tail)";

constexpr const char *launchExamples = R"(Examples:
  heter launch ctr_dnn.pkg --data clicks.tsv --servers 2 --cpu-trainers 2
  heter launch two_classes.pkg --data clicks.tsv \
    --heter-trainers gpu=1,xpu=1 --device gpu=separate)";

// No run wants more; a number beyond them is a slip of the finger, and would take hours to fail.
constexpr int64_t mostProcesses = 1024, mostThreads = 1024, mostFrames = 4096, mostMicroBatches = 65536;
constexpr int64_t mostCheckpoints = 10000;
constexpr int64_t mostExamples = int64_t(1) << 24;

CLI::Validator atLeast(int64_t least, int64_t most = INT64_MAX) { return wholeNumber(least, most); }

bool parseCount(const std::string &text, int &value) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() && value >= 1 && value <= mostProcesses;
}

/// N for every class, or CLASS=N.
std::string addHeterTrainers(const std::vector<std::string> &texts, std::map<std::string, int> &counts) {
  for (const std::string &text : texts) {
    size_t equals = text.find('=');
    std::string name = equals == std::string::npos ? std::string() : text.substr(0, equals);
    int count = 0;
    if (equals == 0 || !parseCount(equals == std::string::npos ? text : text.substr(equals + 1), count))
      return "--heter-trainers: expected N or CLASS=N with N from 1 to " + std::to_string(mostProcesses) + ", got `" +
             text + "`";
    if (!counts.emplace(name, count).second)
      return "--heter-trainers says the number of " + (name.empty() ? "every class" : "class `" + name + "`") +
             " twice";
  }
  return {};
}

std::string addDevices(const std::vector<std::string> &texts, std::map<std::string, std::string> &devices) {
  for (const std::string &text : texts) {
    size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      return "--device: expected CLASS=DEVICE, for example heter=cpu or gpu=timed:20ms, got `" + text + "`";
    if (!devices.emplace(text.substr(0, equals), text.substr(equals + 1)).second)
      return "--device says twice what runs class `" + text.substr(0, equals) + "`";
  }
  return {};
}

std::string setLines(const char *flag, const std::string &text, LineRange &range) {
  if (text.empty())
    return {};
  StatusOr<LineRange> parsed = parseLineRange(text);
  if (!parsed.ok())
    return std::string(flag) + ": " + parsed.status().message();
  range = *parsed;
  return {};
}

/// A training subcommand's flags, and what of them needs a second look after parsing.
class TrainFlags {
public:
  void addTo(CLI::App &app, bool launch);
  /// Fills the command; returns what is wrong, or "".
  std::string finish(bool launch, TrainCommand &command);

private:
  void addDataFlags(CLI::App &app);
  void addTrainingFlags(CLI::App &app, bool launch);
  void addRoleFlags(CLI::App &app, bool launch);

  TrainCommand command_;
  std::string lines_, testLines_, update_ = "sync";
  std::optional<uint64_t> seed_;
  std::vector<std::string> heterTrainers_, devices_;
};

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
      ->check(atLeast(0));
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
                 "sync: a step reads what all earlier steps wrote; async: what is there (default: sync)")
      ->type_name("sync|async")
      ->group(group)
      ->check(oneOf({"sync", "async"}));
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
  app.add_option("--heter-trainers", heterTrainers_, "Heter-trainers, of every class or by class (default: 1)")
      ->type_name("N|CLASS=N,..")
      ->group(group)
      ->delimiter(',')
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--device", devices_, "What runs a class: cpu, separate, timed:DURATION (default: cpu)")
      ->type_name("CLASS=DEVICE")
      ->group(group)
      ->delimiter(',')
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
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
  for (std::string error :
       {setLines("--lines", lines_, options.lines), setLines("--test-lines", testLines_, options.testLines),
        addHeterTrainers(heterTrainers_, options.heterTrainers), addDevices(devices_, options.devices)})
    if (!error.empty())
      return error;
  if (!testLines_.empty() && options.testFiles.empty())
    return "--test-lines needs --test FILES..";
  options.update = update_ == "sync" ? UpdateMode::Sync : UpdateMode::Async;
  options.seed = seed_;
  if (!launch && command_.role.empty() != command_.clusterFile.empty())
    return command_.role.empty() ? "--cluster needs --role ROLE" : "--role needs --cluster FILE";
  if (command_.role.empty() && command_.index > 0)
    return "--index needs --role ROLE";
  command = command_;
  return {};
}

/// The flags of `predict`.
class PredictFlags {
public:
  void addTo(CLI::App &app);
  /// Fills the command; returns what is wrong, or "".
  std::string finish(PredictCommand &command);

private:
  void addDataFlags(CLI::App &app);
  void addRoleFlags(CLI::App &app);

  PredictCommand command_;
  std::string lines_, labels_ = "auto";
  std::vector<std::string> heterTrainers_, devices_;
};

void PredictFlags::addDataFlags(CLI::App &app) {
  RunOptions &options = command_.options;
  const char *group = "Data";
  app.add_option("--load", options.loadFolder, "The saved model to predict with")
      ->type_name("DIR")
      ->group(group)
      ->required();
  app.add_option("--data", options.dataFiles, "Files or patterns with the examples, read in this order")
      ->type_name("FILES..")
      ->group(group)
      ->required();
  app.add_option("--out", command_.out, "Where predictions go, a line an example; - is standard output")
      ->type_name("FILE")
      ->group(group)
      ->required();
  app.add_option("--labels", labels_,
                 "Whether lines have the label's columns: present, absent, or auto, which tells by the "
                 "number of columns of each file's first line (default: auto)")
      ->type_name("auto|present|absent")
      ->group(group)
      ->check(oneOf({"auto", "present", "absent"}));
  app.add_option("--lines", lines_, "Keep only these lines: 1-based, both ends included, over all files in order")
      ->type_name("A:B")
      ->group(group);
  app.add_option("--max-examples", options.maxExamples, "Stop after so many examples (default: no limit)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(0));
  app.add_option("--input", options.input, "The model's data block to read with (default: its first)")
      ->type_name("NAME")
      ->group(group);
}

void PredictFlags::addRoleFlags(CLI::App &app) {
  RunOptions &options = command_.options;
  const char *group = "Speed";
  auto count = [&](const char *flag, auto &value, int64_t most, const char *text) {
    app.add_option(flag, value, text)->type_name("N")->group(group)->check(atLeast(1, most));
  };
  count("--batch-size", options.batchSize, mostExamples, "Examples of a micro-batch (default: 128)");
  count("--in-flight", options.inFlight, mostFrames, "Micro-batches that a trainer works on at once (default: 4)");
  count("--threads", options.threads, mostThreads, "Worker threads (default: one a processor)");
  count("--servers", options.servers, mostProcesses, "Servers (default: 1)");
  count("--cpu-trainers", options.cpuTrainers, mostProcesses, "Cpu-trainers (default: 1)");
  app.add_option("--heter-trainers", heterTrainers_, "Heter-trainers, of every class or by class (default: 1)")
      ->type_name("N|CLASS=N,..")
      ->group(group)
      ->delimiter(',')
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--device", devices_, "What runs a class: cpu, separate, timed:DURATION (default: cpu)")
      ->type_name("CLASS=DEVICE")
      ->group(group)
      ->delimiter(',')
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--poison-freed", options.poisonFreed, "Overwrite freed buffers with NaN, to find their late readers")
      ->group(group);
}

void PredictFlags::addTo(CLI::App &app) {
  app.add_option("PKG", command_.package, "A package written by heterc")->type_name("PKG")->required();
  addDataFlags(app);
  addRoleFlags(app);
  app.footer(predictExamples);
}

std::string PredictFlags::finish(PredictCommand &command) {
  RunOptions &options = command_.options;
  for (std::string error :
       {setLines("--lines", lines_, options.lines), addHeterTrainers(heterTrainers_, options.heterTrainers),
        addDevices(devices_, options.devices)})
    if (!error.empty())
      return error;
  StatusOr<Labels> labels = parseLabels(labels_);
  if (!labels.ok())
    return "--labels: " + labels.status().message();
  options.labels = *labels;
  options.predict = true;
  command = command_;
  return {};
}

/// Everything that a line can ask for.
struct Parser {
  Parser();
  Request finish();

  CLI::App app{"Train click-through models that heterc has compiled, predict with them, and look into them", "heter"};
  void addTable();

  CLI::App *run, *launch, *predict, *inspect, *dump, *table, *data, *synth;
  TrainFlags runFlags, launchFlags;
  PredictFlags predictFlags;
  InspectCommand inspectCommand;
  DumpCommand dumpCommand;
  TableCommand tableCommand;
  SynthCommand synthCommand;
};

void Parser::addTable() {
  using Action = TableCommand::Action;
  table = app.add_subcommand("table", "Look into the tables of a saved model");
  table->require_subcommand(1);
  table->footer("Examples:\n  heter table stats model\n  heter table get model emb 1234567890\n  heter table diff "
                "monday tuesday");
  const auto add = [&](const std::string &name, const std::string &what, Action action) {
    CLI::App *sub = table->add_subcommand(name, what);
    sub->add_option("DIR", tableCommand.model, "A folder written by --save")->type_name("DIR")->required();
    sub->callback([this, action] { tableCommand.action = action; });
    return sub;
  };
  add("stats", "How many rows each table has, their bytes, and how large their values are", Action::Stats)
      ->footer("Example:\n  heter table stats model");
  CLI::App *get = add("get", "Print the rows of some keys", Action::Get);
  CLI::App *all = add("dump", "Print every row of a table", Action::Dump);
  for (CLI::App *sub : {get, all})
    sub->add_option("TABLE", tableCommand.table, "A table of the model")->type_name("TABLE")->required();
  get->add_option("KEY", tableCommand.keys, "Ids: numbers as `heter dump` prints them")->type_name("KEY")->required();
  get->footer("Example:\n  heter table get model emb 3 1234567890");
  all->footer("Example:\n  heter table dump model emb | head");
  CLI::App *diff =
      add("diff", "Count the rows that differ between two saved models; exits with 1 if any do", Action::Diff);
  diff->add_option("OTHER", tableCommand.other, "Another folder written by --save")->type_name("DIR")->required();
  diff->footer("Example:\n  heter table diff monday tuesday");
}

Parser::Parser() {
  cli::prepare(app, version);
  app.require_subcommand(1);
  app.footer("Examples:\n  heterc samples/ctr_dnn.heter -o ctr_dnn.pkg\n  heter data synth --examples 50000 --out "
             "clicks.tsv\n  heter run ctr_dnn.pkg --data clicks.tsv --save model\n\nRun `heter COMMAND --help` for a "
             "command's flags and examples.");

  run = app.add_subcommand("run", "Train (and test) a package: all roles in this process, or one role of a cluster");
  runFlags.addTo(*run, false);
  launch = app.add_subcommand("launch", "Train with one process a role on this machine, a log file each");
  launchFlags.addTo(*launch, true);

  predict = app.add_subcommand("predict", "Write what a saved model predicts of each example, labelled or not");
  predictFlags.addTo(*predict);

  inspect = app.add_subcommand("inspect", "Print a package's programs: nodes, kernels, buffers, channels, tables");
  inspect->add_option("PKG", inspectCommand.package, "A package written by heterc")->type_name("PKG")->required();
  inspect->add_option("--role", inspectCommand.role, "Only this role")->type_name("ROLE");
  inspect->footer("Examples:\n  heter inspect ctr_dnn.pkg | less\n  heter inspect ctr_dnn.pkg --role cpu-trainer");

  dump = app.add_subcommand("dump", "Print a saved model: every dense value, every row and its optimizer state");
  dump->add_option("DIR", dumpCommand.model, "A folder written by --save")->type_name("DIR")->required();
  dump->add_option("--out", dumpCommand.out, "The text file to write (default: standard output)")->type_name("FILE");
  dump->footer("Examples:\n  heter dump model --out model.txt\n  heter dump model | grep '^parameter'");

  addTable();

  data = app.add_subcommand("data", "Make data");
  data->require_subcommand(1);
  data->footer("Example:\n  heter data synth --examples 400000 --out train.tsv");
  synth = data->add_subcommand("synth", "Write click data for which the best AUC that any model can reach is known");
  synth->add_option("--examples", synthCommand.examples, "How many lines")
      ->type_name("N")
      ->required()
      ->check(atLeast(1));
  synth->add_option("--out", synthCommand.out, "The file to write")->type_name("FILE")->required();
  synth
      ->add_option("--seed", synthCommand.seed,
                   "Which lines: another seed draws other lines of the same problem (default: 1)")
      ->type_name("N")
      ->check(seedNumber());
  synth->footer(
      "The lines have Criteo's form and come from one planted model, the same\nfor every seed.\n\nExamples:\n  "
      "heter data synth --examples 400000 --seed 1 --out train.tsv\n"
      "  heter data synth --examples 40000 --seed 2 --out test.tsv");
}

Request Parser::finish() {
  TrainCommand command;
  for (bool isLaunch : {false, true}) {
    CLI::App *sub = isLaunch ? launch : run;
    if (!sub->parsed())
      continue;
    if (std::string error = (isLaunch ? launchFlags : runFlags).finish(isLaunch, command); !error.empty())
      return cli::usageError(*sub, error);
    return isLaunch ? Request(LaunchRequest{command}) : Request(RunRequest{command});
  }
  if (predict->parsed()) {
    PredictCommand predictCommand;
    if (std::string error = predictFlags.finish(predictCommand); !error.empty())
      return cli::usageError(*predict, error);
    return predictCommand;
  }
  if (inspect->parsed())
    return inspectCommand;
  if (dump->parsed())
    return dumpCommand;
  if (table->parsed())
    return tableCommand;
  return synthCommand;
}

} // namespace

Request parseCommandLine(const std::vector<std::string> &arguments) {
  Parser parser;
  if (std::optional<Answer> answer = cli::parse(parser.app, arguments))
    return *answer;
  return parser.finish();
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
  add("--max-examples", std::to_string(options.maxExamples));
  add("--max-bad-lines", std::to_string(options.maxBadLines));
  add("--update", updateModeName(options.update));
  add("--in-flight", std::to_string(options.inFlight));
  add("--patience", std::to_string(options.patienceSeconds));
  if (options.seed)
    add("--seed", std::to_string(*options.seed));
  if (options.threads > 0)
    add("--threads", std::to_string(options.threads));
  if (!options.saveFolder.empty())
    add("--save", options.saveFolder);
  if (!options.loadFolder.empty())
    add("--load", options.loadFolder);
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
