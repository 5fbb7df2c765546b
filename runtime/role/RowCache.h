// Rows that a trainer has pulled, kept for pulls that may be answered with rows as old as these: those of a step that
// waits for an older version, of another micro-batch of the same step, of a test. docs/decisions/row-cache.md says what
// a cached read may return.
#ifndef HETER_RUNTIME_ROLE_ROWCACHE_H
#define HETER_RUNTIME_ROLE_ROWCACHE_H

#include "runtime/base/ThreadAnnotations.h"

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace heter::runtime {

/// How often rows were wanted, by what became of it.
struct RowCacheCounts {
  int64_t hits = 0;
  int64_t misses = 0; ///< Not there.
  int64_t stale = 0;  ///< There, and older than the pull allowed.

  RowCacheCounts &operator+=(const RowCacheCounts &other) {
    hits += other.hits;
    misses += other.misses;
    stale += other.stale;
    return *this;
  }
};

/// Of one run's generation: it is made when its role joins, after any load, and goes with it. Thread-safe.
class RowCache {
public:
  /// `dims` are the floats of a row of each table part, 0 of those that are never asked for. The others share `bytes`
  /// evenly; a part whose share is less than a row keeps none.
  RowCache(int64_t bytes, std::span<const int64_t> dims);
  ~RowCache();

  /// Writes the rows of `keys` that are kept at version `leastVersion` or newer to `out`, which has room for all of
  /// them. Returns the positions of the other keys.
  std::vector<uint32_t> find(int part, int64_t leastVersion, std::span<const uint64_t> keys, float *out);

  /// Keeps rows that have all updates of the steps below `version`: `rows` are those of `keys`, one after another. A
  /// row that is kept at a newer version stays. The rows that go are ones that were not asked for lately.
  void keep(int part, int64_t version, std::span<const uint64_t> keys, const float *rows);

  RowCacheCounts counts() const;
  /// Of all parts.
  int64_t rowCount() const;
  /// The memory that `rowCount` rows of a part may take, index included.
  static int64_t bytesPerRow(int64_t dim);

private:
  struct Row {
    uint64_t key = 0;
    int64_t version = 0;
    bool used = false; ///< Since the hand passed.
  };
  /// The rows of one part, and the hand of a clock that goes round them.
  struct Shelf {
    int64_t dim = 0;
    size_t capacity = 0;
    mutable Mutex mutex;
    std::unordered_map<uint64_t, uint32_t> places HETER_GUARDED_BY(mutex);
    std::vector<Row> rows HETER_GUARDED_BY(mutex);
    std::unique_ptr<float[]> values HETER_GUARDED_BY(mutex); ///< Of `capacity` rows; touched as rows come.
    size_t hand HETER_GUARDED_BY(mutex) = 0;
    RowCacheCounts counts HETER_GUARDED_BY(mutex);

    /// A place for a row of `key`, which is not there.
    uint32_t take(uint64_t key) HETER_REQUIRES(mutex);
  };

  std::vector<std::unique_ptr<Shelf>> shelves_; ///< By part.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_ROWCACHE_H
