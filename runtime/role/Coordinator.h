// The coordinator: gathers the roles, closes steps by its ledger, orders saving, loading and the test pass, watches
// that everybody is alive, and ends the run with one outcome for all.
//
//   Joining --all roles are there, servers ready--> Training --all data read, all steps closed--> Saving
//   Training, every so many steps: no step is closed until all servers have marked a save, which they then write
//   Saving --> Testing (if there is test data) --> Ending --all roles left--> Over
//
// A run that predicts goes from Joining to Testing: the pass over its data is one like that of a test.
//
// A failure goes from any phase to Ending, and so does an interrupt, but from Saving only once the save is done. Which
// role failed first is not always the one that is heard first: a trainer often reports a lost connection before the
// lost server's own connection breaks here. So a report that only names a symptom (unavailable, cancelled, a deadline)
// waits for `blameWindow` for a better one.
//
// Coordinator.cpp has the calls that roles make, CoordinatorCourse.cpp the run's course, CoordinatorEnds.cpp its ends.
#ifndef HETER_RUNTIME_ROLE_COORDINATOR_H
#define HETER_RUNTIME_ROLE_COORDINATOR_H

#include "runtime/role/ClusterFile.h"
#include "runtime/role/Predictions.h"
#include "runtime/role/Role.h"
#include "runtime/role/RunOptions.h"
#include "runtime/role/Scoreboard.h"

#include <deque>
#include <map>
#include <optional>

namespace heter::runtime {

class Coordinator final : public std::enable_shared_from_this<Coordinator> {
public:
  /// `hooks` outlive it. Expects the roles that `cluster` lists.
  Coordinator(const RoleContext &context, const ClusterFile &cluster, const RunHooks &hooks);
  ~Coordinator();

  /// Listens; returns the address to dial.
  StatusOr<std::string> listen();

  /// Conducts the run. `ended` is called once, as a task, after every role has left (or is taken for lost).
  void start(UniqueFunction<void(StatusOr<RunResult>)> ended);

  /// Ends the run early, as RunHooks::interrupted says. Thread-safe.
  void interrupt();

private:
  struct Member {
    bool joined = false;
    bool left = false; ///< Or lost.
    uint64_t connection = 0;
    TimePoint lastHeard{};
    std::optional<Responder<rpc::Join>> join;
    std::optional<Responder<rpc::EndOfData>> endOfData;
    std::optional<Responder<rpc::WaitForEnd>> waitForEnd;
    rpc::RoleReport report;
  };
  using MemberKey = std::pair<std::string, int>;
  enum class Phase { Joining, Training, Saving, Testing, Ending, Over };

  template <typename M>
  void serve(void (Coordinator::*handle)(const CallContext &, typename M::Request &, const Responder<M> &));
  template <typename M>
  void callServers(const std::function<typename M::Request(size_t)> &make, Duration deadline,
                   const std::string &waitingFor, UniqueFunction<void(std::vector<typename M::Reply> &)> done);

  // Calls of roles; all on the strand.
  void join(const CallContext &context, rpc::JoinRequest &request, const Responder<rpc::Join> &respond);
  void finished(const CallContext &context, rpc::FinishedRequest &request, const Responder<rpc::Finished> &respond);
  void endOfData(const CallContext &context, rpc::EndOfDataRequest &request, const Responder<rpc::EndOfData> &respond);
  void failed(const CallContext &context, rpc::FailedRequest &request, const Responder<rpc::Failed> &respond);
  void waitForEnd(const CallContext &context, rpc::WaitForEndRequest &request,
                  const Responder<rpc::WaitForEnd> &respond);
  void goodbye(const CallContext &context, rpc::GoodbyeRequest &request, const Responder<rpc::Goodbye> &respond);
  void pinged(const CallContext &context);
  void disconnected(const CallContext &context, const Status &why);

  // The run's course.
  void takeReport(rpc::FinishedRequest &request);
  Status checkJoin(const rpc::JoinRequest &request);
  void everybodyJoined();
  void serversReady();
  void startFirstPass(int64_t firstStep);
  void closeNextStep();
  void finishSteps(int64_t steps, const std::string &waitingFor, Task done);
  bool dataEnded() const;
  void advanceIfPhaseEnded();
  void trainingEnded();
  bool saveIsDue(int64_t stepsClosed) const;
  void saveIsWanted();
  void saveAndGoOn();
  void hurrySave();
  void mark(Task done);
  void save(Task done);
  void commit(int64_t saveNumber, std::vector<rpc::SaveReply> &replies, Task done);
  void endInterrupted();
  void afterTraining();
  void testEnded();
  void collectStats();

  // Ends.
  void waitForJoins();
  void fail(Status why);
  void suspect(Status why);
  void lose(const MemberKey &key, Member &member, const std::string &why);
  void end(Status status);
  void leaveIfAlone();
  void fillResult();
  void watch();
  Member *find(const rpc::RoleName &name);
  std::string whatIsMissing() const;
  std::string whatIsAwaited() const;
  /// Training goes on amid the data.
  bool resumed() const { return loadedSeed_ && !context_.options.restartData && !position_.ended; }
  bool over() const { return phase_ == Phase::Ending || phase_ == Phase::Over; }
  rpc::JoinReply joinReply() const;

  const RoleContext context_;
  ClusterFile cluster_; ///< Addresses become those that the roles told.
  const std::shared_ptr<Strand> strand_;
  const std::shared_ptr<Service> service_;
  UniqueFunction<void(StatusOr<RunResult>)> ended_;

  Phase phase_ = Phase::Joining;
  std::map<MemberKey, Member> members_;
  std::vector<std::shared_ptr<Client>> servers_;
  Scoreboard scoreboard_;
  std::shared_ptr<PredictionOutput> output_; ///< Null unless the run predicts.
  RunResult result_;
  int64_t firstStep_ = 0;
  std::deque<CompleteStep> toClose_;
  bool closing_ = false;
  int64_t closingStep_ = 0;
  int64_t closedSteps_ = 0; ///< Sync runs.
  bool saving_ = false;     ///< Amid training, which goes on meanwhile.
  bool saveWaits_ = false;  ///< No step is closed until servers have marked the save that is due.
  bool saveWaitedBefore_ = false;
  bool saveHurries_ = false; ///< The one under way: servers were told.
  DataPosition position_;    ///< Behind the last step that was closed.
  DataPosition saved_;       ///< The same of the save that is being written.
  std::optional<uint64_t> loadedSeed_;
  int64_t lastSave_ = 0; ///< Of this run; 0: none.
  int increments_ = 0;   ///< Since the last full save.
  bool interrupted_ = false;
  int64_t stepsFinished_ = 0;
  Status outcome_;
  std::optional<Status> suspicion_;
  std::vector<uint64_t> timers_;
  uint64_t joinTimer_ = 0;
  uint64_t watchTimer_ = 0;
  TimePoint watchDue_{};
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_COORDINATOR_H
