// Reads by io_uring. Each thread has a ring of its own, from its first call to its end: the kernel then finishes reads
// when the thread asks for them, and the disk's interrupts need not wake it for each.
#include "runtime/base/BlockReader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <liburing.h>

namespace heter::runtime {
namespace {

constexpr unsigned depth = 64; ///< Reads that one call has under way.

class Ring {
public:
  /// Null if the kernel gives none.
  static std::unique_ptr<Ring> make() {
    std::unique_ptr<Ring> ring(new Ring);
    // Older kernels do not know the flags.
    ring->made_ =
        ::io_uring_queue_init(depth, &ring->ring_, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) == 0 ||
        ::io_uring_queue_init(depth, &ring->ring_, IORING_SETUP_COOP_TASKRUN) == 0 ||
        ::io_uring_queue_init(depth, &ring->ring_, 0) == 0;
    return ring->made_ ? std::move(ring) : nullptr;
  }
  ~Ring() {
    if (made_)
      ::io_uring_queue_exit(&ring_);
  }
  Ring(const Ring &) = delete;
  Ring &operator=(const Ring &) = delete;

  Status read(int descriptor, std::span<const BlockFile::Read> reads, const std::string &name);
  /// Whether it can be used again.
  bool isGood() const { return good_; }

private:
  Ring() = default;
  /// Queues reads while there is room.
  void queue(int descriptor, std::span<const BlockFile::Read> reads);
  /// Has the kernel begin with what is queued and waits: for all that is under way, or half of it if more is to come.
  void submit(size_t reads);
  /// The reads that are done; what one of them lacks is read here, which also tells why.
  Status finish(int descriptor, std::span<const BlockFile::Read> reads, const std::string &name);

  io_uring ring_{};
  bool made_ = false;
  bool good_ = true;
  size_t queued_ = 0;    ///< Of this call's reads, the first that are not queued yet.
  size_t submitted_ = 0; ///< Reads that the kernel knows, and those of them that are done.
  size_t done_ = 0;
};

void Ring::queue(int descriptor, std::span<const BlockFile::Read> reads) {
  for (; queued_ < reads.size() && queued_ - done_ < depth; ++queued_) {
    io_uring_sqe *entry = ::io_uring_get_sqe(&ring_);
    if (!entry)
      return;
    const BlockFile::Read &read = reads[queued_];
    ::io_uring_prep_read(entry, descriptor, read.to.data(), static_cast<unsigned>(read.to.size()), read.offset);
    ::io_uring_sqe_set_data64(entry, queued_);
  }
}

void Ring::submit(size_t reads) {
  const size_t underWay = queued_ - done_;
  const int result =
      ::io_uring_submit_and_wait(&ring_, static_cast<unsigned>(queued_ == reads ? underWay : (underWay + 1) / 2));
  if (result >= 0)
    submitted_ += static_cast<size_t>(result);
  else if (result != -EINTR)
    good_ = false;
}

Status Ring::finish(int descriptor, std::span<const BlockFile::Read> reads, const std::string &name) {
  std::array<io_uring_cqe *, depth> entries;
  const unsigned count = ::io_uring_peek_batch_cqe(&ring_, entries.data(), depth);
  Status status;
  for (unsigned i = 0; i < count; ++i) {
    const BlockFile::Read &read = reads[::io_uring_cqe_get_data64(entries[i])];
    const size_t got = entries[i]->res > 0 ? static_cast<size_t>(entries[i]->res) : 0;
    if (got < read.to.size() && status.ok())
      status = readBlock(descriptor, {read.offset + got, read.to.subspan(got)}, name);
  }
  ::io_uring_cq_advance(&ring_, count);
  done_ += count;
  return status;
}

Status Ring::read(int descriptor, std::span<const BlockFile::Read> reads, const std::string &name) {
  queued_ = submitted_ = done_ = 0;
  Status status;
  while (good_ && status.ok() && done_ < reads.size()) {
    queue(descriptor, reads);
    submit(reads.size());
    status = finish(descriptor, reads, name);
  }
  // None may still write to the caller's memory when this returns.
  while (done_ < submitted_) {
    io_uring_cqe *entry = nullptr;
    ::io_uring_wait_cqe(&ring_, &entry);
    const Status late = finish(descriptor, reads, name);
    if (status.ok())
      status = late;
  }
  good_ = good_ && submitted_ == queued_;
  if (!status.ok() || done_ == reads.size())
    return status;
  for (const BlockFile::Read &read : reads) // the kernel would not go on with the queue
    HETER_RETURN_IF_ERROR(readBlock(descriptor, read, name));
  return {};
}

/// Of this thread; null until it first reads, and if the kernel gives none (too many open files, say).
std::unique_ptr<Ring> &ringOfThread() {
  thread_local std::unique_ptr<Ring> ring;
  return ring;
}

class QueuedReader final : public BlockReader {
public:
  Status read(int descriptor, std::span<const BlockFile::Read> reads, const std::string &name) override {
    if (reads.size() == 1)
      return readBlock(descriptor, reads[0], name);
    std::unique_ptr<Ring> &ring = ringOfThread();
    if (!ring)
      ring = Ring::make();
    if (!ring) {
      for (const BlockFile::Read &read : reads)
        HETER_RETURN_IF_ERROR(readBlock(descriptor, read, name));
      return {};
    }
    const Status status = ring->read(descriptor, reads, name);
    if (!ring->isGood())
      ring.reset();
    return status;
  }
};

} // namespace

std::unique_ptr<BlockReader> makeQueuedReader() { return Ring::make() ? std::make_unique<QueuedReader>() : nullptr; }

} // namespace heter::runtime
