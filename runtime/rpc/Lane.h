// One link class to one peer: the life of the link that its calls go over. A call ends with its reply, at its deadline,
// or with the link, whichever is first.
//
// A watched lane expects that its peer may stop and that messages may be lost. While calls wait it pings each second; a
// peer from which nothing comes for silenceLimit is lost, where any bytes count, those of a frame that is still on its
// way, too. Pings also ask about the calls whose replies are long in coming (OpenCalls.h).
#ifndef HETER_RUNTIME_RPC_LANE_H
#define HETER_RUNTIME_RPC_LANE_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/rpc/Codec.h"
#include "runtime/rpc/OpenCalls.h"
#include "runtime/rpc/Transport.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace heter::runtime {

/// The longest time between pings.
inline constexpr Duration pingPeriod = std::chrono::seconds(1);
/// A peer that was not heard of for so long is lost: one that stopped, or that was cut off.
inline constexpr Duration silenceLimit = std::chrono::seconds(6);
/// How long a connection is tried for.
inline constexpr Duration dialPatience = std::chrono::seconds(6);

struct LaneOptions {
  bool watch = false; ///< Ping and ask; for peers in other processes.
  Duration patience = dialPatience;
  Duration silence = silenceLimit;
  int64_t firstCall = 1; ///< The number of its first call.
  /// Called once, inside a task, if the lane ends by itself while calls wait: with why, and what the first waits for.
  std::function<void(const Status &)> lost = nullptr;
};

/// Thread-safe. `transport` and `scheduler` outlive it.
class Lane final : public LinkListener, public std::enable_shared_from_this<Lane> {
public:
  /// `name` is the peer for messages.
  Lane(Transport &transport, Scheduler &scheduler, std::string address, std::string name, LaneOptions options)
      : transport_(transport), scheduler_(scheduler), address_(std::move(address)), name_(std::move(name)),
        options_(std::move(options)), calls_(options_.firstCall) {}

  /// Dials first if there is no link. Calls wait in order for credits.
  void start(Call call);
  void grantCredits(size_t bytes);
  void close(const Status &why);

  void frameArrived(IncomingFrame frame) override;
  void linkClosed(Status why) override;

private:
  std::string peer() const { return name_ + " at " + address_; }
  void failLater(Status status, Call::Replied done);
  void breakOff(const Status &malformed);

  Status add(Call &call) HETER_REQUIRES(mutex_);

  void dial(Duration pause);
  void dialed(StatusOr<std::shared_ptr<Link>> link, Duration pause);

  /// The lane's only timer: deadlines, pings, silence.
  void wakeAt(TimePoint when) HETER_REQUIRES(mutex_);
  void wake();
  TimePoint nextDue() const HETER_REQUIRES(mutex_);
  TimePoint lastHeard() const HETER_REQUIRES(mutex_);
  Status checkPeer(TimePoint now) const HETER_REQUIRES(mutex_);
  void pingIfDue(TimePoint now) HETER_REQUIRES(mutex_);
  void pinged(StatusOr<MessageReader> reply);

  /// Ends the lane if it has not ended; then fails every call, with what it waited for.
  void end(const Status &why);
  void endByItself(const Status &why);

  Transport &transport_;
  Scheduler &scheduler_;
  const std::string address_;
  const std::string name_;
  const LaneOptions options_;

  Mutex mutex_;
  bool dialing_ HETER_GUARDED_BY(mutex_) = false;
  TimePoint giveUpAt_ HETER_GUARDED_BY(mutex_){};
  Status ended_ HETER_GUARDED_BY(mutex_); ///< Not ok: no call can be made any more.
  std::shared_ptr<Link> link_ HETER_GUARDED_BY(mutex_);
  OpenCalls calls_ HETER_GUARDED_BY(mutex_);
  uint64_t timer_ HETER_GUARDED_BY(mutex_) = 0;
  TimePoint timerAt_ HETER_GUARDED_BY(mutex_){};
  TimePoint lastHeard_ HETER_GUARDED_BY(mutex_){}; ///< By whole frames.
  TimePoint nextPing_ HETER_GUARDED_BY(mutex_){};
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_LANE_H
