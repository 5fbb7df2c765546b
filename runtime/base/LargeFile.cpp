// Direct I/O in pieces that one thread fills or empties and another writes or reads.
#include "runtime/base/LargeFile.h"

#include "runtime/base/PageMapping.h"
#include "runtime/base/SystemError.h"
#include "runtime/base/ThreadAnnotations.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace heter::runtime {
namespace {

constexpr size_t pieceBytes = size_t{4} << 20;
constexpr size_t pieceCount = 4;
constexpr size_t alignment = BlockFile::alignment;

/// Memory of one piece. A device takes what lies together in memory as one request, so files go through pieces of huge
/// pages about twice as fast as through ordinary ones.
class Piece {
public:
  /// Forgets what is in it.
  void useHugePages() {
    used = 0;
    if (std::exchange(isHuge_, true))
      return;
    memory_.ask(PageMapping::Pages::Huge);
    memory_.clear(); // pages that are there would stay ordinary
  }

private:
  PageMapping memory_{pieceBytes, PageMapping::Pages::Ordinary};
  bool isHuge_ = false;

public:
  char *const bytes = memory_.begin();
  size_t used = 0;
};
using PiecePtr = std::unique_ptr<Piece>;

/// Hands pieces from one thread to another. Thread-safe.
class PieceQueue {
public:
  /// Adds those of a file. The first is of ordinary pages until it is used again: a short file takes no huge one.
  void putAll() {
    for (size_t i = 0; i < pieceCount; ++i) {
      auto piece = std::make_unique<Piece>();
      if (i > 0)
        piece->useHugePages();
      put(std::move(piece));
    }
  }
  /// Puts one to be used again.
  void giveBack(PiecePtr piece) {
    piece->useHugePages();
    put(std::move(piece));
  }
  void put(PiecePtr piece) HETER_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    pieces_.push_back(std::move(piece));
    changed_.notifyAll();
  }
  /// Null once the queue is closed and empty.
  PiecePtr take() HETER_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (pieces_.empty() && !closed_)
      changed_.wait(mutex_);
    if (pieces_.empty())
      return nullptr;
    PiecePtr piece = std::move(pieces_.front());
    pieces_.pop_front();
    return piece;
  }
  void close() HETER_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    closed_ = true;
    changed_.notifyAll();
  }

private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<PiecePtr> pieces_ HETER_GUARDED_BY(mutex_);
  bool closed_ HETER_GUARDED_BY(mutex_) = false;
};

/// Retries what a signal interrupted and goes on after short writes; gives errno, 0 if all is written.
int writeAll(int descriptor, const char *bytes, size_t count) {
  while (count > 0) {
    const ssize_t written = ::write(descriptor, bytes, count);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return errno;
    bytes += written;
    count -= static_cast<size_t>(written);
    if (written % static_cast<ssize_t>(alignment) != 0 && count > 0)
      ::fcntl(descriptor, F_SETFL, 0); // the rest lies at no place where direct I/O may begin
  }
  return 0;
}

