// heter launch: one process a role on this machine. The launcher is the coordinator: it listens on a free loopback
// port, writes the cluster file, starts every role with `heter run --role`, and watches both the run and the processes.
//
// The coordinator runs as a blocking task, so that the main thread, the parent of all processes, is free to watch them
// and Ctrl-C. If a role dies or stops, the coordinator normally ends the run by itself; if it has not within
// graceAfterDeath, or roles outlive the run, they are killed, stopped ones too.
#include "cli/Terminal.h"
#include "runtime/base/Log.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/role/Run.h"
#include "runtime/tools/Advice.h"
#include "runtime/tools/ChildProcess.h"
#include "runtime/tools/CommandLine.h"
#include "runtime/tools/Interrupt.h"
#include "runtime/tools/Paths.h"
#include "runtime/tools/Report.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>

namespace heter::runtime::tools {

namespace {

using namespace std::chrono_literals;

constexpr Duration pollInterval = 20ms;
constexpr Duration graceAfterDeath = 3s;   // For the coordinator to name the cause after a role has died.
constexpr Duration graceAfterEnd = 8s;     // For the roles to end by themselves after a run that went well.
constexpr Duration graceAfterError = 1s;   // The same after a failed one.
constexpr Duration graceAfterTerm = 300ms; // From SIGTERM to SIGKILL.
constexpr int tailLines = 12;
constexpr size_t mostWarnings = 10;

/// What the coordinator's task and the main thread share.
struct Conduct {
  Mutex mutex;
  CondVar changed;
  std::string address HETER_GUARDED_BY(mutex);
  std::optional<StatusOr<RunResult>> result HETER_GUARDED_BY(mutex);
  bool tick HETER_GUARDED_BY(mutex) = false;
};

class Launcher {
public:
  explicit Launcher(const TrainCommand &command) : command_(command) {}
  /// Returns the exit code, after everything is printed and written.
  int run();

private:
  Status prepare();
  void startCoordinator();
  Status startRoles(const std::string &address);
  Status startRole(const std::string &role, size_t index);
  void pause();
  std::string coordinatorAddress();
  bool coordinatorEnded();
  bool allEnded();
  /// Remembers the first process that died, killed ones before those that exited.
  void reap();
  void watch();
  void endRoles();
  int conclude();
  /// Whether a role's death is news beside the coordinator's error: roles also exit with an error because a run failed.
  bool failureCounts() const HETER_REQUIRES(conduct_.mutex);
  void printFailure() const;
  void printWarnings() const;

