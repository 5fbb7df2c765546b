// Appends fill segments in memory, and a background task, or the appender when too many wait, writes them. Reads copy
// what is in memory under the lock and read the other blocks without it.
#include "runtime/table/SlotFile.h"

#include "runtime/base/Hash.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace heter::runtime {
namespace {
constexpr uint32_t blocksAtOnce = 256;  ///< That one call reads: more than any disk has under way.
constexpr uint32_t blocksTogether = 64; ///< Neighbours that are one read.
constexpr size_t mostIdleReads = 4;     ///< Memory for calls' blocks that is kept.

size_t mostUnwritten(const SlotFileOptions &options) { return options.background ? 4 : 1; }
} // namespace

/// Background tasks come by it to the file, which may be gone.
struct SlotFile::Life {
  Mutex mutex;
  SlotFile *file HETER_GUARDED_BY(mutex) = nullptr;
};

/// A block on disk that some slot is wanted of.
struct SlotFile::WantedBlock {
  uint32_t block;
  uint32_t generation;
  uint32_t read; ///< Its number.
};

StatusOr<std::unique_ptr<SlotFile>> SlotFile::create(FileSystem &files, SlotFileOptions options) {
  HETER_RETURN_IF_ERROR(files.createDirectories(options.folder));
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<BlockFile> file, files.createScratchFile(options.folder, options.name));
  return std::unique_ptr<SlotFile>(new SlotFile(std::move(file), std::move(options)));
}

SlotFile::SlotFile(std::unique_ptr<BlockFile> file, SlotFileOptions options)
    : options_(std::move(options)), layout_(options_.slotBytes, options_.segmentBytes), file_(std::move(file)),
      seed_(hashBytes(file_->name(), reinterpret_cast<uintptr_t>(this))), life_(std::make_shared<Life>()),
      segments_(layout_, options_.mostSlots) {
  MutexLock lock(life_->mutex);
  life_->file = this;
}

SlotFile::~SlotFile() {
  MutexLock lock(life_->mutex);
  life_->file = nullptr;
}

StatusOr<uint32_t> SlotFile::append(std::span<const char> row) {
  assert(row.size() == layout_.slotBytes);
  uint32_t slot = 0;
  {
    MutexLock lock(mutex_);
    HETER_RETURN_IF_ERROR(status_);
    if (!segments_.isOpen())
      HETER_RETURN_IF_ERROR(makeRoom());
    slot = segments_.add(row);
    if (segments_.isOpen() || !options_.background)
      return slot;
  }
  options_.background([life = life_] {
    MutexLock lock(life->mutex);
    if (life->file)
      life->file->writeInBackground();
  });
  return slot;
}

Status SlotFile::makeRoom() {
  while (!segments_.isOpen()) {
    if (segments_.unwritten() < mostUnwritten(options_)) {
      if (!segments_.open())
        return Status::resourceExhausted("`" + name() + "` is full: it holds " + std::to_string(options_.mostSlots) +
                                         " rows; use more servers");
    } else if (segments_.hasWaiting()) {
      writeNext();
    } else {
      wrote_.wait(mutex_);
    }
    HETER_RETURN_IF_ERROR(status_);
  }
  return {};
}

void SlotFile::writeNext() {
  const std::optional<SlotSegments::ToWrite> next = segments_.nextToWrite();
  if (!next)
    return;
  mutex_.unlock();
  for (uint32_t block = 0; block < layout_.blocksPerSegment; ++block)
    sealBlock(layout_, next->bytes + block * layout_.blockBytes, next->segment * layout_.blocksPerSegment + block,
              next->generation, seed_);
  const uint64_t offset = uint64_t{next->segment} * layout_.segmentBytes();
  const Status status = file_->write(offset, {next->bytes, layout_.segmentBytes()});
  mutex_.lock();
  segments_.written(next->segment, status.ok());
  if (status.ok()) {
    bytesWritten_ += static_cast<int64_t>(layout_.segmentBytes());
    bytesOnDisk_ = std::max(bytesOnDisk_, static_cast<int64_t>(offset + layout_.segmentBytes()));
  } else if (status_.ok()) {
    status_ = Status(status.code(), status.message() + "; rows that the table's memory has no room for lie there: make "
                                                       "room, name another folder, or give the table more memory");
  }
  wrote_.notifyAll();
}

