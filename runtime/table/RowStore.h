// RowStore: the rows of one range of a table. A row is its key, two small marks and its floats in one piece of memory
// that never moves while the row lives; freed rows are used again. Rows come in two sizes: whole ones, and short ones
// of keys that were seen but not admitted yet. Of rows that lie on disk it keeps what a row begins with, its key and
// its marks; then the slot of a SlotFile, and the first floats if somebody asks for them, in place of all floats.
#ifndef HETER_RUNTIME_TABLE_ROWSTORE_H
#define HETER_RUNTIME_TABLE_ROWSTORE_H

#include "runtime/base/KnownCount.h"
#include "runtime/table/RowArena.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace heter::runtime {

/// Brings a cache line into the second-level cache: more can be on their way there at once than to the first. g++ 12
/// drops calls of functions that do nothing but __builtin_prefetch, so that is no more than the second choice.
[[gnu::always_inline]] inline void prefetchLine(const void *at) {
#if defined(__x86_64__)
  asm volatile("prefetcht1 %0" : : "m"(*static_cast<const char *>(at)));
#else
  __builtin_prefetch(at, 0, 2);
#endif
}

/// One row in memory, at a multiple of 4 bytes: key (8), epoch (2), seen (2), floats.
class Row {
public:
  static constexpr size_t headerBytes = 12;

  explicit Row(char *at = nullptr) : at_(at) {}

  uint64_t key() const { return get<uint64_t>(0); }
  void setKey(uint64_t key) { put(0, key); }
  /// The table's epoch in which the row changed last.
  uint16_t epoch() const { return get<uint16_t>(8); }
  void setEpoch(uint16_t epoch) { put(8, epoch); }
  /// The period in which the row was pushed to last, modulo 2^16.
  uint16_t seen() const { return get<uint16_t>(10); }
  void setSeen(uint16_t period) { put(10, period); }
  const char *at(size_t byte) const { return at_ + byte; }
  float *floats() const { return reinterpret_cast<float *>(at_ + headerBytes); }

private:
  template <typename T> T get(size_t offset) const {
    T value;
    std::memcpy(&value, at_ + offset, sizeof(T));
    return value;
  }
  template <typename T> void put(size_t offset, T value) { std::memcpy(at_ + offset, &value, sizeof(T)); }

  char *at_;
};

/// Pieces of memory of one size, 16 bytes at least, by number. Slabs grow with their number, each a 128th to a 256th of
/// what is there, so that the table that finds them stays small enough for the nearest cache. Thread-compatible.
class RowSlabs {
public:
  RowSlabs(RowArena &arena, size_t rowBytes);

  /// REQUIRES: fewer than 2^30 are in use, and fewer than 2^24 times 32 KB of them.
  uint32_t allocate();
  void free(uint32_t row);
  /// Where pieces lie; by itself, so that who looks for many has what that takes together. Holds until one is
  /// allocated.
  struct Places {
    const uintptr_t *rowZero;
    uint32_t rowBytes;
    int shift;
    char *at(uint32_t row) const {
      return reinterpret_cast<char *>(rowZero[slabOf(row >> shift)] + size_t{row} * rowBytes);
    }
  };
  Places places() const { return {rowZero_.data(), static_cast<uint32_t>(rowBytes_), shift_}; }
  char *at(uint32_t row) const { return places().at(row); }
  size_t rowBytes() const { return rowBytes_; }
  uint32_t used() const { return used_; }
  /// Above the numbers of all that were ever in use.
  uint32_t end() const { return end_; }

private:
  static constexpr uint32_t noRow = ~uint32_t{0};
  static constexpr size_t nextFreeAt = Row::headerBytes; ///< Behind a row's key and marks.
  static constexpr int doublingBits = 7; ///< From one doubling of the slabs' size to the next there are 128 slabs.

  /// Log2 of the pieces of the slab that holds a piece; the first 256 slabs have one.
  static int sizeBits(uint32_t piece) {
    constexpr uint32_t first = (uint32_t{2} << doublingBits) - 1;
    return 31 - __builtin_clz(piece | first) - doublingBits;
  }
  /// Beyond the first ones, the exponent and the first fraction bits of a piece's number as a float are that of its
  /// slab but for a constant. To find the highest bit otherwise is slow on some processors.
  static size_t slabOf(uint32_t piece) {
    constexpr uint32_t small = uint32_t{1} << doublingBits;
    constexpr uint32_t first = std::bit_cast<uint32_t>(static_cast<float>(small)) >> (23 - doublingBits);
    const uint32_t number = std::bit_cast<uint32_t>(static_cast<float>(static_cast<int32_t>(piece)));
    return piece < small ? piece : (number >> (23 - doublingBits)) - first + small;
  }

  RowArena &arena_;
  size_t rowBytes_;
  int shift_; ///< A piece has 2^shift_ rows.
  /// Of each slab: where row 0 would be, were all rows in one array with the slab's.
  std::vector<uintptr_t> rowZero_;
  uint32_t end_ = 0;     ///< Rows below were handed out before.
  uint32_t slabEnd_ = 0; ///< Rows below have memory.
  uint32_t used_ = 0;
  uint32_t firstFree_ = noRow; ///< Each free row has the next one's number at nextFreeAt.
};

