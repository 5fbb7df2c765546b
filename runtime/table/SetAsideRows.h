// SetAsideRows: rows of a range as they were when a snapshot of it began, kept until the snapshot comes to them. They
// are added in whatever order updates come to rows, and taken in the order of positions in the range's index.
#ifndef HETER_RUNTIME_TABLE_SETASIDEROWS_H
#define HETER_RUNTIME_TABLE_SETASIDEROWS_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace heter::runtime {

/// Rows lie one after another in large pieces of memory, as they come; those of neighbouring positions are linked.
/// Thread-compatible.
class SetAsideRows {
public:
  struct Entry {
    uint64_t position; ///< RowIndex::position of the row's hash.
    uint64_t key;
    uint16_t epoch;
    uint16_t seen;
    bool admitted;
  };

  /// Copies a row. REQUIRES: it was not added before, and no dropBelow passed its position.
  void add(const Entry &entry, std::span<const float> state) {
    if (firsts_.empty())
      firsts_.resize(bucketCount);
    const size_t size = sizeof(Stored) + (state.size_bytes() + 7) / 8 * 8;
    if (left_ < size)
      addPiece(size);
    auto *stored =
        new (next_) Stored{entry, static_cast<uint32_t>(state.size()), firsts_[entry.position >> bucketShift]};
    std::copy(state.begin(), state.end(), floatsOf(stored));
    firsts_[entry.position >> bucketShift] = stored;
    next_ += size;
    left_ -= size;
  }

  /// Calls visit(entry, state) for each row of a position below `end` that is not dropped, in no order. The states live
  /// until clear().
  template <typename Visit> void visitBelow(uint64_t end, Visit visit) const {
    for (size_t b = first_; b < firsts_.size() && (b << bucketShift) < end; ++b)
      for (Stored *row = firsts_[b]; row; row = row->next)
        if (row->entry.position >= dropped_ && row->entry.position < end)
          visit(row->entry, std::span<const float>(floatsOf(row), row->floats));
  }

  /// Drops the rows of positions below `end`. Their memory stays until clear().
  void dropBelow(uint64_t end) {
    dropped_ = end;
    first_ = end >> bucketShift;
  }

  void clear() { *this = {}; }

private:
  static constexpr int bucketShift = 20; ///< Of positions, which are below 2^32: a bucket holds a few hundred rows.
  static constexpr size_t bucketCount = size_t{1} << (32 - bucketShift);
  static constexpr size_t pieceBytes = size_t{1} << 20;

  struct Stored {
    Entry entry;
    uint32_t floats; ///< They follow.
    Stored *next;    ///< Of the bucket.
  };
  static float *floatsOf(Stored *row) { return reinterpret_cast<float *>(row + 1); }

  void addPiece(size_t atLeast) {
    left_ = std::max(pieceBytes, atLeast);
    pieces_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    next_ = pieces_.back().get();
  }

  std::vector<Stored *> firsts_; ///< Of each bucket; none as long as there are no rows.
  std::vector<std::unique_ptr<char[]>> pieces_;
  char *next_ = nullptr;
  size_t left_ = 0;
  uint64_t dropped_ = 0;
  size_t first_ = 0; ///< Buckets below are dropped.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_SETASIDEROWS_H
