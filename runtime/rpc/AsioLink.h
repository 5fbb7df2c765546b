// A connected socket as a Link: frames with their length before them, read and written by the I/O thread.
#ifndef HETER_RUNTIME_RPC_ASIOLINK_H
#define HETER_RUNTIME_RPC_ASIOLINK_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/rpc/Delivery.h"

#include <boost/asio.hpp>

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace heter::runtime {

/// What all links of a transport have moved, lengths included.
struct WireCounters {
  std::atomic<int64_t> bytesSent{0}, bytesReceived{0}, framesSent{0}, framesReceived{0};
};

/// A connected socket. Link's methods may be called by any thread, the others by the I/O thread only, as are all
/// members without a note. What reads and writes holds the link until it is closed or broken.
class AsioLink final : public Link, public std::enable_shared_from_this<AsioLink> {
public:
  using Error = boost::system::error_code;
  using Socket = boost::asio::ip::tcp::socket;

  /// `scheduler` outlives the I/O thread. `remote` is how the other end is called in messages; frames over `frameLimit`
  /// bytes are neither sent nor taken, and end the link.
  AsioLink(Scheduler &scheduler, std::shared_ptr<boost::asio::io_context> io, Socket socket, std::string remote,
           std::shared_ptr<WireCounters> counters, size_t frameLimit);

  /// Begins to read; frames and the end go to `delivery`. REQUIRES: called once, before all else.
  void start(std::shared_ptr<Delivery> delivery);

  void send(FramePtr frame) override;
  void close(Status why) override;
  TimePoint lastActive() const override { return lastActive_; }
  std::string remoteAddress() const override { return remote_; }

private:
  static constexpr size_t lengthBytes = 4;
  using Length = std::array<unsigned char, lengthBytes>;

  struct Batch;

  auto whileMoving(size_t size);
  void readLength();
  void readFrame(size_t size);
  void malformed(size_t size);
  void broken(Error error);
  void writeSome();
  static void gather(Batch &batch);
  void beginClose(const Status &why);
  void hangUp();
  void finish(const Status &why);

  Scheduler &scheduler_;
  const std::shared_ptr<boost::asio::io_context> io_; ///< Before the socket, which must not outlive it.
  Socket socket_;
  boost::asio::steady_timer timer_;
  const std::string remote_;
  const std::shared_ptr<WireCounters> counters_;
  const size_t frameLimit_;
  std::shared_ptr<Delivery> delivery_;
  Length length_{};
  bool closing_ = false;
  std::atomic<bool> ended_{false}; ///< Set by the I/O thread.
  std::atomic<TimePoint> lastActive_{TimePoint::min()};
  Mutex mutex_;
  std::deque<FramePtr> queue_ HETER_GUARDED_BY(mutex_);
  bool writing_ HETER_GUARDED_BY(mutex_) = false;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_ASIOLINK_H
