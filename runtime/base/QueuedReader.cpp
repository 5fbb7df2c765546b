// Reads by io_uring. Each call has a ring of its own while it lasts; idle rings are kept.
#include "runtime/base/BlockReader.h"

#include "runtime/base/ThreadAnnotations.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <liburing.h>
#include <vector>

namespace heter::runtime {
namespace {

constexpr unsigned depth = 64; ///< Reads that one call has under way.

class Ring {
public:
  /// Null if the kernel gives none.
  static std::unique_ptr<Ring> make() {
    std::unique_ptr<Ring> ring(new Ring);
    // Older kernels do not know the flag, which spares interrupts.
    ring->made_ = ::io_uring_queue_init(depth, &ring->ring_, IORING_SETUP_COOP_TASKRUN) == 0 ||
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
  /// Has the kernel begin with what is queued and waits for a read that is done.
  void submit();
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

void Ring::submit() {
  const int result = ::io_uring_submit_and_wait(&ring_, 1);
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
    submit();
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

class QueuedReader final : public BlockReader {
public:
  explicit QueuedReader(std::unique_ptr<Ring> first) { idle_.push_back(std::move(first)); }

  Status read(int descriptor, std::span<const BlockFile::Read> reads, const std::string &name) override {
    if (reads.size() == 1)
      return readBlock(descriptor, reads[0], name);
    std::unique_ptr<Ring> ring = take();
    if (!ring) { // too many open files, say
      for (const BlockFile::Read &read : reads)
        HETER_RETURN_IF_ERROR(readBlock(descriptor, read, name));
      return {};
    }
    const Status status = ring->read(descriptor, reads, name);
    if (ring->isGood()) {
      MutexLock lock(mutex_);
      idle_.push_back(std::move(ring));
    }
    return status;
  }

private:
  std::unique_ptr<Ring> take() {
    {
      MutexLock lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Ring> ring = std::move(idle_.back());
        idle_.pop_back();
        return ring;
      }
    }
    return Ring::make();
  }

  Mutex mutex_;
  std::vector<std::unique_ptr<Ring>> idle_ HETER_GUARDED_BY(mutex_);
};

} // namespace

std::unique_ptr<BlockReader> makeQueuedReader() {
  std::unique_ptr<Ring> ring = Ring::make();
  return ring ? std::make_unique<QueuedReader>(std::move(ring)) : nullptr;
}

} // namespace heter::runtime
