// Scratch files of the machine's: nameless, past the cache where that is possible.
#include "runtime/base/PosixBlockFile.h"

#include "runtime/base/DiskInterrupts.h"
#include "runtime/base/SystemError.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <new>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace heter::runtime {

BlockMemory allocateBlocks(size_t bytes) {
  BlockMemory memory(static_cast<char *>(std::aligned_alloc(BlockFile::alignment, bytes)));
  if (!memory)
    throw std::bad_alloc();
  return memory;
}

Status readBlock(int descriptor, BlockFile::Read read, const std::string &name) {
  while (!read.to.empty()) {
    const ssize_t got = ::pread(descriptor, read.to.data(), read.to.size(), static_cast<off_t>(read.offset));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return systemError(errno, "read", name);
    if (got == 0)
      return Status::dataLoss("cannot read `" + name + "`: it ends before byte " +
                              std::to_string(read.offset + read.to.size()));
    read = {read.offset + static_cast<uint64_t>(got), read.to.subspan(static_cast<size_t>(got))};
  }
  return {};
}

namespace {

class PosixBlockFile final : public BlockFile {
public:
  PosixBlockFile(std::string name, int descriptor, std::shared_ptr<BlockReader> reader)
      : name_(std::move(name)), descriptor_(descriptor), reader_(std::move(reader)) {}
  ~PosixBlockFile() override { ::close(descriptor_); }

  Status read(std::span<const Read> reads) override {
    const StaysOnProcessor there(interruptProcessor());
    return reader_->read(descriptor_, reads, name_);
  }

  Status write(uint64_t offset, std::span<const char> bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return systemError(errno, "write", name_);
      bytes = bytes.subspan(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
      if (offset % alignment != 0) // a disk that is nearly full; the rest may not be written past the cache
        ::fcntl(descriptor_, F_SETFL, 0);
    }
    return {};
  }

  const std::string &name() const override { return name_; }

private:
  /// Where the disk tells that reads are done; asked now and then, since the system may have it tell another processor.
  /// -1 if that is nowhere in particular, or what is read comes from the system's cache.
  int interruptProcessor() {
    constexpr uint32_t callsBetween = 4096;
    if (calls_.fetch_add(1, std::memory_order_relaxed) % callsBetween == 0) {
      struct stat file{};
      const bool waits = (::fcntl(descriptor_, F_GETFL) & O_DIRECT) != 0 && ::fstat(descriptor_, &file) == 0;
      interruptProcessor_.store(waits ? interruptProcessorOf(file.st_dev) : -1, std::memory_order_relaxed);
    }
    return interruptProcessor_.load(std::memory_order_relaxed);
  }

  const std::string name_;
  const int descriptor_;
  const std::shared_ptr<BlockReader> reader_;
  std::atomic<uint32_t> calls_ = 0;
  std::atomic<int> interruptProcessor_ = -1;
};

/// An open file that no folder lists; -1 and errno if there is none.
int openNameless(const std::string &folder, const std::string &path, int flags, bool hasNameFirst) {
  const int descriptor = hasNameFirst ? -1 : ::open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC | flags, 0600);
  if (descriptor >= 0 || (!hasNameFirst && errno != EOPNOTSUPP && errno != EISDIR))
    return descriptor;
  std::vector<char> name(path.begin(), path.end());
  for (const char c : {'-', 'X', 'X', 'X', 'X', 'X', 'X', '\0'})
    name.push_back(c);
  const int named = ::mkostemp(name.data(), O_CLOEXEC | flags);
  if (named >= 0)
    ::unlink(name.data());
  return named;
}

/// Whether a block can be written: some file systems only then say that they do not go past the cache.
bool takesBlocks(int descriptor) {
  const BlockMemory block = allocateBlocks(BlockFile::alignment);
  std::fill_n(block.get(), BlockFile::alignment, 0);
  return ::pwrite(descriptor, block.get(), BlockFile::alignment, 0) >= 0 || errno != EINVAL;
}

} // namespace

StatusOr<std::unique_ptr<BlockFile>> createScratchFile(const std::string &folder, const std::string &name,
                                                       const ScratchFileOptions &options,
                                                       std::shared_ptr<BlockReader> reader) {
  const std::string path = folder + "/" + name;
  int descriptor = -1;
  if (options.pastCache) {
    descriptor = openNameless(folder, path, O_DIRECT, options.hasNameFirst);
    if (descriptor >= 0 && !takesBlocks(descriptor)) {
      ::close(descriptor);
      descriptor = -1;
      errno = EINVAL;
    }
  }
  if (!options.pastCache || (descriptor < 0 && errno == EINVAL))
    descriptor = openNameless(folder, path, 0, options.hasNameFirst);
  if (descriptor < 0)
    return systemError(errno, "create", path);
  return std::unique_ptr<BlockFile>(new PosixBlockFile(path, descriptor, std::move(reader)));
}

} // namespace heter::runtime
