// Declarations of the flags of `heter predict`.
#include "runtime/tools/PredictFlags.h"

#include "runtime/data/Labels.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

namespace heter::runtime::tools {

constexpr const char *predictExamples = R"(Examples:
  heter predict ctr_dnn.pkg --load model --data today.tsv.gz --out today.txt
  heter predict ctr_dnn.pkg --load model --data today.tsv --lines 1:1000 \
    --out - | sort -g | tail)";

void PredictFlags::addDataFlags(CLI::App &app) {
  RunOptions &options = command_.options;
  const char *group = "Data";
  app.add_option("--load", options.loadFolder, "The saved model, or export of one, to predict with")
      ->type_name("DIR|FILE")
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
      ->check(cli::oneOf({"auto", "present", "absent"}));
  app.add_option("--lines", lines_, "Keep only these lines: 1-based, both ends included, over all files in order")
      ->type_name("A:B")
      ->group(group);
  app.add_option("--max-examples", options.maxExamples, "Stop after so many examples (default: no limit)")
      ->type_name("N")
      ->group(group)
      ->check(atLeast(1));
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
  classes_.addTo(app, group);
  app.add_option("--tier-dir", options.tierFolder,
                 "Where rows go for which `memory` has no room, with `beyond: ssd` (default: the temporary folder)")
      ->type_name("DIR")
      ->group(group);
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
  for (std::string error : {setLines("--lines", lines_, options.lines), classes_.finish(options)})
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

} // namespace heter::runtime::tools
