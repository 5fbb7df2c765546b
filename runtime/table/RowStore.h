// RowStore: the rows of one range of a table. A row is its key, two small marks and its floats in one piece of memory
// that never moves while the row lives; freed rows are used again. Rows come in two sizes: whole ones, and short ones
// of keys that were seen but not admitted yet.
#ifndef HETER_RUNTIME_TABLE_ROWSTORE_H
#define HETER_RUNTIME_TABLE_ROWSTORE_H

#include "runtime/table/RowArena.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace heter::runtime {

/// Copies some floats, in a few instructions if they are few. The two do not overlap.
inline void copyFloats(float *to, const float *from, size_t count) {
  constexpr size_t piece = 4;
  if (count < piece || count > 16 * piece) {
    std::memcpy(to, from, count * sizeof(float));
    return;
  }
  for (size_t i = 0; i + piece <= count; i += piece)
    std::memcpy(to + i, from + i, piece * sizeof(float));
  std::memcpy(to + count - piece, from + count - piece, piece * sizeof(float)); // some of them again
}

/// One row in memory, at a multiple of 4 bytes: key (8), epoch (2), seen (2), floats.
class Row {
public:
  static constexpr size_t headerBytes = 12;

  explicit Row(char *at) : at_(at) {}

  uint64_t key() const { return get<uint64_t>(0); }
  void setKey(uint64_t key) { put(0, key); }
  /// The table's epoch in which the row changed last.
  uint16_t epoch() const { return get<uint16_t>(8); }
  void setEpoch(uint16_t epoch) { put(8, epoch); }
  /// The period in which the row was pushed to last, modulo 2^16.
  uint16_t seen() const { return get<uint16_t>(10); }
  void setSeen(uint16_t period) { put(10, period); }
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

/// Pieces of memory of one size, by number. Thread-compatible.
class RowSlabs {
public:
  RowSlabs(RowArena &arena, size_t rowBytes);

  /// REQUIRES: fewer than 2^31 are in use.
  uint32_t allocate();
  void free(uint32_t row);
  char *at(uint32_t row) const { return slabs_[row >> shift_] + size_t{row & mask_} * rowBytes_; }
  size_t rowBytes() const { return rowBytes_; }
  uint32_t used() const { return used_; }

private:
  static constexpr uint32_t noRow = ~uint32_t{0};

  RowArena &arena_;
  size_t rowBytes_;
  int shift_; ///< A slab has 2^shift_ rows.
  uint32_t mask_;
  std::vector<char *> slabs_;
  uint32_t end_ = 0; ///< Rows below were handed out before.
  uint32_t used_ = 0;
  uint32_t firstFree_ = noRow; ///< Each free row begins with the next one's number.
};

/// Thread-compatible.
class RowStore {
public:
  RowStore(RowArena &arena, int64_t rowFloats, int64_t shortFloats)
      : whole_(arena, bytesOf(rowFloats)), short_(arena, bytesOf(shortFloats)) {}

  static bool isShort(uint32_t row) { return (row & shortBit) != 0; }

  /// A row with its key, and marks of 0; its floats are not set. REQUIRES: fewer than 2^31 - 1 rows of its size.
  uint32_t add(uint64_t key, bool isShort);
  void remove(uint32_t row) { slabsOf(row).free(row & ~shortBit); }

  Row at(uint32_t row) const { return Row(slabsOf(row).at(row & ~shortBit)); }
  uint64_t key(uint32_t row) const { return at(row).key(); }
  [[gnu::always_inline]] void prefetchKey(uint32_t row) const { __builtin_prefetch(slabsOf(row).at(row & ~shortBit)); }
  /// Brings the first `bytes` of a row near, up to some cache lines. Inlined by force: g++ 12 drops calls of functions
  /// that do nothing but prefetch.
  [[gnu::always_inline]] void prefetch(uint32_t row, size_t bytes) const {
    const RowSlabs &slabs = slabsOf(row);
    const char *at = slabs.at(row & ~shortBit);
    const size_t last = std::min(bytes, most) - 1;
    for (size_t offset = 0; offset < last; offset += 64)
      __builtin_prefetch(at + offset, 1);
    __builtin_prefetch(at + last, 1);
  }

  int64_t wholeRows() const { return whole_.used(); }
  int64_t shortRows() const { return short_.used(); }

private:
  static constexpr uint32_t shortBit = uint32_t{1} << 31;
  static constexpr size_t most = 512; ///< Bytes to prefetch.
  static size_t bytesOf(int64_t floats) { return Row::headerBytes + static_cast<size_t>(floats) * sizeof(float); }
  const RowSlabs &slabsOf(uint32_t row) const { return isShort(row) ? short_ : whole_; }
  RowSlabs &slabsOf(uint32_t row) { return isShort(row) ? short_ : whole_; }

  RowSlabs whole_;
  RowSlabs short_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWSTORE_H