  const TrainCommand &command_;
  std::unique_ptr<FileSystem> files_ = makePosixFileSystem();
  Package package_;
  ClusterFile cluster_;
  std::string folder_;
  ProgressDisplay display_;
  Conduct conduct_;
  std::vector<ChildProcess> children_;
  ChildProcess *failed_ = nullptr;
  bool failedDuringRun_ = false; ///< `failed_` died before the coordinator ended.
  std::unique_ptr<Scheduler> scheduler_ = makeThreadedScheduler(1);
};

Status Launcher::prepare() {
  HETER_ASSIGN_OR_RETURN(package_, openPackage(*files_, command_.package));
  if (package_.info.mode == "local")
    return Status::invalidArgument("`" + command_.package +
                                   "` is compiled for one process; use `heter run`, or compile "
                                   "it with --mode=ps or --mode=heter-ps");
  HETER_RETURN_IF_ERROR(checkOptions(*files_, package_.info, command_.options));
  HETER_RETURN_IF_ERROR(checkRowCache(package_, command_.options));
  HETER_RETURN_IF_ERROR(checkReports(*files_, command_.options,
                                     {{"--summary", command_.summaryFile}, {"--losses", command_.lossesFile}}));
  HETER_RETURN_IF_ERROR(checkSaveFolder(*files_, command_.options.saveFolder));
  HETER_RETURN_IF_ERROR(checkTestData(*files_, package_.info, command_.options));
  for (const std::string &warning : warningsOf(command_.options, package_.info))
    logWarning(warning);
  if (std::string note = rowCacheNote(command_.options, package_); !note.empty())
    logInfo(note);
  folder_ = command_.runFolder;
  if (folder_.empty()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "heter-run-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
      return Status::unavailable("cannot make a run folder like " + pattern);
    folder_ = pattern;
  }
  HETER_RETURN_IF_ERROR(checkScratchFolder(*files_, "--run-folder", folder_));
  HETER_RETURN_IF_ERROR(files_->createDirectories(folder_).withContext("--run-folder"));
  cluster_ = loopbackCluster(package_.info, command_.options, "127.0.0.1:0");
  return {};
}

void Launcher::startCoordinator() {
  scheduler_->postBlocking([this] {
    RunHooks hooks;
    hooks.progress = [this](const RunProgress &progress) { display_.show(progress); };
    hooks.interrupted = interrupted;
    hooks.listening = [this](const std::string &address) {
      MutexLock lock(conduct_.mutex);
      conduct_.address = address;
      conduct_.changed.notifyAll();
    };
    StatusOr<RunResult> result = runCoordinator(package_, *files_, command_.options, cluster_, hooks);
    MutexLock lock(conduct_.mutex);
    conduct_.result.emplace(std::move(result));
    conduct_.changed.notifyAll();
  });
}

Status Launcher::startRole(const std::string &role, size_t index) {
  std::string name = role + "-" + std::to_string(index);
  std::vector<std::string> arguments = {"run",     command_.package,      "--role",    role,
                                        "--index", std::to_string(index), "--cluster", folder_ + "/cluster.json"};
  for (std::string &argument : printOptions(command_.options))
    arguments.push_back(std::move(argument));
  HETER_ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::start(role + " " + std::to_string(index), arguments,
                                                                 folder_ + "/" + name + ".log"));
  children_.push_back(std::move(child));
  return {};
}

Status Launcher::startRoles(const std::string &address) {
  ClusterFile cluster = cluster_;
  cluster.coordinator = address;
  HETER_RETURN_IF_ERROR(files_->writeFileAtomically(folder_ + "/cluster.json", cluster.print()));
  for (size_t i = 0; i < cluster.servers.size(); ++i)
    HETER_RETURN_IF_ERROR(startRole("server", i));
  for (const auto &[name, addresses] : cluster.heterTrainers)
    for (size_t i = 0; i < addresses.size(); ++i)
      HETER_RETURN_IF_ERROR(startRole("heter-trainer." + name, i));
  for (size_t i = 0; i < cluster.cpuTrainers.size(); ++i)
    HETER_RETURN_IF_ERROR(startRole("cpu-trainer", i));
  std::fprintf(stderr, "started %zu processes; their logs are in %s\n", children_.size(), folder_.c_str());
  return {};
}

/// Waits for a poll interval.
void Launcher::pause() {
  scheduler_->postAt(scheduler_->now() + pollInterval, [this] {
    MutexLock lock(conduct_.mutex);
    conduct_.tick = true;
    conduct_.changed.notifyAll();
  });
  MutexLock lock(conduct_.mutex);
  while (!conduct_.tick)
    conduct_.changed.wait(conduct_.mutex);
  conduct_.tick = false;
}

std::string Launcher::coordinatorAddress() {
  MutexLock lock(conduct_.mutex);
  while (conduct_.address.empty() && !conduct_.result)
    conduct_.changed.wait(conduct_.mutex);
  return conduct_.address;
}

bool Launcher::coordinatorEnded() {
  MutexLock lock(conduct_.mutex);
  return conduct_.result.has_value();
}

void Launcher::reap() {
  ChildProcess *exited = nullptr;
  for (ChildProcess &child : children_) {
    const ChildExit *exit = child.poll();
    if (!exit || exit->ok() || failed_)
      continue;
    if (exit->signal != 0) {
      failed_ = &child;
      return;
    }
    exited = exited ? exited : &child;
  }
  failed_ = failed_ ? failed_ : exited;
}

bool Launcher::allEnded() {
  return std::all_of(children_.begin(), children_.end(), [](ChildProcess &child) { return child.poll() != nullptr; });
}

/// Until the run has ended, or a role has died and the coordinator had its time to say so.
void Launcher::watch() {
  std::optional<TimePoint> deadline;
  while (!coordinatorEnded()) {
    reap();
    if (failed_ && !deadline) {
      failedDuringRun_ = true;
      deadline = scheduler_->now() + graceAfterDeath;
    }
    if (deadline && scheduler_->now() >= *deadline)
      return;
    pause();
  }
}

/// Lets the roles end by themselves for a while, then makes them.
void Launcher::endRoles() {
  bool good = !failed_ && !interrupted();
  if (good) {
    MutexLock lock(conduct_.mutex);
    good = conduct_.result && conduct_.result->ok();
  }
  auto waitFor = [this](Duration grace) {
    TimePoint deadline = scheduler_->now() + grace;
    while (!allEnded() && scheduler_->now() < deadline) {
      reap();
      pause();
    }
    reap();
    return allEnded();
  };
  if (waitFor(good ? graceAfterEnd : graceAfterError))
    return;
  if (good)
    for (ChildProcess &child : children_)
      if (!child.poll())
        std::fprintf(stderr, "heter: warning: %s outlived the run and is ended\n", child.name().c_str());
  // What is killed here has not failed by itself: the first failure stays the one that is told.
  ChildProcess *failed = failed_;
  for (ChildProcess &child : children_)
    child.signal(SIGTERM);
  if (!waitFor(graceAfterTerm))
    for (ChildProcess &child : children_)
      child.signal(SIGKILL);
  failed_ = failed;
}

bool Launcher::failureCounts() const {
  if (!failed_ || (!failedDuringRun_ && failed_->poll()->signal == 0))
    return false;
  // A role that ends with the run's own error has nothing to add.
  StatusOr<std::string> log = files_->readFile(failed_->log());
  return !log.ok() || !conduct_.result || conduct_.result->ok() ||
         !tail(*log, 1, "").ends_with(conduct_.result->status().message() + "\n");
}

void Launcher::printFailure() const {
  StatusOr<std::string> log = files_->readFile(failed_->log());
  std::string last = log.ok() ? tail(*log, tailLines, "  | ") : "";
  std::fprintf(stderr, "heter: error: %s %s; %s %s%s\n%s", failed_->name().c_str(), failed_->poll()->text().c_str(),
               last.empty() ? "it left nothing in its log" : "the end of its log", failed_->log().c_str(),
               last.empty() ? "" : ":", last.c_str());
}

/// What the roles warned of, so that nobody needs to look for it in their logs.
void Launcher::printWarnings() const {
  size_t count = 0;
  for (const ChildProcess &child : children_) {
    StatusOr<std::string> log = files_->readFile(child.log());
    for (const std::string &line : warnings(log.ok() ? *log : ""))
      if (count++ < mostWarnings)
        std::fprintf(stderr, "%s\n", line.c_str());
  }
  if (count > mostWarnings)
    std::fprintf(stderr, "heter: warning: %zu more warnings are in the logs in %s\n", count - mostWarnings,
                 folder_.c_str());
}

int Launcher::conclude() {
  MutexLock lock(conduct_.mutex);
  bool finished = conduct_.result && conduct_.result->ok();
  if (conduct_.result && !finished)
    fail(conduct_.result->status());
  // Roles that fail after a run that went well count too.
  bool counts = finished ? failed_ != nullptr : failureCounts();
  if (counts)
    printFailure();
  if (!finished && interrupted())
    return exitInterrupted;
  if (!finished)
    return counts ? failed_->poll()->code : exitFailure;
  printWarnings();
  const RunResult &result = **conduct_.result;
  std::string table = resultTable(result, cli::mayColor(STDOUT_FILENO));
  std::fwrite(table.data(), 1, table.size(), stdout);
  std::fflush(stdout);
  if (result.interrupted)
    std::fputs(interruptedLine(result, command_.options.saveFolder).c_str(), stderr);
  if (Status status = writeReports(*files_, result, command_.summaryFile, command_.lossesFile); !status.ok())
    return fail(status);
  if (result.interrupted)
    return exitInterrupted;
  return counts ? failed_->poll()->code : 0;
}

int Launcher::run() {
  prefixLog();
  if (Status status = prepare(); !status.ok())
    return fail(status);
  noteInterrupts();
  startCoordinator();
  std::string address = coordinatorAddress();
  Status started = address.empty() ? Status() : startRoles(address);
  if (!started.ok()) {
    fail(started);
    children_.clear();
    std::_Exit(exitFailure); // The coordinator still waits for roles that will not come.
  }
  watch();
  endRoles();
  display_.finish();
  int code = conclude();
  std::fflush(stdout);
  if (!coordinatorEnded())
    std::_Exit(code); // Its task still waits for the dead role.
  return code;
}

} // namespace

int launchTraining(const TrainCommand &command) { return Launcher(command).run(); }

} // namespace heter::runtime::tools
