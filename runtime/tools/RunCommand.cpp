// heter run: all roles in this process, or one role of a cluster.
#include "cli/Terminal.h"
#include "runtime/base/Log.h"
#include "runtime/graph/Profile.h"
#include "runtime/role/Run.h"
#include "runtime/tools/Advice.h"
#include "runtime/tools/Commands.h"
#include "runtime/tools/Interrupt.h"
#include "runtime/tools/Paths.h"
#include "runtime/tools/Report.h"

#include <cstdio>
#include <unistd.h>

namespace heter::runtime::tools {

namespace {

Status runRoleOfCluster(const TrainCommand &command, const Package &package, FileSystem &files,
                        const ClusterFile &cluster) {
  std::string name = command.role + " " + std::to_string(command.index);
  setLogPrefix(name + ": ");
  noteInterrupts();
  RunHooks hooks;
  hooks.interrupted = interrupted;
  HETER_ASSIGN_OR_RETURN(RoleSummary summary,
                         runRole(package, files, command.options, cluster, command.role, command.index, hooks));
  std::printf("%s: %s, %s bytes sent, %s received\n", name.c_str(), workOf(summary).c_str(),
              grouped(summary.bytesSent).c_str(), grouped(summary.bytesReceived).c_str());
  return {};
}

StatusOr<int> runWhole(const TrainCommand &command, const Package &package, FileSystem &files,
                       const ClusterFile *cluster) {
  noteInterrupts();
  ProgressDisplay display;
  RunHooks hooks;
  hooks.progress = [&](const RunProgress &progress) { display.show(progress); };
  hooks.interrupted = interrupted;
  StatusOr<RunResult> result = cluster ? runCoordinator(package, files, command.options, *cluster, hooks)
                                       : runInProcess(package, files, command.options, hooks);
  display.finish();
  HETER_RETURN_IF_ERROR(result.status());
  std::string table = resultTable(*result, cli::mayColor(STDOUT_FILENO));
  std::fwrite(table.data(), 1, table.size(), stdout);
  std::fflush(stdout);
  if (result->interrupted)
    std::fputs(interruptedLine(*result, command.options.saveFolder).c_str(), stderr);
  HETER_RETURN_IF_ERROR(writeReports(files, *result, command.summaryFile, command.lossesFile));
  return result->interrupted ? exitInterrupted : 0;
}

StatusOr<int> run(const TrainCommand &command, const Package &package, FileSystem &files) {
  if (command.role.empty())
    return runWhole(command, package, files, nullptr);
  HETER_RETURN_IF_ERROR(checkExists(files, command.clusterFile, "cluster file"));
  HETER_ASSIGN_OR_RETURN(ClusterFile cluster, readClusterFile(files, command.clusterFile));
  HETER_RETURN_IF_ERROR(checkCluster(package.info, cluster).withContext(command.clusterFile));
  if (command.role == "coordinator" && command.index > 0)
    return Status::invalidArgument("--index: there is one coordinator, its index is 0");
  if (command.role == "coordinator")
    return runWhole(command, package, files, &cluster);
  HETER_RETURN_IF_ERROR(runRoleOfCluster(command, package, files, cluster));
  return 0;
}

StatusOr<int> runProfiled(TrainCommand command, const Package &package, FileSystem &files) {
  Profile profile;
  command.options.profile = &profile;
  HETER_ASSIGN_OR_RETURN(int code, run(command, package, files));
  HETER_RETURN_IF_ERROR(files.writeFileAtomically(
      command.profileFile, command.profileFile.ends_with(".json") ? profile.trace() : profile.table()));
  return code;
}

StatusOr<int> checkAndRun(const TrainCommand &command) {
  prefixLog();
  auto files = makePosixFileSystem();
  HETER_ASSIGN_OR_RETURN(Package package, openPackage(*files, command.package));
  const RunOptions &options = command.options;
  // On a machine without cpu-trainers the data need not be.
  bool readsData = command.role.empty() || command.role == "cpu-trainer";
  HETER_RETURN_IF_ERROR(checkOptions(*files, package.info, options, readsData));
  HETER_RETURN_IF_ERROR(checkRowCache(package, options));
  const bool decides = command.role.empty() || command.role == "coordinator"; // what the run is, and reports it
  std::vector<ReportFile> reports = {{"--profile", command.profileFile}};
  if (decides)
    reports.insert(reports.begin(), {{"--summary", command.summaryFile}, {"--losses", command.lossesFile}});
  HETER_RETURN_IF_ERROR(checkReports(*files, options, reports));
  if (decides)
    HETER_RETURN_IF_ERROR(checkSaveFolder(*files, options.saveFolder));
  if (readsData)
    HETER_RETURN_IF_ERROR(checkTestData(*files, package.info, options));
  exitOnInterrupt();
  if (decides) {
    for (const std::string &warning : warningsOf(options, package.info))
      logWarning(warning);
    if (std::string note = rowCacheNote(options, package); !note.empty())
      logInfo(note);
  }
  return command.profileFile.empty() ? run(command, package, *files) : runProfiled(command, package, *files);
}

} // namespace

int runTraining(const TrainCommand &command) {
  StatusOr<int> code = checkAndRun(command);
  if (code.ok())
    return *code;
  int failed = fail(code.status());
  return interrupted() ? exitInterrupted : failed;
}

} // namespace heter::runtime::tools
