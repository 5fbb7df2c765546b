// The transport seam: two-way links that carry whole frames between roles. Everything above it (calls, replies,
// deadlines) is the same over TCP (AsioTransport.h) and inside one process (MemoryTransport.h), and the frames are the
// same bytes on both.
#ifndef HETER_RUNTIME_RPC_TRANSPORT_H
#define HETER_RUNTIME_RPC_TRANSPORT_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/Status.h"
#include "runtime/base/UniqueFunction.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace heter::runtime {

/// The largest frame that is sent or accepted. Larger ones fail with an error that says so.
inline constexpr size_t defaultFrameLimit = size_t{1} << 30;
/// Pieces of a message of at least this size are written from where they lie; smaller ones are copied together.
inline constexpr size_t gatherThreshold = 4096;

/// An encoded message: small pieces copied into `text`, large ones referenced.
struct OutgoingFrame {
  struct Piece {
    const char *data; ///< Null: a range of `text` that begins at `offset`.
    size_t offset;
    size_t size;
  };
  std::string text;
  std::vector<Piece> pieces;
  size_t size = 0;
  /// Owns the memory that pieces refer to, until the frame is written.
  std::shared_ptr<const void> keep{};

  const char *at(const Piece &piece) const { return piece.data ? piece.data : text.data() + piece.offset; }
};

/// Shared, because a frame may be sent more than once.
using FramePtr = std::shared_ptr<const OutgoingFrame>;

/// A frame that arrived. Cheap to copy; the bytes live as long as any copy.
struct IncomingFrame {
  std::shared_ptr<const char[]> bytes;
  size_t size = 0;
  Duration waited{}; ///< From its arrival until a task took it up.
};

/// Receives what happens on one link. Called on scheduler tasks, possibly several frames at once and in any order.
class LinkListener {
public:
  virtual ~LinkListener() = default;
  virtual void frameArrived(IncomingFrame frame) = 0;
  /// The link is gone; called once, after every `frameArrived` has returned.
  virtual void linkClosed(Status why) = 0;
};

/// One two-way link. Thread-safe. Frames sent after `close` are dropped.
class Link {
public:
  virtual ~Link() = default;
  virtual void send(FramePtr frame) = 0;
  /// Closes once what was sent before has left. Both ends get `linkClosed`, this one with `why`.
  virtual void close(Status why) = 0;
  /// When the other end last showed life in the midst of a frame: bytes of one came, or it made room for more of one
  /// that is too large to leave at once. Whole frames are told to the listener.
  virtual TimePoint lastActive() const { return TimePoint::min(); }
  /// Where the other end is, for messages, e.g. "127.0.0.1:40112".
  virtual std::string remoteAddress() const = 0;
};

struct WireCounts {
  int64_t bytesSent = 0; ///< Frames with their 4-byte lengths.
  int64_t bytesReceived = 0;
  int64_t framesSent = 0;
  int64_t framesReceived = 0;
};

/// Makes links. Thread-safe. One a role.
class Transport {
public:
  /// Makes the listener of an accepted link.
  using Acceptor = std::function<std::shared_ptr<LinkListener>(std::shared_ptr<Link>)>;
  using Dialed = UniqueFunction<void(StatusOr<std::shared_ptr<Link>>)>;

  /// `shutdown` happens here if it did not before.
  virtual ~Transport() = default;
  /// Listens; returns the address to dial, with the port that was chosen if `address` ends in ":0".
  virtual StatusOr<std::string> listen(const std::string &address, Acceptor acceptor) = 0;
  /// Tries once to connect; `done` runs as a scheduler task.
  virtual void dial(const std::string &address, std::shared_ptr<LinkListener> listener, Dialed done) = 0;
  /// Stops listening and closes every link after what was sent has left (for at most a second).
  virtual void shutdown() = 0;
  virtual WireCounts counts() const = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_TRANSPORT_H
