// SlotFile: rows of one size on a disk, for tables larger than memory. Rows are appended to segments that are written
// in one piece; a row is read with its block. Blocks carry a checksum over their rows, their place and how often the
// place was used, so that damaged, misplaced and stale blocks are found out.
#ifndef HETER_RUNTIME_TABLE_SLOTFILE_H
#define HETER_RUNTIME_TABLE_SLOTFILE_H

#include "runtime/base/BlockFile.h"
#include "runtime/base/FileSystem.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/table/RowArena.h"
#include "runtime/table/SlotSegments.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace heter::runtime {

struct SlotFileOptions {
  std::string folder;            ///< Where the file lies while it lives; is made if it is not there.
  std::string name;              ///< For messages, with the folder: "emb.rows".
  size_t slotBytes = 0;          ///< Of a row, at least 1.
  size_t segmentBytes = 1 << 20; ///< Written at once; rounded up to whole blocks. Up to six segments are in memory.
  uint32_t mostSlots = uint32_t{1} << 30; ///< In use, with garbage; at most maxSlots.
  double mostGarbage = 0.5;               ///< Of the slots on disk; beyond it nextToCompact() has something to do.
  BackgroundRunner background{};          ///< Writes full segments (may block); empty: append() writes them.
};

/// Slots are numbered from 0; a number is of one row from append() to free(), and then, once its whole segment is free
/// and no pin is older, of another. Thread-safe. The file is gone when this object, or the process, is.
class SlotFile {
public:
  static constexpr uint32_t maxSlots = uint32_t{1} << 30;

  static StatusOr<std::unique_ptr<SlotFile>> create(FileSystem &files, SlotFileOptions options);
  /// Waits for the write that is under way. REQUIRES: no pin is left. Background tasks that come later do no harm.
  ~SlotFile();
  SlotFile(const SlotFile &) = delete;
  SlotFile &operator=(const SlotFile &) = delete;

  /// Stores slotBytes bytes and gives their slot, which can be read at once. Seldom waits for the disk: only when rows
  /// come faster than it takes them. ResourceExhausted when the disk is full or maxSlots are in use: the row is then
  /// the caller's still. Once a write has failed every append fails with its status; all rows stay readable.
  StatusOr<uint32_t> append(std::span<const char> row);

  /// REQUIRES: `slot` is in use.
  void free(uint32_t slot);

  /// Says that the row of a slot is known by it from now on. REQUIRES: `slot` is in use.
  void settle(uint32_t slot);
  /// settle(to) and free(from) at once: settledSlots() has one of the two.
  void settleInstead(uint32_t from, uint32_t to);
  /// The slots in use that are settled, at one instant.
  SlotSet settledSlots() const;
  SlotSet noSlots() const { return SlotSet(layout_.slotsPerSegment()); }

  struct Read {
    uint32_t slot;
    char *to; ///< slotBytes bytes.
  };
  /// Fills every `to`. Blocks the thread for as long as the disk takes for all blocks at once; a block of several slots
  /// is read once, neighbouring blocks together. REQUIRES: a pin is held that was there when each slot was in use, or
  /// nobody frees them meanwhile. DataLoss: a block is damaged or missing.
  Status read(std::span<const Read> reads) const;

  /// Calls `visit` with each of some slots of one segment and its slotBytes bytes, in the order of the file. Reads
  /// each of their blocks once, neighbours together. Blocks. REQUIRES and errors: as read().
  Status visitSegment(uint32_t segment, const SlotSet &slots,
                      const std::function<void(uint32_t slot, const char *row)> &visit) const;

  /// While one is held, slots that were in use when it was taken can be read even if they are freed. It must not
  /// outlive the file. Hold it shortly: what is freed takes room until it is gone.
  class Pin {
  public:
    Pin(Pin &&other) noexcept : file_(std::exchange(other.file_, nullptr)), epoch_(other.epoch_) {}
    Pin &operator=(Pin &&) = delete;
    ~Pin() {
      if (file_)
        file_->unpin(epoch_);
    }

