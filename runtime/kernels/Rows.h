// Sparse keys: their distinct values, and the moves between rows by key and values by id that lookups and their
// gradients are made of.
#ifndef HETER_RUNTIME_KERNELS_ROWS_H
#define HETER_RUNTIME_KERNELS_ROWS_H

#include "runtime/base/Scheduler.h"
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

/// The distinct keys of a list of ids in the order of their first occurrence. Flat open addressing; memory is kept from
/// one use to the next, and forgetting keys costs nothing. Not thread-safe.
class UniqueKeys {
public:
  /// `first` is for tests: where numbers begin that run out one day.
  explicit UniqueKeys(uint32_t first) : first_(first) {}
  UniqueKeys() = default;

  /// Forgets the keys and makes room for `count` of them.
  void reset(int64_t count);
  /// The place of `key`, which is appended if it is new. REQUIRES: not more calls since reset than its count.
  int32_t insert(uint64_t key);
  /// insert of all ids, whose places go to `places`. REQUIRES: as for so many calls of insert.
  void insertAll(std::span<const int64_t> ids, int64_t *places);
  /// reset, then insertAll.
  void build(std::span<const int64_t> ids, int64_t *places);

  /// Valid until the next call of another function.
  std::span<const uint64_t> keys() const { return {keys_.data(), count_}; }
  int64_t memoryBytes() const {
    return static_cast<int64_t>(keys_.capacity() * sizeof(uint64_t) + slots_.capacity() * sizeof(uint32_t));
  }

private:
  /// The state, to be kept in registers by a loop.
  struct Inserter;
  Inserter inserter();

  std::vector<uint64_t> keys_; ///< Those of places below count_, and room.
  std::vector<uint32_t> slots_;
  uint64_t mask_ = 0;  ///< Of the slots in use: a power of two of them.
  uint32_t first_ = 1; ///< A slot holds this and its key's place, or a lower number if it is empty.
  uint32_t count_ = 0;
};

/// The ids, or places of ids, of examples [begin, end) of a TENSOR or RAGGED value whose first extent is the example
/// count.
std::span<const int64_t> idsOf(const TensorView &ids, int64_t begin, int64_t end);
std::span<const int64_t> allIds(const TensorView &ids);

/// What stands side by side in a row of a lookup's result.
struct LookupPart {
  size_t input;           ///< A tensor, or rows followed by the places of ids among them.
  bool isLookup = false;  ///< Whether it is the latter ..
  Pool pool = Pool::None; ///< .. and what is done with each list of ids.
  int64_t width = 0;      ///< Floats an example.
};

/// Writes examples [begin, end) of the parts, side by side, to `out`: the first at `out` itself, each `width` floats.
/// A lookup gives, for each id (pool none) or each list of ids (pooled: the last axis of ids, or a ragged example), the
/// row or the sum or mean of the rows, in the order of ids; an empty list gives zeros.
/// False, with nothing to rely on in `out`, if a place is none of its rows.
[[nodiscard]] bool lookUp(std::span<const LookupPart> parts, std::span<const TensorView> inputs, int64_t begin,
                          int64_t end, int64_t width, float *out);

/// An error if a place is none of `count` rows.
Status checkPlaces(const TensorView &places, int64_t count);

/// The gradient of one lookup's result. An example's gradients are `dim` floats a list, and begin at `dy` + `stride`
/// times the example's number.
struct LookupGradient {
  const TensorView *places;
  const float *dy; ///< May be null if there are no examples.
  int64_t stride;
  Pool pool;
};

/// The gradients of lookups of one table: for each of `count` keys the sum, in the order of occurrence, one lookup
/// after another, of the gradients of its ids (divided by the list's length for mean). The places of all lookups have
/// each key at least once. `rows` gets count * dim floats. False, with nothing to rely on in `rows`, if a place is none
/// of `count`. `scheduler` may be null; it changes no bit.
[[nodiscard]] bool sumRowGradients(std::span<const LookupGradient> of, int64_t count, int64_t dim, float *rows,
                                   Scheduler *scheduler);

/// The sum of two row sets: a's keys in their order, then b's new ones in theirs.
void addRows(const TensorView &a, const TensorView &b, int64_t dim, UniqueKeys &index, std::vector<float> &rows);

} // namespace heter::runtime

#endif // HETER_RUNTIME_KERNELS_ROWS_H
