// Sparse keys: their distinct values, and the moves between rows by key and values by id that lookups and their
// gradients are made of.
#ifndef HETER_RUNTIME_KERNELS_ROWS_H
#define HETER_RUNTIME_KERNELS_ROWS_H

#include "runtime/base/Status.h"
#include "runtime/kernels/Tensor.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace heter::runtime {

/// What a lookup does with the rows of one list of ids.
enum class Pool { None, Sum, Mean };
/// REQUIRES: text is none, sum or mean.
Pool parsePool(const std::string &text);

/// The distinct keys of a list of ids in the order of their first occurrence, and each id's place among them.
/// Flat open addressing; memory is kept from one use to the next. Not thread-safe.
class UniqueKeys {
public:
  /// Forgets the keys and makes room for `count` of them.
  void reset(int64_t count);
  /// The place of `key`, which is appended if it is new. REQUIRES: not more calls since reset than its count.
  int32_t insert(uint64_t key);
  /// reset, then insert of all ids; afterwards places() has an entry an id.
  void build(std::span<const int64_t> ids);

  const std::vector<uint64_t> &keys() const { return keys_; }
  const std::vector<int32_t> &places() const { return places_; }

private:
  std::vector<uint64_t> keys_;
  std::vector<int32_t> places_;
  std::vector<int32_t> slots_; ///< A power of two of places, -1 where empty.
  uint64_t mask_ = 0;
};

/// All ids of a TENSOR or RAGGED value.
std::span<const int64_t> allIds(const TensorView &ids);

/// The values of a lookup: `out` gets, for each id (pool none) or each list of ids (pooled: the last ids axis, or a
/// ragged example), the f32 row or the sum or mean of the rows, in id order; an empty list gives zeros. `index` was
/// built from allIds(ids); `rows` has index.keys().size() rows of `dim`.
void scatterPulledRows(const TensorView &ids, const UniqueKeys &index, const float *rows, int64_t dim, Pool pool,
                       float *out);

/// The gradient of a lookup: for each key the sum, in the order of occurrence, of the `dy` rows of its ids (divided by
/// the list's length for mean). Builds `index` from `ids`; `rows` gets index.keys().size() rows.
void gatherRowGradients(const TensorView &ids, const float *dy, int64_t dim, Pool pool, UniqueKeys &index,
                        std::vector<float> &rows);

/// The sum of two row sets: a's keys in their order, then b's new ones in theirs.
void addRows(const TensorView &a, const TensorView &b, int64_t dim, UniqueKeys &index, std::vector<float> &rows);

} // namespace heter::runtime

#endif // HETER_RUNTIME_KERNELS_ROWS_H