void SlotFile::writeInBackground() {
  MutexLock lock(mutex_);
  if (status_.ok())
    writeNext();
}

void SlotFile::free(uint32_t slot) {
  MutexLock lock(mutex_);
  segments_.free(slot);
  wrote_.notifyAll(); // fewer may be waiting to be written
}

void SlotFile::settle(uint32_t slot) {
  MutexLock lock(mutex_);
  segments_.settle(slot);
}

void SlotFile::settleInstead(uint32_t from, uint32_t to) {
  MutexLock lock(mutex_);
  segments_.settle(to);
  segments_.free(from);
  wrote_.notifyAll();
}

SlotSet SlotFile::settledSlots() const {
  MutexLock lock(mutex_);
  return segments_.settled();
}

SlotFile::Pin SlotFile::pin() const {
  MutexLock lock(mutex_);
  return Pin(*this, segments_.pin());
}

void SlotFile::unpin(uint64_t epoch) const {
  MutexLock lock(mutex_);
  segments_.unpin(epoch);
}

Status SlotFile::read(std::span<const Read> reads) const {
  std::vector<WantedBlock> wanted;
  {
    MutexLock lock(mutex_);
    for (uint32_t i = 0; i < reads.size(); ++i) {
      const uint32_t slot = reads[i].slot;
      if (const char *row = segments_.inMemory(slot))
        std::memcpy(reads[i].to, row, layout_.slotBytes);
      else
        wanted.push_back({blockOf(slot), segments_.generationOf(segmentOf(slot)), i});
    }
  }
  rowsRead_.fetch_add(static_cast<int64_t>(reads.size()), std::memory_order_relaxed);
  std::sort(wanted.begin(), wanted.end(), [](const WantedBlock &a, const WantedBlock &b) { return a.block < b.block; });
  if (wanted.empty())
    return {};
  BlockMemory memory = takeReadMemory();
  Status status;
  for (size_t begin = 0; begin < wanted.size() && status.ok();) {
    size_t end = begin;
    for (uint32_t blocks = 0; end < wanted.size(); ++end)
      if ((end == begin || wanted[end].block != wanted[end - 1].block) && ++blocks > blocksAtOnce)
        break;
    status = readBlocks(std::span(wanted).subspan(begin, end - begin), reads, memory.get());
    begin = end;
  }
  giveBack(std::move(memory));
  return status;
}

BlockMemory SlotFile::takeReadMemory() const {
  MutexLock lock(mutex_);
  if (idleReads_.empty())
    return allocateBlocks(blocksAtOnce * layout_.blockBytes);
  BlockMemory memory = std::move(idleReads_.back());
  idleReads_.pop_back();
  return memory;
}

void SlotFile::giveBack(BlockMemory memory) const {
  MutexLock lock(mutex_);
  if (idleReads_.size() < mostIdleReads)
    idleReads_.push_back(std::move(memory));
}

Status SlotFile::readBlocks(std::span<const WantedBlock> wanted, std::span<const Read> reads, char *memory) const {
  std::vector<BlockFile::Read> parts;
  char *end = memory;
  const auto isRepeated = [&](size_t i) { return i > 0 && wanted[i].block == wanted[i - 1].block; };
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (isRepeated(i))
      continue;
    if (i > 0 && wanted[i].block == wanted[i - 1].block + 1 &&
        parts.back().to.size() < blocksTogether * layout_.blockBytes)
      parts.back().to = {parts.back().to.data(), parts.back().to.size() + layout_.blockBytes};
    else
      parts.push_back({wanted[i].block * layout_.blockBytes, {end, layout_.blockBytes}});
    end += layout_.blockBytes;
  }
  HETER_RETURN_IF_ERROR(file_->read(parts));
  blocksRead_.fetch_add((end - memory) / static_cast<ptrdiff_t>(layout_.blockBytes), std::memory_order_relaxed);
  const char *at = memory;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const WantedBlock &block = wanted[i];
    if (!isRepeated(i)) {
      at = i == 0 ? at : at + layout_.blockBytes;
      if (const char *fault = faultOfBlock(layout_, at, block.block, block.generation, seed_))
        return damagedBlock(block.block, fault);
    }
    const Read &read = reads[block.read];
    std::memcpy(read.to, at + layout_.byteOf(read.slot % layout_.slotsPerBlock), layout_.slotBytes);
  }
  return {};
}

