// The calls on one link that have no reply yet: their numbers, the credits that hold some of them back, and what
// becomes of a call whose request or reply may have been lost.
//
// Such a call is not simply sent again: it may be a large one on its way to a slow peer. After a pause its number goes
// into a ping, and the peer says whether the call runs there (CallLog::notRunning). A link keeps its order, so what
// does not run when the ping comes was lost, and what was answered before the ping and is still open when the ping's
// reply comes lost its reply. Only such calls are sent again, under the same number, by which the peer knows them.
#ifndef HETER_RUNTIME_RPC_OPENCALLS_H
#define HETER_RUNTIME_RPC_OPENCALLS_H

#include "runtime/base/Scheduler.h"
#include "runtime/rpc/CallNumbers.h"
#include "runtime/rpc/Codec.h"
#include "runtime/rpc/Credits.h"
#include "runtime/rpc/Transport.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace heter::runtime {

/// When the peer is asked about a call: first, and at most. The pause doubles in between, and each is up to half as
/// long again, so that what is sent again does not keep step with what loses it.
inline constexpr Duration firstAsk = std::chrono::milliseconds(500);
inline constexpr Duration longestAsk = std::chrono::milliseconds(1500);

/// A call to be made.
struct Call {
  using Replied = UniqueFunction<void(StatusOr<MessageReader>)>;
  /// Writes a call's arguments. Every call with a number below `answeredBelow` has ended.
  using WriteArguments = std::function<void(apache::thrift::protocol::TProtocol *, int32_t answeredBelow)>;

  std::string method;
  std::string waitingFor; ///< For messages; may be empty.
  WriteArguments write;
  std::shared_ptr<const void> keep; ///< Owns what `write` refers to.
  Duration deadline{};
  Replied done;        ///< Called once, as a task.
  bool awaited = true; ///< Somebody waits for the reply: no ping.

  std::string what() const { return waitingFor.empty() ? method : method + " (" + waitingFor + ")"; }
};

/// Not thread-safe: its lane's lock guards it.
class OpenCalls {
public:
  /// `firstNumber` is that of the first call; tests begin elsewhere than at 1.
  explicit OpenCalls(int64_t firstNumber) : nextNumber_(usableNumber(firstNumber)) {}

  /// Nobody waits for anything.
  bool empty() const { return open_.empty(); }
  /// The first call that somebody waits for; null if there is none.
  const Call *firstAwaited() const;
  /// The first deadline; never, if nothing is open.
  TimePoint nextDeadline() const;
  /// When the peer is to be asked about a call; never, if there is none.
  TimePoint nextAsk() const;

  /// A part of `most` that depends on the time and the calls so far. Pauses have one, so that what is sent at intervals
  /// does not keep step with what loses it.
  Duration jitter(Duration most, TimePoint now) const;

  /// Numbers a call and sends it, or lets it wait for a link, or for credits if somebody waits for its reply. Leaves it
  /// alone if it cannot be encoded.
  Status add(Call &call, TimePoint now);
  void grantCredits(size_t bytes);
  /// From now on calls go out on `link`, first those that wait for one.
  void connect(std::shared_ptr<Link> link, TimePoint now);

  /// Takes an ended call out, which may let others go; nothing if its reply comes too late or twice.
  std::optional<Call> take(int32_t sequence, TimePoint now);
  std::vector<Call> takeExpired(TimePoint now);
  std::vector<Call> takeAll();

  /// The calls that the peer is to be asked about now; each is due again after a longer pause.
  std::vector<int32_t> takeDue(TimePoint now);
  /// Sends those again that are still open.
  void repeat(const std::vector<int32_t> &sequences);

private:
  struct Open {
    Call call;
    FramePtr frame;
    TimePoint deadlineAt{};
    bool admitted = false; ///< Has its credits, or needs none; sent if there is a link.
    TimePoint askAt{};
    Duration askPause = firstAsk;
  };
  using Calls = std::map<int64_t, Open>;

  void send(Open &open, TimePoint now);
  Call take(Calls::iterator ended, TimePoint now);
  void admitWaiting(TimePoint now);
  Calls::iterator find(int32_t sequence) { return open_.find(callNumber(sequence, nextNumber_)); }

  int64_t nextNumber_;
  Calls open_;
  size_t awaited_ = 0; ///< Of the open calls.
  Credits credits_;
  std::deque<int64_t> waiting_; ///< For credits.
  std::shared_ptr<Link> link_;  ///< Null until there is one.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_OPENCALLS_H
