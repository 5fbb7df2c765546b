// Scratch files in memory that fail, lie and forget as disks do.
#ifndef HETER_TESTS_RUNTIME_SUPPORT_MEMORYBLOCKFILE_H
#define HETER_TESTS_RUNTIME_SUPPORT_MEMORYBLOCKFILE_H

#include "runtime/base/BlockFile.h"
#include "runtime/base/ThreadAnnotations.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>

namespace heter::runtime::test {

/// What is to go wrong, with all files that share it. Set before other threads use them; the functions are as
/// thread-safe as they make themselves.
struct BlockFaults {
  uint64_t diskBytes = ~uint64_t{0}; ///< A write beyond them takes what there is room for and fails.
  /// Called before a read or write of `bytes` bytes at `offset`; a failure is the operation's.
  std::function<Status(uint64_t offset, size_t bytes)> onRead, onWrite;
  /// Whether a write that succeeds is to leave no trace.
  std::function<bool(uint64_t offset)> loses;
  /// Whether a write that succeeds is to go elsewhere: where to.
  std::function<uint64_t(uint64_t offset)> misdirects;
  /// Called with what a read has filled.
  std::function<void(uint64_t offset, std::span<char> bytes)> spoils;
};

class MemoryBlockFile final : public BlockFile {
public:
  MemoryBlockFile(std::string name, std::shared_ptr<BlockFaults> faults)
      : name_(std::move(name)), faults_(std::move(faults)) {}

  Status read(std::span<const Read> reads) override {
    for (const Read &read : reads) {
      if (faults_->onRead)
        HETER_RETURN_IF_ERROR(faults_->onRead(read.offset, read.to.size()).withContext("cannot read `" + name_ + "`"));
      MutexLock lock(mutex_);
      if (read.offset + read.to.size() > bytes_.size())
        return Status::dataLoss("cannot read `" + name_ + "`: it ends before byte " +
                                std::to_string(read.offset + read.to.size()));
      std::memcpy(read.to.data(), bytes_.data() + read.offset, read.to.size());
      if (faults_->spoils)
        faults_->spoils(read.offset, read.to);
    }
    return {};
  }

  Status write(uint64_t offset, std::span<const char> bytes) override {
    if (faults_->onWrite)
      HETER_RETURN_IF_ERROR(faults_->onWrite(offset, bytes.size()).withContext("cannot write `" + name_ + "`"));
    if (faults_->loses && faults_->loses(offset))
      return {};
    if (faults_->misdirects)
      offset = faults_->misdirects(offset);
    MutexLock lock(mutex_);
    const uint64_t end = std::min(offset + bytes.size(), faults_->diskBytes);
    if (end > bytes_.size())
      bytes_.resize(end);
    if (end > offset)
      std::memcpy(bytes_.data() + offset, bytes.data(), end - offset);
    return end == offset + bytes.size()
               ? Status()
               : Status::resourceExhausted("cannot write `" + name_ + "`: No space left on device");
  }

  const std::string &name() const override { return name_; }

private:
  const std::string name_;
  const std::shared_ptr<BlockFaults> faults_;
  Mutex mutex_;
  std::string bytes_ HETER_GUARDED_BY(mutex_);
};

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_SUPPORT_MEMORYBLOCKFILE_H
