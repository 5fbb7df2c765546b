// How a run ends: by the wish of its user, by a failure, by a role that is lost or never came, or because all is done.
// Everything runs on the coordinator's strand.
#include "runtime/role/Coordinator.h"

#include "runtime/base/Process.h"
#include "runtime/role/Timing.h"

#include <utility>

namespace heter::runtime {

std::string Coordinator::whatIsMissing() const {
  std::string missing;
  for (const auto &[key, member] : members_)
    if (!member.joined)
      missing += (missing.empty() ? "" : ", ") + displayName(key.first, key.second);
  return missing;
}

std::string Coordinator::whatIsAwaited() const {
  switch (phase_) {
  case Phase::Joining:
    return whatIsMissing().empty() ? "the servers to be ready" : whatIsMissing() + " to join";
  case Phase::Training:
    if (saveWaits_ || (saving_ && dataEnded()))
      return "the save to " + context_.options.saveFolder;
    return closing_ ? "the servers to close step " + std::to_string(closingStep_)
                    : "the end of step " + std::to_string(scoreboard_.nextStep());
  case Phase::Testing:
    return "the end of test batch " + std::to_string(scoreboard_.nextStep());
  default:
    return context_.options.saveFolder.empty() ? "the servers' table sizes"
                                               : "the save to " + context_.options.saveFolder;
  }
}

/// Gives the roles that are missing their time, counted anew whenever one joins.
void Coordinator::waitForJoins() {
  context_.scheduler.cancel(joinTimer_);
  Duration patience = std::chrono::seconds(context_.options.patienceSeconds);
  joinTimer_ = context_.scheduler.postAt(context_.scheduler.now() + patience, [self = shared_from_this()] {
    self->strand_->post([self] {
      if (self->phase_ == Phase::Joining && !self->whatIsMissing().empty())
        self->fail(Status::deadlineExceeded(
            self->whatIsMissing() + " did not join within " + std::to_string(self->context_.options.patienceSeconds) +
            " s of the last role that did; were they started? --patience gives them longer"));
    });
  });
}

void Coordinator::fail(Status why) { end(std::move(why)); }

void Coordinator::suspect(Status why) {
  if (suspicion_ || over())
    return;
  suspicion_ = std::move(why);
  timers_.push_back(context_.scheduler.postAt(context_.scheduler.now() + blameWindow, [self = shared_from_this()] {
    self->strand_->post([self] { self->fail(*self->suspicion_); });
  }));
}

/// A member is gone without a word.
void Coordinator::lose(const MemberKey &key, Member &member, const std::string &why) {
  member.left = true;
  if (over())
    return leaveIfAlone();
  fail(Status::unavailable("lost " + displayName(key.first, key.second) + ": " + why + ", while the run waited for " +
                           whatIsAwaited()));
}

void Coordinator::interrupt() {
  strand_->post([self = shared_from_this()] {
    if (std::exchange(self->interrupted_, true) || self->phase_ == Phase::Saving)
      return; // A save goes on to its end.
    if (self->saving_)
      return self->hurrySave();
    if (self->phase_ == Phase::Joining)
      return self->end(Status::cancelled("interrupted before training began"));
    self->endInterrupted();
  });
}

void Coordinator::endInterrupted() {
  if (!over())
    scoreboard_.endPhaseEarly();
  end(Status());
}

void Coordinator::end(Status status) {
  if (over())
    return;
  phase_ = Phase::Ending;
  outcome_ = std::move(status);
  rpc::WaitForEndReply reply;
  reply.code = static_cast<int32_t>(outcome_.code());
  reply.message = outcome_.message();
  for (auto &[key, member] : members_) {
    if (member.waitForEnd)
      std::exchange(member.waitForEnd, std::nullopt).value()(reply);
    if (member.join)
      std::exchange(member.join, std::nullopt).value()(outcome_);
    if (auto responder = std::exchange(member.endOfData, std::nullopt)) {
      rpc::EndOfDataReply nothing;
      nothing.test = false;
      nothing.version = 0;
      (*responder)(nothing);
    }
  }
  for (auto &server : servers_)
    server->close();
  timers_.push_back(context_.scheduler.postAt(context_.scheduler.now() + goodbyeLimit, [self = shared_from_this()] {
    self->strand_->post([self] {
      for (auto &[key, member] : self->members_)
        member.left = true;
      self->leaveIfAlone();
    });
  }));
  leaveIfAlone();
}

void Coordinator::leaveIfAlone() {
  if (phase_ != Phase::Ending)
    return;
  for (auto &[key, member] : members_)
    if (member.joined && !member.left)
      return;
  phase_ = Phase::Over;
  for (uint64_t timer : timers_)
    context_.scheduler.cancel(timer);
  context_.scheduler.cancel(joinTimer_);
  context_.scheduler.cancel(watchTimer_);
  service_->clear();
  fillResult();
  auto ended = std::move(ended_);
  outcome_.ok() ? ended(std::move(result_)) : ended(outcome_);
}

void Coordinator::fillResult() {
  result_.interrupted = interrupted_;
  scoreboard_.fill(result_);
  result_.mode = context_.package.info.mode;
  result_.update = updateModeName(context_.options.update);
  result_.cpuSeconds = processCpuSeconds();
  result_.peakRssBytes = peakResidentBytes();
  WireCounts own = context_.transport.counts();
  result_.bytesSent = own.bytesSent;
  result_.bytesReceived = own.bytesReceived;
  for (const auto &[key, member] : members_) {
    const rpc::RoleReport &report = member.report;
    result_.roles.push_back({key.first,
                             key.second,
                             report.frames,
                             report.examples,
                             report.bytesSent,
                             report.bytesReceived,
                             report.cpuSeconds,
                             report.peakRssBytes,
                             report.badLines,
                             {report.rowHits, report.rowMisses, report.rowsStale}});
    result_.rowCache += result_.roles.back().rowCache;
    result_.badLines += report.badLines;
    result_.cpuSeconds += report.cpuSeconds;
    result_.peakRssBytes += report.peakRssBytes;
    result_.bytesSent += report.bytesSent;
    result_.bytesReceived += report.bytesReceived;
  }
}

void Coordinator::watch() {
  if (phase_ == Phase::Over)
    return;
  TimePoint now = context_.scheduler.now();
  // If this process itself stood still, the roles' pings may lie unread.
  Duration stall = watchDue_ > TimePoint() && now - watchDue_ > pingPeriod ? now - watchDue_ : Duration::zero();
  for (auto &[key, member] : members_) {
    member.lastHeard += stall;
    if (member.joined && !member.left && now - member.lastHeard >= silenceLimit)
      lose(key, member, "it has been silent for " + std::to_string(silenceLimit / std::chrono::seconds(1)) + " s");
  }
  if (phase_ == Phase::Over)
    return;
  watchDue_ = now + watchPeriod;
  watchTimer_ = context_.scheduler.postAt(
      watchDue_, [self = shared_from_this()] { self->strand_->post([self] { self->watch(); }); });
}

} // namespace heter::runtime
