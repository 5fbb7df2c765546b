// Writes the data files of a save: blocks with their checksums, and the rows of a table into blocks.
#include "runtime/table/CheckpointFiles.h"

#include "runtime/base/Hash.h"
#include "runtime/base/ThreadAnnotations.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace heter::runtime::checkpoint {

StatusOr<std::unique_ptr<BlockWriter>> BlockWriter::create(FileSystem &files, const std::string &dir,
                                                           const std::string &name) {
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> out, files.openLargeForWrite(dir + "/" + name));
  return std::unique_ptr<BlockWriter>(new BlockWriter(std::move(out), name));
}

Status BlockWriter::append(std::string_view block) {
  assert(!block.empty() && block.size() <= UINT32_MAX);
  return write(block);
}

Status BlockWriter::write(std::string_view block) {
  const auto length = static_cast<uint32_t>(block.size());
  info_.checksum = hashBytes(block, info_.checksum);
  info_.bytes += static_cast<int64_t>(lengthBytes + block.size() + checksumBytes);
  HETER_RETURN_IF_ERROR(out_->append({reinterpret_cast<const char *>(&length), lengthBytes}));
  if (!block.empty())
    HETER_RETURN_IF_ERROR(out_->append(block));
  return out_->append({reinterpret_cast<const char *>(&info_.checksum), checksumBytes});
}

StatusOr<CheckpointFile> BlockWriter::finish() {
  HETER_RETURN_IF_ERROR(write({}));
  HETER_RETURN_IF_ERROR(out_->sync());
  HETER_RETURN_IF_ERROR(out_->close());
  return info_;
}

void FileHeader::write(BlockBuilder &block) const {
  block.addText(magic);
  block.add<int32_t>(formatVersion);
  block.add(save);
  block.add(shardIndex);
  block.add(shardCount);
}

namespace {
/// Memory for blocks. What was given back last comes first: it is still near. Thread-safe.
class BlockPool {
public:
  struct Memory {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };

  Memory take(size_t atLeast) HETER_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (!idle_.empty() && idle_.back().size >= atLeast) {
      Memory memory = std::move(idle_.back());
      idle_.pop_back();
      return memory;
    }
    return {std::make_unique_for_overwrite<char[]>(atLeast), atLeast};
  }
  void giveBack(Memory memory) HETER_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    idle_.push_back(std::move(memory));
  }

private:
  Mutex mutex_;
  std::vector<Memory> idle_ HETER_GUARDED_BY(mutex_);
};

/// A block that is full.
struct RowBlockBytes {
  BlockPool::Memory memory;
  size_t size;
  std::string_view view() const { return {memory.bytes.get(), size}; }
};

/// A block of rows of one kind of a table, of one size each.
class RowBlockBuilder {
public:
  /// `pool` outlives it.
  RowBlockBuilder(BlockPool &pool, uint32_t table, RowBlock kind, bool hasPeriod, int64_t floats)
      : pool_(pool), table_(table), kind_(kind), hasPeriod_(hasPeriod),
        rowBytes_(sizeof(uint64_t) + (hasPeriod ? sizeof(uint32_t) : 0) + static_cast<size_t>(floats) * sizeof(float)) {
  }

  void add(uint64_t key, uint16_t seen, std::span<const float> state) {
    if (memory_.size - used_ < rowBytes_)
      makeRoom();
    char *to = put(memory_.bytes.get() + used_, key);
    if (hasPeriod_)
      to = put(to, uint32_t{seen});
    if (!state.empty())
      std::memcpy(to, state.data(), state.size_bytes());
    used_ += rowBytes_;
    ++rows_;
  }
  bool full() const { return used_ >= rowBlockBytes && rows_ > 0; }
  bool empty() const { return rows_ == 0; }
  /// Gives the block, whose memory is then the pool's to have back, and begins the next one. REQUIRES: it has rows.
  RowBlockBytes take() {
    char *to = put(memory_.bytes.get(), table_);
    to = put(to, static_cast<uint32_t>(kind_));
    put(to, rows_);
    rows_ = 0;
    return {std::exchange(memory_, {}), std::exchange(used_, 0)};
  }

private:
  static constexpr size_t headerBytes = 3 * sizeof(uint32_t); ///< Table, kind, rows.
  static constexpr size_t segmentBytes = size_t{128} << 10;   ///< What mostly comes at once.

  template <typename T> static char *put(char *to, T value) {
    std::memcpy(to, &value, sizeof(T));
    return to + sizeof(T);
  }
  void makeRoom() {
    if (used_ == 0) {
      memory_ = pool_.take(headerBytes + rowBlockBytes + segmentBytes + rowBytes_);
      used_ = headerBytes;
      return;
    }
    BlockPool::Memory larger = pool_.take(memory_.size + memory_.size / 4 + rowBytes_);
    std::memcpy(larger.bytes.get(), memory_.bytes.get(), used_);
    memory_ = std::move(larger);
  }

