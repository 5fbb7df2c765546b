// The declarations of heter's commands: parsing, --help, manual pages and completion all come from them (cli/Cli.h).
#include "runtime/tools/CommandLine.h"

#include "cli/Cli.h"
#include "runtime/tools/PredictFlags.h"
#include "runtime/tools/TrainFlags.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <optional>

namespace heter::runtime::tools {

namespace {

using cli::seedNumber;

constexpr const char *version = "0.1.0";

/// Everything that a line can ask for.
struct Parser {
  Parser();
  Request finish();

  CLI::App app{"Train click-through models that heterc has compiled, predict with them, and look into them", "heter"};
  void addExport();
  void addTable();
  void addSynth();
  std::string finishSynth();

  CLI::App *run, *launch, *predict, *exports, *patch, *inspect, *dump, *table, *data, *synth;
  TrainFlags runFlags, launchFlags;
  PredictFlags predictFlags;
  ExportCommand exportCommand;
  std::string rowCoding = "f32";
  PatchCommand patchCommand;
  InspectCommand inspectCommand;
  DumpCommand dumpCommand;
  TableCommand tableCommand;
  SynthCommand synthCommand;
};

void Parser::addExport() {
  exports = app.add_subcommand("export", "Write what predictions need of a saved model, or what of it has changed");
  ExportOptions &options = exportCommand.options;
  exports->add_option("PKG", exportCommand.package, "A package written by heterc")->type_name("PKG")->required();
  exports->add_option("--load", options.load, "The saved model")->type_name("DIR")->required();
  exports->add_option("--out", options.out, "The file to write")->type_name("FILE")->required();
  exports->add_option("--rows", rowCoding, "How values of rows are stored (default: f32)")
      ->type_name("f32|f16|int8")
      ->check(cli::oneOf({"f32", "f16", "int8"}));
  exports
      ->add_option("--since", options.since,
                   "Write a delta: only what differs from this earlier saved model, for `heter patch`")
      ->type_name("DIR");
  exports->footer("Examples:\n  heter export ctr_dnn.pkg --load model --out ctr_dnn.export\n"
                  "  heter export ctr_dnn.pkg --load model --out small.export --rows int8\n"
                  "  heter export ctr_dnn.pkg --load model --since model/save-000006.json \\\n    --out hourly.delta");
  patch = app.add_subcommand("patch", "Bring an export up to date with deltas of `heter export --since`");
  patch->add_option("EXPORT", patchCommand.base, "A file written by `heter export`")
      ->type_name("EXPORT_FILE")
      ->required();
  patch->add_option("DELTA", patchCommand.deltas, "Deltas, each of which begins where the one before ends")
      ->type_name("DELTA_FILES..")
      ->required();
  patch->add_option("--out", patchCommand.out, "The file to write; it may be EXPORT_FILE")
      ->type_name("FILE")
      ->required();
  patch->footer("Example:\n  heter patch ctr_dnn.export hourly.delta --out ctr_dnn.export");
}

void Parser::addTable() {
  using Action = TableCommand::Action;
  table = app.add_subcommand("table", "Look into the tables of a saved model or a live server");
  table->require_subcommand(1);
  table->footer("Examples:\n  heter table stats model\n  heter table get model emb 1234567890\n  heter table diff "
                "monday tuesday");
  const auto add = [&](const std::string &name, const std::string &what, Action action) {
    CLI::App *sub = table->add_subcommand(name, what);
    sub->add_option("DIR", tableCommand.model, "A folder written by --save, or a running server's HOST:PORT")
        ->type_name("DIR")
        ->required();
    sub->callback([this, action] { tableCommand.action = action; });
    return sub;
  };
  add("stats", "How many rows each table has, their bytes, and how large their values are", Action::Stats)
      ->footer("Examples:\n  heter table stats model\n  heter table stats 127.0.0.1:7000");
  CLI::App *get = add("get", "Print the rows of some keys", Action::Get);
  CLI::App *all = add("dump", "Print every row of a table", Action::Dump);
  for (CLI::App *sub : {get, all})
    sub->add_option("TABLE", tableCommand.table, "A table of the model")->type_name("TABLE")->required();
  get->add_option("KEYS", tableCommand.keys, "Ids, as `heter dump` prints them")
      ->type_name("KEYS..")
      ->required()
      ->check(cli::idNumber());
  get->footer("Example:\n  heter table get model emb 3 1234567890");
  all->footer("Example:\n  heter table dump model emb | head");
  CLI::App *diff = add("diff", "Count the rows that differ between two models; exits with 1 if any do", Action::Diff);
  diff->add_option("OTHER", tableCommand.other, "Another folder, or server")->type_name("OTHER_DIR")->required();
  diff->footer("Example:\n  heter table diff monday tuesday");
}

void Parser::addSynth() {
  synth = data->add_subcommand("synth", "Write click data for which the best AUC that any model can reach is known");
  synth->add_option("--examples", synthCommand.examples, "How many lines; --ids-in-turn needs none")
      ->type_name("N")
      ->check(atLeast(1));
  synth->add_option("--out", synthCommand.out, "The file to write")->type_name("FILE")->required();
  synth
      ->add_option("--seed", synthCommand.seed,
                   "Which lines: another seed draws other lines of the same problem (default: 1)")
      ->type_name("N")
      ->check(seedNumber());
  synth
      ->add_option("--ids", synthCommand.ids.distinct,
                   "Distinct ids in all 26 columns together, equally frequent (default: the planted model's own)")
      ->type_name("N")
      ->check(atLeast(SynthModel::fields, SynthModel::mostIds));
  synth
      ->add_option("--zipf", synthCommand.ids.zipf,
                   "With --ids: a column's id of rank r comes up as often as r^-X (default: 0)")
      ->type_name("X")
      ->check(cli::realNumber(0, 10));
  synth->add_flag(
      "--ids-in-turn", synthCommand.ids.inTurn,
      "With --ids: a line each, so that the fewest lines hold every id (ids / 26, if --examples says nothing)");
  synth->footer(
      "The lines have Criteo's form and come from one planted model, the same\nfor every seed.\n\nExamples:\n  "
      "heter data synth --examples 400000 --seed 1 --out train.tsv\n"
      "  heter data synth --examples 40000 --seed 2 --out test.tsv\n"
      "  heter data synth --examples 40000 --ids 1000000 --zipf 1.05 --out z.tsv\n"
      "  heter data synth --ids 1000000 --ids-in-turn --out every-id.tsv");
}

/// What is wrong with the flags of `data synth`, or "". Fills in the number of examples.
std::string Parser::finishSynth() {
  SynthIds &ids = synthCommand.ids;
  for (const char *flag : {"--zipf", "--ids-in-turn"})
    if (ids.distinct == 0 && synth->count(flag) > 0)
      return std::string(flag) + " needs --ids N";
  if (ids.inTurn && synth->count("--zipf") > 0)
    return "--ids-in-turn and --zipf exclude each other: ids that come in turn are equally frequent";
  if (synthCommand.examples == 0 && ids.inTurn)
    synthCommand.examples = (ids.distinct + SynthModel::fields - 1) / SynthModel::fields;
  return synthCommand.examples == 0 ? "--examples N is required" : "";
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

  addExport();
  addTable();

  data = app.add_subcommand("data", "Make data");
  data->require_subcommand(1);
  data->footer("Example:\n  heter data synth --examples 400000 --out train.tsv");
  addSynth();
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
  if (exports->parsed()) {
    exportCommand.options.coding = *heter::runtime::exports::parseCoding(rowCoding);
    return exportCommand;
  }
  if (patch->parsed())
    return patchCommand;
  if (inspect->parsed())
    return inspectCommand;
  if (dump->parsed())
    return dumpCommand;
  if (table->parsed())
    return tableCommand;
  if (std::string error = finishSynth(); !error.empty())
    return cli::usageError(*synth, error);
  return synthCommand;
}

} // namespace

Request parseCommandLine(const std::vector<std::string> &arguments) {
  Parser parser;
  if (std::optional<Answer> answer = cli::parse(parser.app, arguments))
    return *answer;
  return parser.finish();
}

} // namespace heter::runtime::tools
