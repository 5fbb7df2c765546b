// SetAsideRows: rows of a range as they were when a snapshot of it began, kept until the snapshot comes to them. They
// are added in whatever order updates come to rows, and taken in the order of positions in the range's index.
#ifndef HETER_RUNTIME_TABLE_SETASIDEROWS_H
#define HETER_RUNTIME_TABLE_SETASIDEROWS_H

#include "runtime/table/RowArena.h"
#include "runtime/table/RowStore.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

namespace heter::runtime {

/// Rows lie one after another in large pieces of memory, as they come, and so do their places: all that adding one
/// costs an update is to write on. Who takes rows sorts the places that came since into buckets of a few positions
/// each, and so knows the rows that it wants ahead. Thread-compatible.
class SetAsideRows {
public:
  struct Entry {
    uint64_t position; ///< RowIndex::position of the row's hash.
    uint64_t key;
    uint16_t epoch;
    uint16_t seen;
    bool admitted;
  };

  /// `arena` outlives the rows.
  explicit SetAsideRows(RowArena &arena) : memory_(arena) {}

  /// Copies a row. REQUIRES: it was not added before, and no dropBelow passed its position.
  void add(const Entry &entry, std::span<const float> state) {
    const size_t size = sizeof(Stored) + (state.size_bytes() + 7) / 8 * 8;
    auto *stored = new (memory_.take(size)) Stored{entry.key, static_cast<uint32_t>(state.size()),
                                                   static_cast<uint32_t>(entry.admitted), entry.epoch, entry.seen};
    std::copy(state.begin(), state.end(), floatsOf(stored));
    came_.push_back({stored, entry.position});
  }

  /// Calls visit(entry, state) for each row of a position below `end` that is not dropped, in no order. The states live
  /// until clear().
  template <typename Visit> void visitBelow(uint64_t end, Visit visit) {
    constexpr size_t ahead = 16;
    sortIn();
    findBelow(end);
    for (size_t i = 0; i < std::min(ahead, due_.size()); ++i)
      prefetch(due_[i]);
    for (size_t i = 0; i < due_.size(); ++i) {
      if (i + ahead < due_.size())
        prefetch(due_[i + ahead]);
      const Stored &row = *due_[i].row;
      visit(Entry{due_[i].position, row.key, row.epoch, row.seen, row.admitted != 0},
            std::span<const float>(floatsOf(due_[i].row), row.floats));
    }
  }

  /// Drops the rows of positions below `end`, not their memory.
  void dropBelow(uint64_t end) {
    dropped_ = end;
    first_ = end >> bucketShift;
  }

  /// Forgets all rows. Their memory is for the next ones: those of the next save will be about as many. Until then its
  /// arena may lend it to the system.
  void clear() {
    memory_.reuse();
    came_ = {};
    buckets_ = {};
    due_ = {};
    left_ = {};
    dropped_ = 0;
    first_ = 0;
  }

private:
  static constexpr int bucketShift = 20; ///< Of positions, which are below 2^32: a bucket holds a few hundred rows.
  static constexpr size_t bucketCount = size_t{1} << (32 - bucketShift);

  struct Stored {
    uint64_t key;
    uint32_t floats : 31; ///< They follow.
    uint32_t admitted : 1;
    uint16_t epoch;
    uint16_t seen;
  };
  struct Place {
    Stored *row;
    uint64_t position;
  };
  /// Some places of a bucket.
  struct Places {
    Places *before;
    size_t used;
    std::array<Place, 7> at;
  };
  /// Pieces of the arena's, of which small ones are handed out.
  class Memory {
  public:
    explicit Memory(RowArena &arena) : arena_(arena) {}
    /// At a multiple of 8. REQUIRES: so is `bytes`.
    char *take(size_t bytes) {
      while (left_ < bytes) {
        if (next_ == pieces_.size()) {
          const size_t size = std::max(size_t{64} << 10, bytes);
          pieces_.push_back({arena_.allocate(size), size});
        }
        std::tie(free_, left_) = pieces_[next_++];
      }
      left_ -= bytes;
      return std::exchange(free_, free_ + bytes);
    }
    /// Hands the same memory out again.
    void reuse() {
      next_ = 0;
      left_ = 0;
    }

  private:
    RowArena &arena_;
    std::vector<std::pair<char *, size_t>> pieces_;
    size_t next_ = 0;
    char *free_ = nullptr;
    size_t left_ = 0;
  };

  static float *floatsOf(Stored *row) { return reinterpret_cast<float *>(row + 1); }
  static void prefetch(const Places *places) {
    const char *at = reinterpret_cast<const char *>(places);
    prefetchLine(at);
    prefetchLine(at + 64);
    prefetchLine(at + sizeof(Places) - 1);
  }
  static void prefetch(const Place &place) {
    const char *at = reinterpret_cast<const char *>(place.row);
    prefetchLine(at);
    prefetchLine(at + 64);
  }

  /// Puts the places that came since the last time into their buckets, those of dropped rows too.
  void sortIn() {
    constexpr size_t ahead = 8;
    if (came_.empty())
      return;
    if (buckets_.empty())
      buckets_.resize(bucketCount);
    for (size_t i = 0; i < came_.size(); ++i) {
      if (i + ahead < came_.size())
        if (const Places *places = buckets_[came_[i + ahead].position >> bucketShift])
          __builtin_prefetch(places, 1, 2);
      Places *&last = buckets_[came_[i].position >> bucketShift];
      if (!last || last->used == last->at.size())
        last = new (memory_.take(sizeof(Places))) Places{last, 0, {}};
      last->at[last->used++] = came_[i];
    }
    came_.clear();
  }

  /// Sets due_ to the places of positions below `end` that are not dropped. Goes back through all their buckets in
  /// turn: where a bucket's places before these lie is known only once these are near.
  void findBelow(uint64_t end) {
    due_.clear();
    left_.clear();
    for (size_t b = first_; b < buckets_.size() && (b << bucketShift) < end; ++b)
      if (buckets_[b])
        left_.push_back(buckets_[b]);
    for (const Places *places : left_)
      prefetch(places);
    while (!left_.empty()) {
      size_t kept = 0;
      for (const Places *places : left_) {
        if (places->before) {
          prefetch(places->before);
          left_[kept++] = places->before;
        }
        for (const Place &place : std::span(places->at).first(places->used))
          if (place.position >= dropped_ && place.position < end)
            due_.push_back(place);
      }
      left_.resize(kept);
    }
  }

  Memory memory_;
  std::vector<Place> came_;       ///< Since places were last sorted in.
  std::vector<Places *> buckets_; ///< The last of each; none as long as nothing was sorted in.
  std::vector<Place> due_;        ///< This and the next are kept so that calls do not allocate.
  std::vector<const Places *> left_;
  uint64_t dropped_ = 0;
  size_t first_ = 0; ///< Buckets below are dropped.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_SETASIDEROWS_H