  BlockPool &pool_;
  const uint32_t table_;
  const RowBlock kind_;
  const bool hasPeriod_;
  const size_t rowBytes_;
  BlockPool::Memory memory_; ///< None as long as there are no rows.
  size_t used_ = 0;
  uint32_t rows_ = 0;
};

/// Makes the blocks of one range of a snapshot.
class RangeEncoder {
public:
  RangeEncoder(BlockPool &pool, TableSnapshot &snapshot, int range, uint32_t table, uint16_t since)
      : snapshot_(snapshot), range_(range), since_(since), whole_(builder(pool, table, RowBlock::Whole)),
        short_(builder(pool, table, RowBlock::Short)) {}

  /// Goes on until a block is full or no row is left; gives the blocks that are full, in the end all.
  std::vector<RowBlockBytes> encode() {
    const auto add = [this](const RowImage &row) {
      (row.admitted ? whole_ : short_).add(row.key, row.seen, row.state);
      ++rowCount_;
    };
    while (!ended_ && !whole_.full() && !short_.full()) {
      const StatusOr<bool> any = snapshot_.next(range_, since_, add);
      status_ = any.ok() ? Status() : any.status();
      ended_ = !any.ok() || !*any;
    }
    std::vector<RowBlockBytes> blocks;
    for (RowBlockBuilder *block : {&whole_, &short_})
      if (!block->empty() && (ended_ || block->full()))
        blocks.push_back(block->take());
    return blocks;
  }
  const Status &status() const { return status_; }
  bool ended() const { return ended_; }
  int64_t rowCount() const { return rowCount_; }

private:
  RowBlockBuilder builder(BlockPool &pool, uint32_t table, RowBlock kind) const {
    const TableSpec &spec = snapshot_.table().spec();
    return {pool, table, kind, spec.policy.period > 0, spec.floatsOf(kind == RowBlock::Short)};
  }

  TableSnapshot &snapshot_;
  const int range_;
  const uint16_t since_;
  RowBlockBuilder whole_, short_;
  bool ended_ = false;
  Status status_;
  int64_t rowCount_ = 0;
};

/// Makes blocks of what a snapshot gives apart, each of the rows of one range, so that who loads them finds them so.
class DiskEncoder {
public:
  /// Encoders that share `next` share the pieces.
  DiskEncoder(BlockPool &pool, const TableSnapshot &snapshot, size_t pieces, std::atomic<size_t> &next, uint32_t table)
      : snapshot_(snapshot), pieces_(pieces), next_(next) {
    const TableSpec &spec = snapshot.table().spec();
    for (int range = 0; range < TableSnapshot::ranges; ++range)
      for (const bool isShort : {false, true})
        blocks_.emplace_back(pool, table, isShort ? RowBlock::Short : RowBlock::Whole, spec.policy.period > 0,
                             spec.floatsOf(isShort));
  }

  /// As RangeEncoder's.
  std::vector<RowBlockBytes> encode() {
    const auto add = [this](const RowImage &row) {
      blocks_[static_cast<size_t>(2 * snapshot_.rangeOf(row.key) + (row.admitted ? 0 : 1))].add(row.key, row.seen,
                                                                                                row.state);
      ++rowCount_;
    };
    std::vector<RowBlockBytes> full;
    while (!ended_ && full.empty()) {
      const size_t piece = next_.fetch_add(1);
      ended_ = piece >= pieces_;
      if (!ended_) {
        status_ = snapshot_.visitPiece(piece, add);
        ended_ = !status_.ok();
      }
      for (RowBlockBuilder &block : blocks_)
        if (!block.empty() && (ended_ || block.full()))
          full.push_back(block.take());
    }
    return full;
  }
  const Status &status() const { return status_; }
  bool ended() const { return ended_; }
  int64_t rowCount() const { return rowCount_; }

private:
  const TableSnapshot &snapshot_;
  const size_t pieces_;
  std::atomic<size_t> &next_;
  std::deque<RowBlockBuilder> blocks_; ///< Of each range: of whole rows, of short ones.
  bool ended_ = false;
  Status status_;
  int64_t rowCount_ = 0;
};

/// Appends the blocks of a turn in the order of their ranges, whichever come first, each by a thread that has just made
/// one: while they are near. Thread-safe.
class TurnWriter {
public:
  TurnWriter(BlockWriter &out, BlockPool &pool) : out_(out), pool_(pool) {}

