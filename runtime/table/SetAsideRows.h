// SetAsideRows: rows of a range as they were when a snapshot of it began, kept until the snapshot comes to them. They
// are added in whatever order updates come to rows, and taken in that order.
#ifndef HETER_RUNTIME_TABLE_SETASIDEROWS_H
#define HETER_RUNTIME_TABLE_SETASIDEROWS_H

#include "runtime/table/RowArena.h"
#include "runtime/table/RowStore.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <vector>

namespace heter::runtime {

/// Rows lie one after another in large pieces of memory, as they come: all that adding one costs an update is to write
/// on, and all that taking one costs is to read on. Thread-compatible.
class SetAsideRows {
public:
  struct Entry {
    uint64_t key;
    uint16_t epoch;
    uint16_t seen;
    bool admitted;
  };

  /// `arena` outlives the rows.
  explicit SetAsideRows(RowArena &arena) : arena_(arena) {}

  /// Copies a row. REQUIRES: it was not added before.
  void add(const Entry &entry, std::span<const float> state) {
    const size_t size = sizeof(Stored) + (state.size_bytes() + 7) / 8 * 8;
    if (left_ < size)
      nextPiece(size);
    auto *stored = new (free_) Stored{entry.key, static_cast<uint32_t>(state.size()),
                                      static_cast<uint32_t>(entry.admitted), entry.epoch, entry.seen};
    std::copy(state.begin(), state.end(), floatsOf(stored));
    free_ += size;
    left_ -= size;
  }

  /// Calls visit(entry, state) for each of the next `most` rows at most that were not taken yet, and takes them; false
  /// if there is none. The states live until clear().
  template <typename Visit> bool takeSome(size_t most, Visit visit) {
    size_t taken = 0;
    for (; taken < most && hasMore(); ++taken) {
      auto *row = reinterpret_cast<Stored *>(pieces_[takenPieces_].begin + takenBytes_);
      takenBytes_ += sizeof(Stored) + (row->floats * sizeof(float) + 7) / 8 * 8;
      prefetchLine(reinterpret_cast<const char *>(row) + ahead);
      visit(Entry{row->key, row->epoch, row->seen, row->admitted != 0},
            std::span<const float>(floatsOf(row), row->floats));
    }
    return taken > 0;
  }

  /// Forgets all rows. Their memory is for the next ones: those of the next save will be about as many. Until then its
  /// arena may lend it to the system.
  void clear() {
    used_ = 0;
    free_ = nullptr;
    left_ = 0;
    takenPieces_ = 0;
    takenBytes_ = 0;
  }

private:
  static constexpr size_t pieceBytes = size_t{64} << 10;
  static constexpr size_t ahead = 1024; ///< Bytes by which rows are brought near before they are taken.

  struct Stored {
    uint64_t key;
    uint32_t floats : 31; ///< They follow.
    uint32_t admitted : 1;
    uint16_t epoch;
    uint16_t seen;
  };
  struct Piece {
    char *begin;
    size_t size;
    size_t filled; ///< Bytes that rows take, once the next piece is begun.
  };

  static float *floatsOf(Stored *row) { return reinterpret_cast<float *>(row + 1); }

  /// Goes on in a piece that has `atLeast` bytes.
  void nextPiece(size_t atLeast) {
    if (used_ > 0)
      pieces_[used_ - 1].filled = static_cast<size_t>(free_ - pieces_[used_ - 1].begin);
    for (; used_ < pieces_.size() && pieces_[used_].size < atLeast; ++used_)
      pieces_[used_].filled = 0;
    if (used_ == pieces_.size()) {
      const size_t size = std::max(pieceBytes, atLeast);
      pieces_.push_back({arena_.allocate(size), size, 0});
    }
    free_ = pieces_[used_].begin;
    left_ = pieces_[used_].size;
    ++used_;
  }

  /// Whether there is a row to take, which is then next.
  bool hasMore() {
    for (; takenPieces_ < used_; ++takenPieces_, takenBytes_ = 0) {
      const Piece &piece = pieces_[takenPieces_];
      const size_t filled = takenPieces_ + 1 < used_ ? piece.filled : static_cast<size_t>(free_ - piece.begin);
      if (takenBytes_ < filled)
        return true;
      if (takenPieces_ + 1 == used_)
        return false; // more may come behind these
    }
    return false;
  }

  RowArena &arena_;
  std::vector<Piece> pieces_;
  size_t used_ = 0;      ///< Pieces that have rows; the last of them is being filled.
  char *free_ = nullptr; ///< Where the next row goes ..
  size_t left_ = 0;      ///< .. and the bytes there.
  size_t takenPieces_ = 0, takenBytes_ = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_SETASIDEROWS_H