/// Thread-compatible.
class RowStore {
public:
  /// Of rows on disk the first `keptFloats` floats are kept here, too.
  RowStore(RowArena &arena, int64_t rowFloats, int64_t shortFloats, int64_t keptFloats = 0)
      : keptFloats_(keptFloats), slabs_{RowSlabs(arena, bytesOf(rowFloats)), RowSlabs(arena, bytesOf(1 + keptFloats)),
                                        RowSlabs(arena, bytesOf(shortFloats)),
                                        RowSlabs(arena, bytesOf(1 + keptFloats))} {}

  static bool isShort(uint32_t row) { return (row & shortBit) != 0; }
  /// Whether a row's floats lie on disk. Of RowIndex::none, too: who asks knows that there is a row, or asks next.
  static bool isOnDisk(uint32_t row) { return (row & diskBit) != 0; }
  /// The number of a row in memory among those of its size: small ones are used first.
  static uint32_t numberOf(uint32_t row) { return row & numberMask; }
  /// Neither short nor on disk, nor RowIndex::none.
  static bool isWholeInMemory(uint32_t row) { return row <= numberMask; }
  static uint32_t rowOf(uint32_t number, bool isShort) { return number | (isShort ? shortBit : 0); }

  /// A row with its key, and marks of 0; its floats are not set. REQUIRES: fewer than 2^30 - 1 rows of its size.
  uint32_t add(uint64_t key, bool isShort);
  /// A row on disk, with the key, the marks and the first floats of `from`. REQUIRES: as add().
  uint32_t addOnDisk(Row from, bool isShort, uint32_t slot);
  /// Until the row is used again it keeps its key: who still looks at it does not take it for another key's. Its epoch
  /// is 0 then, which is that of no row.
  void remove(uint32_t row) {
    at(row).setEpoch(0);
    slabsOf(row).free(numberOf(row));
  }

  /// A row on disk has no floats here.
  Row at(uint32_t row) const { return Row(slabsOf(row).at(numberOf(row))); }
  /// The same by itself; holds until a row is added.
  struct Places {
    std::array<RowSlabs::Places, 4> slabs;
    char *at(uint32_t row) const { return slabs[row >> 30].at(numberOf(row)); }
  };
  Places places() const { return {{slabs_[0].places(), slabs_[1].places(), slabs_[2].places(), slabs_[3].places()}}; }
  uint64_t key(uint32_t row) const { return at(row).key(); }
  /// Where a row lies on disk. REQUIRES: isOnDisk(row).
  uint32_t slot(uint32_t row) const;
  void setSlot(uint32_t row, uint32_t slot);
  /// The first floats of a row: all of one in memory, keptFloats of one on disk.
  const float *firstFloats(uint32_t row) const { return at(row).floats() + (isOnDisk(row) ? 1 : 0); }
  size_t rowBytes(bool isShort) const { return slabs_[isShort ? 2 : 0].rowBytes(); }
  [[gnu::always_inline]] void prefetchKey(uint32_t row) const { prefetchLine(slabsOf(row).at(numberOf(row))); }
  /// Brings the first `bytes` of a row near, up to some cache lines.
  [[gnu::always_inline]] static void prefetch(Row row, size_t bytes) {
    const size_t last = std::min(bytes, most) - 1;
    prefetchLine(row.at(0));
    for (size_t offset = 64; offset < last; offset += 64)
      prefetchLine(row.at(offset));
    prefetchLine(row.at(last)); // of the line before it again, at times: a test would cost more
  }

  /// The numbers of a size's rows in memory are below; of some of them there is no row any more.
  uint32_t endOfNumbers(bool isShort) const { return slabs_[isShort ? 2 : 0].end(); }

  // On disk or in memory.
  int64_t wholeRows() const { return int64_t{slabs_[0].used()} + slabs_[1].used(); }
  int64_t shortRows() const { return int64_t{slabs_[2].used()} + slabs_[3].used(); }
  int64_t rowsInMemory(bool isShort) const { return slabs_[isShort ? 2 : 0].used(); }

private:
  static constexpr uint32_t shortBit = uint32_t{1} << 31;
  static constexpr uint32_t diskBit = uint32_t{1} << 30;
  static constexpr uint32_t numberMask = diskBit - 1;
  static constexpr size_t most = 512; ///< Bytes to prefetch.
  static size_t bytesOf(int64_t floats) {
    return Row::headerBytes + static_cast<size_t>(std::max<int64_t>(floats, 1)) * sizeof(float);
  }
  const RowSlabs &slabsOf(uint32_t row) const { return slabs_[row >> 30]; }
  RowSlabs &slabsOf(uint32_t row) { return slabs_[row >> 30]; }

  int64_t keptFloats_;
  std::array<RowSlabs, 4> slabs_; ///< Of whole rows, of those on disk, of short rows, of those on disk.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWSTORE_H