  /// REQUIRES: no put() of the turn before is under way, and all of its blocks came.
  void begin(size_t ranges) HETER_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    waiting_.clear();
    waiting_.resize(ranges);
    next_ = 0;
  }
  /// Takes what the `i`-th range of the turn gave.
  void put(size_t i, std::vector<RowBlockBytes> blocks) HETER_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    waiting_[i] = std::move(blocks);
    if (writing_)
      return; // who is at it comes to these
    writing_ = true;
    for (; next_ < waiting_.size() && waiting_[next_]; ++next_) {
      std::vector<RowBlockBytes> due = std::move(*waiting_[next_]);
      Status status = status_;
      mutex_.unlock();
      for (RowBlockBytes &block : due) {
        if (status.ok())
          status = out_.append(block.view());
        pool_.giveBack(std::move(block.memory));
      }
      mutex_.lock();
      status_ = std::move(status);
    }
    writing_ = false;
  }
  Status status() const HETER_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return status_;
  }

private:
  BlockWriter &out_; ///< Used by who has set writing_.
  BlockPool &pool_;
  mutable Mutex mutex_;
  std::vector<std::optional<std::vector<RowBlockBytes>>> waiting_ HETER_GUARDED_BY(mutex_);
  size_t next_ HETER_GUARDED_BY(mutex_) = 0;
  bool writing_ HETER_GUARDED_BY(mutex_) = false;
  Status status_ HETER_GUARDED_BY(mutex_);
};
} // namespace

/// The keys that were evicted after epoch `since`.
static Status writeErased(BlockWriter &out, BlockPool &pool, TableSnapshot &snapshot, uint32_t table, uint16_t since) {
  RowBlockBuilder erased(pool, table, RowBlock::Erased, /*hasPeriod=*/false, /*floats=*/0);
  const auto write = [&] {
    RowBlockBytes block = erased.take();
    const Status written = out.append(block.view());
    pool.giveBack(std::move(block.memory));
    return written;
  };
  for (uint64_t key : snapshot.erased(since)) {
    erased.add(key, 0, {});
    if (erased.full())
      HETER_RETURN_IF_ERROR(write());
  }
  return erased.empty() ? Status() : write();
}

/// Writes what encoders make, in turns, until all have ended. Gives the number of rows.
template <typename Encoder>
static StatusOr<int64_t> writeAll(TurnWriter &writer, std::vector<std::unique_ptr<Encoder>> open,
                                  const ParallelFor &parallelFor) {
  int64_t rows = 0;
  while (!open.empty()) {
    writer.begin(open.size());
    parallelFor(static_cast<int64_t>(open.size()), [&](int64_t i) {
      const auto encoder = static_cast<size_t>(i);
      writer.put(encoder, open[encoder]->encode());
    });
    HETER_RETURN_IF_ERROR(writer.status());
    for (const std::unique_ptr<Encoder> &encoder : open) {
      HETER_RETURN_IF_ERROR(encoder->status());
      rows += encoder->ended() ? encoder->rowCount() : 0;
    }
    std::erase_if(open, [](const std::unique_ptr<Encoder> &encoder) { return encoder->ended(); });
  }
  return rows;
}

StatusOr<int64_t> writeRows(BlockWriter &out, TableSnapshot &snapshot, uint32_t table, uint16_t since,
                            const ParallelFor &parallelFor) {
  constexpr size_t piecesAtOnce = 4; // of rows on disk: some are read while others become blocks
  HETER_RETURN_IF_ERROR(snapshot.check(since));
  BlockPool pool;
  if (since > 0)
    HETER_RETURN_IF_ERROR(writeErased(out, pool, snapshot, table, since));
  TurnWriter writer(out, pool);
  std::vector<std::unique_ptr<RangeEncoder>> ranges;
  for (int range = 0; range < TableSnapshot::ranges; ++range)
    ranges.push_back(std::make_unique<RangeEncoder>(pool, snapshot, range, table, since));
  HETER_ASSIGN_OR_RETURN(const int64_t rows, writeAll(writer, std::move(ranges), parallelFor));
  const size_t pieces = snapshot.pieces(since);
  std::atomic<size_t> next{0};
  std::vector<std::unique_ptr<DiskEncoder>> onDisk;
  for (size_t i = 0; i < std::min(piecesAtOnce, pieces); ++i)
    onDisk.push_back(std::make_unique<DiskEncoder>(pool, snapshot, pieces, next, table));
  HETER_ASSIGN_OR_RETURN(const int64_t more, writeAll(writer, std::move(onDisk), parallelFor));
  return rows + more;
}

} // namespace heter::runtime::checkpoint
