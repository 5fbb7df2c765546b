// RowArena: the memory of one table, handed out in small pieces from large regions of huge pages. All ranges of a table
// take theirs from one arena, so that however many ranges there are only its last huge page is used in part.
#ifndef HETER_RUNTIME_TABLE_ROWARENA_H
#define HETER_RUNTIME_TABLE_ROWARENA_H

#include "runtime/base/PageMapping.h"
#include "runtime/base/ThreadAnnotations.h"

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace heter::runtime {

/// Runs a task soon, on another thread.
using BackgroundRunner = std::function<void(std::function<void()> task)>;

/// Thread-safe. Pieces live as long as the arena.
class RowArena {
public:
  /// With `background`, huge pages are made ready before they are used, so that nobody waits for the system to clear
  /// them; empty: they are made when they are touched. A task that comes after the arena is gone does no harm.
  explicit RowArena(BackgroundRunner background = {}) : background_(std::move(background)) {}
  RowArena(const RowArena &) = delete;
  RowArena &operator=(const RowArena &) = delete;

  /// `bytes` zeroed bytes at a multiple of 64. Throws std::bad_alloc.
  char *allocate(size_t bytes) HETER_EXCLUDES(mutex_);
  /// The same, close to the other pieces that this call gave. What every pull goes through lies in few pages then, and
  /// the tables that find those stay in the caches.
  char *allocateClose(size_t bytes) HETER_EXCLUDES(mutex_);
  /// What is handed out next, up to `bytes` bytes, lies in one region and is expected to be used soon: see readyNext().
  /// Where there is no room for that, nothing is done. REQUIRES: little was handed out so far.
  void reserve(size_t bytes) HETER_EXCLUDES(mutex_);
  /// Makes one more huge page of what reserve() expects ready on the calling thread, if it is some way ahead at most of
  /// what was handed out; else gives false. Threads that call it before they use memory share the work of clearing it,
  /// and none waits for a page that another one clears.
  bool readyNext() HETER_EXCLUDES(mutex_);
  /// Lets the system have the memory of all pieces, which stay whose they are: it takes it if it needs some, and what
  /// is in them is lost. Those that it left are as fast to write to again as ever. REQUIRES: nobody uses a piece
  /// meanwhile.
  void lend() HETER_EXCLUDES(mutex_);
  /// Handed out so far, which is nearly what is resident.
  size_t bytes() const HETER_EXCLUDES(mutex_);

private:
  char *take(size_t bytes) HETER_REQUIRES(mutex_);
  void addRegion(size_t atLeast) HETER_REQUIRES(mutex_);
  /// The next huge page to be made ready, if it begins before `end` and is no further than `ahead` bytes from what is
  /// handed out next; it counts as ready then. Null: there is none.
  char *nextToReady(size_t ahead, const char *end) HETER_REQUIRES(mutex_);
  /// Has huge pages made ready for what is handed out next.
  void readyAhead() HETER_REQUIRES(mutex_);

  const BackgroundRunner background_;
  mutable Mutex mutex_;
  std::vector<PageMapping> regions_ HETER_GUARDED_BY(mutex_);
  char *next_ HETER_GUARDED_BY(mutex_) = nullptr;
  char *end_ HETER_GUARDED_BY(mutex_) = nullptr;
  char *ready_ HETER_GUARDED_BY(mutex_) = nullptr;    ///< Up to here huge pages are ready or about to be.
  char *expected_ HETER_GUARDED_BY(mutex_) = nullptr; ///< Up to here reserve() expects the region's to be used.
  size_t bytes_ HETER_GUARDED_BY(mutex_) = 0;
  // Of the block that allocateClose() gives from.
  char *closeNext_ HETER_GUARDED_BY(mutex_) = nullptr;
  char *closeEnd_ HETER_GUARDED_BY(mutex_) = nullptr;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWARENA_H
