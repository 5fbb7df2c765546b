// SlotSegments: what a SlotFile knows of its slots and segments, without the file: which slots are in use, which
// segments are in memory, which are to be written, and which may be used again.
#ifndef HETER_RUNTIME_TABLE_SLOTSEGMENTS_H
#define HETER_RUNTIME_TABLE_SLOTSEGMENTS_H

#include "runtime/base/BlockFile.h"
#include "runtime/table/SlotBlocks.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace heter::runtime {

/// Some slots of a file, in the order of the file. Thread-compatible.
class SlotSet {
public:
  explicit SlotSet(uint32_t slotsPerSegment = 64)
      : slotsPerSegment_(slotsPerSegment), wordsPerSegment_((slotsPerSegment + 63) / 64) {}

  bool has(uint32_t slot) const {
    const size_t word = wordOf(slot);
    return word < words_.size() && (words_[word] & bitOf(slot)) != 0;
  }
  void add(uint32_t slot) {
    words_.resize(std::max(words_.size(), (wordOf(slot) / wordsPerSegment_ + 1) * wordsPerSegment_));
    words_[wordOf(slot)] |= bitOf(slot);
  }
  void remove(uint32_t slot) {
    if (wordOf(slot) < words_.size())
      words_[wordOf(slot)] &= ~bitOf(slot);
  }
  uint32_t segments() const { return static_cast<uint32_t>(words_.size() / wordsPerSegment_); }
  /// Those of a segment, ascending.
  std::vector<uint32_t> ofSegment(uint32_t segment) const;
  bool hasAny(uint32_t segment) const {
    const auto first = words_.begin() + static_cast<ptrdiff_t>(segment * wordsPerSegment_);
    return std::any_of(first, first + static_cast<ptrdiff_t>(wordsPerSegment_),
                       [](uint64_t word) { return word != 0; });
  }
  int64_t bytes() const { return static_cast<int64_t>(words_.capacity() * sizeof(uint64_t)); }

private:
  size_t wordOf(uint32_t slot) const {
    return slot / slotsPerSegment_ * wordsPerSegment_ + slot % slotsPerSegment_ / 64;
  }
  uint64_t bitOf(uint32_t slot) const { return uint64_t{1} << (slot % slotsPerSegment_ % 64); }

  uint32_t slotsPerSegment_;
  size_t wordsPerSegment_; ///< A segment begins with a word.
  std::vector<uint64_t> words_;
};

/// Thread-compatible. A segment is filled in memory, waits to be written, is written, and lies on the disk; from the
/// last two it returns to be filled once no slot is in use and no pin is as old as its last use.
class SlotSegments {
public:
  SlotSegments(const SlotLayout &layout, uint32_t maxSlots)
      : layout_(layout), maxSlots_(maxSlots), inUse_(layout.slotsPerSegment()), settled_(layout.slotsPerSegment()) {}

  /// Whether a segment is being filled. One that add() fills is that no more, but waits to be written.
  bool isOpen() const { return open_.has_value(); }
  /// Has a segment filled next; false if there are as many slots as there may be. REQUIRES: !isOpen().
  bool open();
  /// REQUIRES: isOpen(); `row` has slotBytes bytes.
  uint32_t add(std::span<const char> row);
  /// REQUIRES: it is in use.
  void free(uint32_t slot);
  /// Those in use of which settle() was told. REQUIRES: as free().
  void settle(uint32_t slot) { settled_.add(slot); }
  const SlotSet &settled() const { return settled_; }

  /// Where a slot lies in memory; null if only on disk. Valid as long as the slot is in use or pinned, and until the
  /// next written().
  const char *inMemory(uint32_t slot) const;
  uint32_t generationOf(uint32_t segment) const { return segments_[segment].generation; }

  uint64_t pin();
  void unpin(uint64_t epoch);

  /// A segment that is now to be written: its number and bytes, which stay until written(). Nullopt: none waits.
  struct ToWrite {
    uint32_t segment;
    uint32_t generation;
    char *bytes;
  };
  std::optional<ToWrite> nextToWrite();
  /// The write has ended; if it has failed the segment stays in memory.
  void written(uint32_t segment, bool succeeded);
  bool hasWaiting() const { return !waiting_.empty(); }
  /// Segments that wait or are being written.
  size_t unwritten() const { return waiting_.size() + writing_; }

  /// The segment on disk that has fewest slots in use, if of all slots on disk more than `mostGarbage` are garbage.
  std::optional<uint32_t> emptiest(double mostGarbage) const;
  /// Ascending.
  std::vector<uint32_t> slotsOf(uint32_t segment) const { return inUse_.ofSegment(segment); }

  uint32_t count() const { return static_cast<uint32_t>(segments_.size()); }
  int64_t liveSlots() const { return live_; }
  int64_t bytesInMemory() const;

private:
  enum class State : uint8_t { Open, Waiting, Writing, OnDisk, Retired, Free };
  struct Segment {
    BlockMemory memory;
    uint64_t retiredIn = 0; ///< The epoch.
    uint32_t generation = 0;
    uint32_t live = 0;
    State state = State::Free;
  };

  BlockMemory takeMemory();
  void giveBack(BlockMemory memory);
  void retire(uint32_t segment);
  /// Frees what was retired before the oldest pin.
  void reclaim();

  const SlotLayout layout_;
  const uint32_t maxSlots_;
  std::vector<Segment> segments_;
  SlotSet inUse_, settled_;
  std::vector<uint32_t> free_;
  std::deque<uint32_t> waiting_;
  std::deque<uint32_t> retired_; ///< In the order of their epochs.
  std::optional<uint32_t> open_;
  uint32_t openUsed_ = 0;
  size_t writing_ = 0;
  std::vector<BlockMemory> spare_;   ///< Of the size of a segment.
  size_t inMemory_ = 0;              ///< Segments that have memory.
  std::map<uint64_t, int64_t> pins_; ///< How many there are of each epoch.
  uint64_t epoch_ = 0;               ///< Goes up when a segment is retired.
  int64_t live_ = 0;
  int64_t onDisk_ = 0; ///< Segments in this state, and their slots in use.
  int64_t liveOnDisk_ = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_SLOTSEGMENTS_H
