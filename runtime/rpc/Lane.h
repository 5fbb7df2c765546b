// One link class to one peer: the link, and the calls on it that have no reply yet. A call ends with its reply, at its
// deadline, or with the link, whichever is first.
//
// A watched lane expects that its peer may stop and that messages may be lost. While calls wait it pings; a peer that
// sends nothing for silenceLimit is lost. It repeats what has no reply yet, under the same sequence number, by which
// the peer knows that it is the same call.
#ifndef HETER_RUNTIME_RPC_LANE_H
#define HETER_RUNTIME_RPC_LANE_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/rpc/Codec.h"
#include "runtime/rpc/Credits.h"
#include "runtime/rpc/Transport.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace heter::runtime {

inline constexpr Duration pingPeriod = std::chrono::seconds(1);
/// A peer that was not heard of for so long is lost: one that stopped, or that was cut off.
inline constexpr Duration silenceLimit = std::chrono::seconds(6);
/// How long a connection is tried for.
inline constexpr Duration dialPatience = std::chrono::seconds(6);
/// When a call is repeated: first, and at most. The pause doubles in between, and each is up to half as long again, so
/// that repetitions do not keep step with what loses them.
inline constexpr Duration firstRepeat = std::chrono::milliseconds(500);
inline constexpr Duration longestRepeat = std::chrono::milliseconds(1500);

struct LaneOptions {
  bool watch = false; ///< Ping and repeat; for peers in other processes.
  Duration patience = dialPatience;
  /// Called once, inside a task, if the lane ends by itself while calls wait: with why, and what the first waits for.
  std::function<void(const Status &)> lost = nullptr;
};

/// Thread-safe. `transport` and `scheduler` outlive it.
class Lane final : public LinkListener, public std::enable_shared_from_this<Lane> {
public:
  using Replied = UniqueFunction<void(StatusOr<MessageReader>)>;
  /// Writes a call's arguments. Every call with a sequence number below `answeredBelow` has ended.
  using WriteCall = std::function<void(apache::thrift::protocol::TProtocol *, int32_t answeredBelow)>;

  struct Call {
    std::string method;
    std::string waitingFor; ///< For messages; may be empty.
    WriteCall write;
    std::shared_ptr<const void> keep; ///< Owns what `write` refers to.
    Duration deadline;
    Replied done; ///< Called once, as a task.
  };

  /// `name` is the peer for messages.
  Lane(Transport &transport, Scheduler &scheduler, std::string address, std::string name, LaneOptions options)
      : transport_(transport), scheduler_(scheduler), address_(std::move(address)), name_(std::move(name)),
        options_(std::move(options)) {}

  /// Dials first if there is no link. Calls wait in order for credits.
  void start(Call call);
  void grantCredits(size_t bytes);
  void close(const Status &why);

  void frameArrived(IncomingFrame frame) override;
  void linkClosed(Status why) override;

private:
  struct Pending {
    std::string method;
    std::string waitingFor;
    FramePtr frame;
    TimePoint deadlineAt{};
    Duration deadline{};
    Replied done; ///< Null: our own ping.
    bool admitted = false;
    TimePoint repeatAt{};
    Duration repeatPause = firstRepeat;

    std::string what() const { return waitingFor.empty() ? method : method + " (" + waitingFor + ")"; }
  };
  using PendingCalls = std::map<int32_t, Pending>;

  std::string peer() const { return name_ + " at " + address_; }
  void failLater(Status status, Replied done);
  void breakOff(const Status &malformed);

  /// Gives the call a sequence number and sends it, or lets it wait for credits.
  Status add(Call &call) HETER_REQUIRES(mutex_);
  void sendNow(Pending &call) HETER_REQUIRES(mutex_);
  /// Takes an ended call out, which may let others go.
  Pending take(PendingCalls::iterator call) HETER_REQUIRES(mutex_);

  void dial(Duration pause);
  void dialed(StatusOr<std::shared_ptr<Link>> link, Duration pause);

  /// The lane's only timer: deadlines, repeats, pings, silence.
  void wakeAt(TimePoint when) HETER_REQUIRES(mutex_);
  void wake();
  TimePoint nextDue() const HETER_REQUIRES(mutex_);
  std::vector<Pending> takeExpired(TimePoint now) HETER_REQUIRES(mutex_);
  Status checkPeer(TimePoint now) const HETER_REQUIRES(mutex_);
  void repeatAndPing(TimePoint now) HETER_REQUIRES(mutex_);

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
  int32_t lastSequence_ HETER_GUARDED_BY(mutex_) = 0;
  PendingCalls pending_ HETER_GUARDED_BY(mutex_);
  Credits credits_ HETER_GUARDED_BY(mutex_);
  std::deque<int32_t> waiting_ HETER_GUARDED_BY(mutex_); ///< For credits.
  uint64_t timer_ HETER_GUARDED_BY(mutex_) = 0;
  TimePoint timerAt_ HETER_GUARDED_BY(mutex_){};
  TimePoint lastHeard_ HETER_GUARDED_BY(mutex_){};
  TimePoint nextPing_ HETER_GUARDED_BY(mutex_){};
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_LANE_H