Status SlotFile::damagedBlock(uint32_t block, const char *fault) const {
  return Status::dataLoss("block " + std::to_string(block) + " of `" + name() + "` is not what was written: " + fault +
                          "; check the disk, and go on from the last save");
}

Status SlotFile::visitSegment(uint32_t segment, const SlotSet &slots,
                              const std::function<void(uint32_t, const char *)> &visit) const {
  const std::vector<uint32_t> all = slots.ofSegment(segment);
  BlockMemory memory = takeReadMemory();
  Status status;
  for (size_t begin = 0, end = 0; begin < all.size() && status.ok(); begin = end) {
    const uint32_t first = blockOf(all[begin]);
    while (end < all.size() && blockOf(all[end]) < first + blocksAtOnce)
      ++end;
    const auto some = std::span(all).subspan(begin, end - begin);
    status = readTogether(some, first, memory.get());
    for (size_t i = 0; i < some.size() && status.ok(); ++i)
      visit(some[i], memory.get() + (blockOf(some[i]) - first) * layout_.blockBytes +
                         layout_.byteOf(some[i] % layout_.slotsPerBlock));
  }
  giveBack(std::move(memory));
  return status;
}

Status SlotFile::readTogether(std::span<const uint32_t> slots, uint32_t first, char *memory) const {
  const auto placeOf = [&](uint32_t block) { return memory + (block - first) * layout_.blockBytes; };
  rowsRead_.fetch_add(static_cast<int64_t>(slots.size()), std::memory_order_relaxed);
  uint32_t generation = 0;
  {
    MutexLock lock(mutex_);
    generation = segments_.generationOf(segmentOf(slots.front()));
    if (segments_.inMemory(slots.front())) {
      for (const uint32_t slot : slots)
        std::memcpy(placeOf(blockOf(slot)) + layout_.byteOf(slot % layout_.slotsPerBlock), segments_.inMemory(slot),
                    layout_.slotBytes);
      return {};
    }
  }
  std::vector<uint32_t> blocks;
  std::vector<BlockFile::Read> parts;
  for (const uint32_t slot : slots) {
    const uint32_t block = blockOf(slot);
    if (!blocks.empty() && blocks.back() == block)
      continue;
    if (!blocks.empty() && blocks.back() + 1 == block && parts.back().to.size() < blocksTogether * layout_.blockBytes)
      parts.back().to = {parts.back().to.data(), parts.back().to.size() + layout_.blockBytes};
    else
      parts.push_back({block * layout_.blockBytes, {placeOf(block), layout_.blockBytes}});
    blocks.push_back(block);
  }
  HETER_RETURN_IF_ERROR(file_->read(parts));
  blocksRead_.fetch_add(std::ssize(blocks), std::memory_order_relaxed);
  for (const uint32_t block : blocks)
    if (const char *fault = faultOfBlock(layout_, placeOf(block), block, generation, seed_))
      return damagedBlock(block, fault);
  return {};
}

std::optional<std::vector<uint32_t>> SlotFile::nextToCompact() const {
  MutexLock lock(mutex_);
  const std::optional<uint32_t> segment = segments_.emptiest(options_.mostGarbage);
  return segment ? std::optional(segments_.slotsOf(*segment)) : std::nullopt;
}

uint32_t SlotFile::segments() const {
  MutexLock lock(mutex_);
  return segments_.count();
}

std::vector<uint32_t> SlotFile::slotsOf(uint32_t segment) const {
  MutexLock lock(mutex_);
  return segments_.slotsOf(segment);
}

int64_t SlotFile::liveSlots() const {
  MutexLock lock(mutex_);
  return segments_.liveSlots();
}

int64_t SlotFile::bytesOnDisk() const {
  MutexLock lock(mutex_);
  return bytesOnDisk_;
}

int64_t SlotFile::bytesInMemory() const {
  MutexLock lock(mutex_);
  return segments_.bytesInMemory() + static_cast<int64_t>(idleReads_.size() * blocksAtOnce * layout_.blockBytes);
}

SlotFile::Counts SlotFile::counts() const {
  MutexLock lock(mutex_);
  return {rowsRead_.load(), blocksRead_.load(), bytesWritten_};
}

} // namespace heter::runtime