  private:
    friend class SlotFile;
    Pin(const SlotFile &file, uint64_t epoch) : file_(&file), epoch_(epoch) {}
    const SlotFile *file_;
    uint64_t epoch_;
  };
  Pin pin() const;

  /// If more than options.mostGarbage of the slots on disk are garbage: the slots in use of the segment that has fewest
  /// of them, in the order of the file. The caller reads them, appends their rows anew and frees them; the room is used
  /// again once all are free. Gives the same segment until that is done.
  std::optional<std::vector<uint32_t>> nextToCompact() const;

  /// For scans in the order of the file: segments are numbered from 0 below this.
  uint32_t segments() const;
  /// Its slots in use, ascending.
  std::vector<uint32_t> slotsOf(uint32_t segment) const;
  uint32_t blockOf(uint32_t slot) const { return slot / layout_.slotsPerBlock; }
  uint32_t segmentOf(uint32_t slot) const { return slot / layout_.slotsPerSegment(); }

  size_t slotBytes() const { return options_.slotBytes; }
  uint32_t slotsPerBlock() const { return layout_.slotsPerBlock; }
  size_t blockBytes() const { return layout_.blockBytes; }
  /// For messages.
  const std::string &name() const { return file_->name(); }

  int64_t liveSlots() const;
  int64_t bytesOnDisk() const;   ///< The file's size.
  int64_t bytesInMemory() const; ///< Segments not written yet and what is kept of every slot and segment.

  /// Since the file was made.
  struct Counts {
    int64_t rowsRead = 0;
    int64_t blocksRead = 0;
    int64_t bytesWritten = 0;
  };
  Counts counts() const;

private:
  struct Life;
  struct WantedBlock;

  SlotFile(std::unique_ptr<BlockFile> file, SlotFileOptions options);
  /// Opens a segment, writing others or waiting for them if too many are in memory.
  Status makeRoom() HETER_REQUIRES(mutex_);
  /// Writes the segment that has waited longest, if any, without the lock meanwhile.
  void writeNext() HETER_REQUIRES(mutex_);
  void writeInBackground();
  void unpin(uint64_t epoch) const HETER_EXCLUDES(mutex_);
  /// Reads blocks, at most as many as takeReadMemory() holds, to `memory`, and their rows from there.
  Status readBlocks(std::span<const WantedBlock> wanted, std::span<const Read> reads, char *memory) const;
  /// Fills the places of `slots`, of blocks that lie together, in `memory`, which begins with block `first`.
  Status readTogether(std::span<const uint32_t> slots, uint32_t first, char *memory) const HETER_EXCLUDES(mutex_);
  Status damagedBlock(uint32_t block, const char *fault) const;
  BlockMemory takeReadMemory() const HETER_EXCLUDES(mutex_);
  void giveBack(BlockMemory memory) const HETER_EXCLUDES(mutex_);

  const SlotFileOptions options_;
  const SlotLayout layout_;
  const std::unique_ptr<BlockFile> file_;
  const uint64_t seed_; ///< Of the checksums: no block of another file passes for one of this.
  const std::shared_ptr<Life> life_;

  mutable Mutex mutex_;
  CondVar wrote_;
  mutable SlotSegments segments_ HETER_GUARDED_BY(mutex_);
  Status status_ HETER_GUARDED_BY(mutex_); ///< Of the first write that failed.
  int64_t bytesWritten_ HETER_GUARDED_BY(mutex_) = 0;
  int64_t bytesOnDisk_ HETER_GUARDED_BY(mutex_) = 0;
  mutable std::vector<BlockMemory> idleReads_ HETER_GUARDED_BY(mutex_);
  mutable std::atomic<int64_t> rowsRead_ = 0;
  mutable std::atomic<int64_t> blocksRead_ = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_SLOTFILE_H