class LargeOutput final : public OutputFile {
public:
  LargeOutput(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {
    free_.putAll();
    writer_ = std::thread([this] { writePieces(); });
  }
  ~LargeOutput() override {
    endWriter();
    if (descriptor_ >= 0)
      ::close(descriptor_);
  }

  Status append(std::span<const char> bytes) override {
    while (!bytes.empty()) {
      if (!piece_)
        piece_ = free_.take();
      const size_t count = std::min(bytes.size(), pieceBytes - piece_->used);
      std::memcpy(piece_->bytes + piece_->used, bytes.data(), count);
      piece_->used += count;
      bytes = bytes.subspan(count);
      if (piece_->used == pieceBytes) {
        full_.put(std::move(piece_));
        HETER_RETURN_IF_ERROR(status());
      }
    }
    return {};
  }

  Status sync() override {
    endWriter();
    HETER_RETURN_IF_ERROR(status());
    if (piece_) {
      ::fcntl(descriptor_, F_SETFL, 0); // no more whole pieces: the last bytes go through the cache
      if (const int error = writeAll(descriptor_, piece_->bytes, piece_->used))
        return systemError(error, "write", path_);
      piece_ = nullptr;
    }
    return ::fsync(descriptor_) == 0 ? Status() : systemError(errno, "sync", path_);
  }

  Status close() override {
    HETER_RETURN_IF_ERROR(piece_ || writer_.joinable() ? sync() : Status());
    const int descriptor = std::exchange(descriptor_, -1);
    return descriptor < 0 || ::close(descriptor) == 0 || errno == EINTR ? Status() : systemError(errno, "close", path_);
  }

private:
  void writePieces() {
    while (PiecePtr piece = full_.take()) {
      if (status().ok())
        if (const int error = writeAll(descriptor_, piece->bytes, piece->used)) {
          MutexLock lock(mutex_);
          status_ = systemError(error, "write", path_);
        }
      free_.giveBack(std::move(piece));
    }
  }
  void endWriter() {
    full_.close();
    if (writer_.joinable())
      writer_.join();
  }
  Status status() {
    MutexLock lock(mutex_);
    return status_;
  }

  const std::string path_;
  int descriptor_;
  PiecePtr piece_; ///< That is being filled.
  PieceQueue free_, full_;
  Mutex mutex_;
  Status status_ HETER_GUARDED_BY(mutex_);
  std::thread writer_;
};

class LargeInput final : public InputFile {
public:
  LargeInput(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {
    free_.putAll();
    reader_ = std::thread([this] { readPieces(); });
  }
  ~LargeInput() override {
    free_.close();
    stop_ = true;
    reader_.join();
    ::close(descriptor_);
  }

  StatusOr<size_t> read(std::span<char> buffer) override {
    if (piece_ && at_ == piece_->used)
      free_.giveBack(std::move(piece_));
    if (!piece_) {
      piece_ = full_.take();
      at_ = 0;
    }
    if (!piece_) { // the end, or an error
      MutexLock lock(mutex_);
      return status_.ok() ? StatusOr<size_t>(size_t{0}) : StatusOr<size_t>(status_);
    }
    const size_t count = std::min(buffer.size(), piece_->used - at_);
    std::memcpy(buffer.data(), piece_->bytes + at_, count);
    at_ += count;
    return count;
  }

private:
  void readPieces() {
    while (!stop_) {
      PiecePtr piece = free_.take();
      if (!piece)
        break;
      const ssize_t got = ::read(descriptor_, piece->bytes, pieceBytes);
      if (got < 0 && errno == EINTR) {
        free_.put(std::move(piece));
        continue;
      }
      if (got < 0) {
        MutexLock lock(mutex_);
        status_ = systemError(errno, "read", path_);
      }
      if (got <= 0)
        break;
      piece->used = static_cast<size_t>(got);
      full_.put(std::move(piece));
      if (got % static_cast<ssize_t>(alignment) != 0)
        ::fcntl(descriptor_, F_SETFL, 0); // near the end
    }
    full_.close();
  }

  const std::string path_;
  const int descriptor_;
  PiecePtr piece_; ///< That is being read.
  size_t at_ = 0;
  PieceQueue free_, full_;
  std::atomic<bool> stop_{false};
  Mutex mutex_;
  Status status_ HETER_GUARDED_BY(mutex_);
  std::thread reader_;
};

} // namespace

std::unique_ptr<OutputFile> openLargeForWrite(const std::string &path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_DIRECT, 0666);
  return descriptor < 0 ? nullptr : std::make_unique<LargeOutput>(path, descriptor);
}

std::unique_ptr<InputFile> openLargeForRead(const std::string &path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
  return descriptor < 0 ? nullptr : std::make_unique<LargeInput>(path, descriptor);
}

} // namespace heter::runtime
