// Lookups go example by example, so that several may fill one row. Gradients are summed by threads that each own some
// of the keys and pass over all ids, so that a key's are added in the order of its ids.
#include "runtime/kernels/Rows.h"

#include "runtime/base/Hash.h"
#include "runtime/base/KnownCount.h"
#include "runtime/base/ParallelFor.h"
#include "tests/mutation/Mutation.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace heter::runtime {

Pool parsePool(const std::string &text) {
  assert((text == "none" || text == "sum" || text == "mean") && "an unknown pool");
  return text == "sum" ? Pool::Sum : text == "mean" ? Pool::Mean : Pool::None;
}

struct UniqueKeys::Inserter {
  uint64_t *keys;
  uint32_t *slots;
  uint64_t mask;
  uint32_t first, count;

  uint64_t slotOf(uint64_t key) const { return mixKey(key) & mask; }
  /// The place of a key whose slotOf is `slot`. A new key is compared like a known one, with itself: there is no branch
  /// on whether a key is new, which could not be foreseen.
  [[gnu::always_inline]] uint32_t insert(uint64_t key, uint64_t slot) {
    keys[count] = key;
    for (;; slot = (slot + 1) & mask) {
      const uint32_t place = std::min(slots[slot] - first, count); // of an empty slot's number, more than any count
      if (keys[place] != key || (place != count && HETER_MUTATION("deduplication/unique-keys")))
        continue;
      slots[slot] = first + place;
      count += place == count;
      return place;
    }
  }
};

UniqueKeys::Inserter UniqueKeys::inserter() { return {keys_.data(), slots_.data(), mask_, first_, count_}; }

void UniqueKeys::reset(int64_t count) {
  const size_t size = std::bit_ceil(static_cast<size_t>(std::max<int64_t>(count, 8)) * 2);
  first_ += count_; // empties all slots
  count_ = 0;
  const bool runsOut = first_ > std::numeric_limits<uint32_t>::max() - size;
  if (runsOut)
    first_ = 1;
  if (runsOut || size > slots_.size())
    slots_.assign(std::max(size, slots_.size()), 0);
  mask_ = size - 1;
  keys_.resize(std::max(keys_.size(), size / 2));
}

int32_t UniqueKeys::insert(uint64_t key) {
  Inserter into = inserter();
  const uint32_t place = into.insert(key, into.slotOf(key));
  count_ = into.count;
  return static_cast<int32_t>(place);
}

void UniqueKeys::build(std::span<const int64_t> ids, int64_t *places) {
  reset(static_cast<int64_t>(ids.size()));
  insertAll(ids, places);
}

void UniqueKeys::insertAll(std::span<const int64_t> ids, int64_t *places) {
  constexpr size_t ahead = 32;
  Inserter into = inserter();
  std::array<uint64_t, 2 * ahead> slots;
  const auto approach = [&](size_t begin) {
    for (size_t i = begin; i < std::min(begin + ahead, ids.size()); ++i) {
      const uint64_t slot = into.slotOf(static_cast<uint64_t>(ids[i]));
      slots[i % slots.size()] = slot;
      __builtin_prefetch(into.slots + slot, 1);
    }
  };
  approach(0);
  for (size_t begin = 0; begin < ids.size(); begin += ahead) {
    approach(begin + ahead);
    for (size_t i = begin; i < std::min(begin + ahead, ids.size()); ++i)
      places[i] = into.insert(static_cast<uint64_t>(ids[i]), slots[i % slots.size()]);
  }
  count_ = into.count;
}

std::span<const int64_t> idsOf(const TensorView &ids, int64_t begin, int64_t end) {
  const bool ragged = ids.kind == package::ValueKind::RAGGED;
  const int64_t each = ragged ? 0 : ids.shape.product(1, ids.shape.rank);
  const int64_t first = ragged ? ids.offsets[begin] : begin * each, last = ragged ? ids.offsets[end] : end * each;
  return {ids.i64() + first, static_cast<size_t>(last - first)};
}

std::span<const int64_t> allIds(const TensorView &ids) {
  int64_t count = ids.kind == package::ValueKind::RAGGED ? ids.count : ids.shape.elements();
  return {ids.i64(), static_cast<size_t>(count)};
}

namespace {

bool areBelow(std::span<const int64_t> places, int64_t count) {
  uint64_t outside = 0; // its highest bit
  for (int64_t place : places)
    outside |= static_cast<uint64_t>(place) | (static_cast<uint64_t>(count) - 1 - static_cast<uint64_t>(place));
  return static_cast<int64_t>(outside) >= 0;
}

/// The lists of ids of each example that make one row each: single ids without pooling.
class Lists {
public:
  Lists(const TensorView &ids, Pool pool)
      : offsets_(ids.kind == package::ValueKind::RAGGED ? ids.offsets : nullptr),
        length_(pool == Pool::None || offsets_ ? 1 : ids.shape[ids.shape.rank - 1]),
        perExample_(offsets_       ? 1
                    : length_ == 0 ? 0
                                   : ids.shape.product(1, ids.shape.rank) / length_) {}

  int64_t perExample() const { return perExample_; }
  int64_t begin(int64_t list) const { return offsets_ ? offsets_[list] : list * length_; }
  int64_t end(int64_t list) const { return offsets_ ? offsets_[list + 1] : (list + 1) * length_; }

private:
  const int64_t *offsets_;
  int64_t length_;
  int64_t perExample_;
};

/// Examples of a lookup's result, and where the first one's part of it begins.
struct Examples {
  int64_t begin, end;
  int64_t stride; ///< From one example to the next, in floats.
  float *out;
};

void poolRows(const float *rows, std::span<const int64_t> places, auto dim, Pool pool, float *to) {
  std::fill_n(to, size_t{dim}, 0.0f);
  for (int64_t place : places)
    for (size_t d = 0; d < dim; ++d)
      to[d] += rows[static_cast<size_t>(place) * dim + d];
  if (pool == Pool::Mean && !places.empty())
    for (size_t d = 0; d < dim; ++d)
      to[d] /= static_cast<float>(places.size());
}

void lookUpLists(const LookupPart &part, const TensorView &rows, const TensorView &ids, const Examples &examples,
                 auto dim) {
  const int64_t *places = ids.i64();
  const float *from = rows.f32();
  const Lists lists(ids, part.pool);
  float *out = examples.out;
  for (int64_t e = examples.begin; e < examples.end; ++e, out += examples.stride) {
    float *to = out;
    for (int64_t list = e * lists.perExample(); list < (e + 1) * lists.perExample(); ++list, to += dim)
      if (part.pool == Pool::None)
        copyFloats(to, from + static_cast<size_t>(places[list]) * dim, dim);
      else
        poolRows(from, {places + lists.begin(list), places + lists.end(list)}, dim, part.pool, to);
  }
}

void lookUpPart(const LookupPart &part, std::span<const TensorView> inputs, const Examples &examples) {
  if (part.isLookup)
    return withKnownCount(static_cast<size_t>(inputs[part.input].shape[0]), [&](auto dim) {
      lookUpLists(part, inputs[part.input], inputs[part.input + 1], examples, dim);
    });
  const float *from = inputs[part.input].f32() + examples.begin * part.width;
  float *out = examples.out;
  for (int64_t e = examples.begin; e < examples.end; ++e, from += part.width, out += examples.stride)
    std::memcpy(out, from, static_cast<size_t>(part.width) * sizeof(float));
}

/// The gradients of lookups' ids, and their sums by key.
struct RowSums {
  std::span<const LookupGradient> of;
  int64_t keys;
  float *rows;
};

/// Four floats at once, and fewer at the end: to[d] += share(from[d]).
void addShares(float *to, const float *from, auto dim, auto share) {
  using Four = float __attribute__((vector_size(4 * sizeof(float))));
  size_t d = 0;
  for (; d + 4 <= dim; d += 4) {
    Four sum, more;
    std::memcpy(&sum, to + d, sizeof sum);
    std::memcpy(&more, from + d, sizeof more);
    sum += share(more);
    std::memcpy(to + d, &sum, sizeof sum);
  }
  for (; d < dim; ++d)
    to[d] += share(from[d]);
}

/// Whether any place is of [begin, end).
bool anyWithin(std::span<const int64_t> places, int64_t begin, int64_t end) {
  int64_t outside = -1; // its highest bit
  for (int64_t place : places)
    outside &= (place - begin) | (end - 1 - place);
  return outside >= 0;
}

/// One piece of the sums: those of the keys [begin, end). Keys have numbers in the order in which they come first, so
/// that a piece's gradients mostly lie together. Elsewhere examples without one of its ids are passed over; in others
/// the ids are gathered first, without a branch that could not be foreseen, and then added with memory on its way.
template <typename Dim> class SumPiece {
public:
  SumPiece(const RowSums &of, int64_t begin, int64_t end, Dim dim)
      : of_(of), rows_(of.rows), begin_(begin), end_(end), dim_(dim), begun_(begin) {}

  /// False if a place is none of the keys'.
  bool run() {
    for (const LookupGradient &gradients : of_.of)
      if (!(gradients.pool == Pool::None ? gather<true>(gradients) : gather<false>(gradients)))
        return false;
    beginRows(end_);
    return true;
  }

private:
  struct Id {
    const float *from;
    uint32_t place;
    float length; ///< Of the list.
  };

  /// `single`: each list is of one id.
  template <bool single> bool gather(const LookupGradient &gradients) {
    constexpr int64_t checked = 16; // examples, whose ids stay near
    const Lists lists(*gradients.places, gradients.pool);
    const int64_t *places = gradients.places->i64(), perExample = lists.perExample();
    const int64_t examples = gradients.places->examples;
    size_t count = 0;
    int64_t seen = begun_; // the piece's places below have been gathered
    for (int64_t e = 0; e < examples; ++e) {
      if (e % checked == 0) {
        const std::span<const int64_t> these = idsOf(*gradients.places, e, std::min(e + checked, examples));
        if (!areBelow(these, of_.keys))
          return false;
        if (!anyWithin(these, begin_, end_)) {
          e += checked - 1;
          continue;
        }
      }
      const float *from = gradients.dy + e * gradients.stride;
      for (int64_t list = e * perExample; list < (e + 1) * perExample; ++list, from += dim_) {
        const int64_t begin = single ? list : lists.begin(list), end = single ? list + 1 : lists.end(list);
        for (int64_t i = begin; i < end; ++i) {
          ids_[count] = {from, static_cast<uint32_t>(places[i]), static_cast<float>(end - begin)};
          seen = std::max(seen, std::min(places[i] + 1, end_));
          count += isMine(places[i]);
          if (count == ids_.size())
            add(std::exchange(count, 0), seen, gradients.pool);
        }
      }
    }
    add(count, seen, gradients.pool);
    return true;
  }

  bool isMine(int64_t place) const {
    return static_cast<uint64_t>(place - begin_) < static_cast<uint64_t>(end_ - begin_);
  }
  float *rowOf(int64_t place) const { return rows_ + static_cast<size_t>(place) * dim_; }

  [[gnu::noinline]] void add(size_t count, int64_t seen, Pool pool) { // inlined, it takes the loops' registers
    beginRows(seen);
    if (pool == Pool::Mean)
      addEach(count, [](auto gradient, float length) { return gradient / length; });
    else
      addEach(count, [](auto gradient, float) { return gradient; });
  }

  /// Keys come in order: those that are new begin with the number that adding to changes no bit.
  void beginRows(int64_t seen) {
    for (; begun_ < seen; ++begun_) {
      __builtin_prefetch(rowOf(begun_ + 16), 1);
      std::fill_n(rowOf(begun_), size_t{dim_}, -0.0f);
    }
  }

  void addEach(size_t count, auto share) {
    constexpr size_t ahead = 12;
    for (size_t i = 0; i < count; ++i) {
      const Id &next = ids_[std::min(i + ahead, count - 1)];
      __builtin_prefetch(next.from);
      __builtin_prefetch(rowOf(next.place), 1);
      addShares(rowOf(ids_[i].place), ids_[i].from, dim_,
                [&](auto gradient) { return share(gradient, ids_[i].length); });
    }
  }

  const RowSums &of_;
  float *const rows_;
  const int64_t begin_, end_;
  const Dim dim_;
  std::array<Id, 256> ids_;
  int64_t begun_; ///< The rows of the piece's places below hold sums.
};

} // namespace

bool lookUp(std::span<const LookupPart> parts, std::span<const TensorView> inputs, int64_t begin, int64_t end,
            int64_t width, float *out) {
  for (const LookupPart &part : parts) {
    if (part.isLookup && !areBelow(idsOf(inputs[part.input + 1], begin, end), inputs[part.input].count))
      return false;
    lookUpPart(part, inputs, {begin, end, width, out});
    out += part.width;
  }
  return true;
}

Status checkPlaces(const TensorView &places, int64_t count) {
  for (int64_t place : allIds(places))
    if (static_cast<uint64_t>(place) >= static_cast<uint64_t>(count))
      return Status::dataLoss("place " + std::to_string(place) + " is none of " + std::to_string(count) + " rows");
  return {};
}

bool sumRowGradients(std::span<const LookupGradient> of, int64_t count, int64_t dim, float *rows,
                     Scheduler *scheduler) {
  // Keys that come often mostly come early, so that first pieces take longer; and each passes over all places.
  constexpr int64_t worthHelp = 16384, piecesOfThread = 2, mostPieces = 8;
  const RowSums sums{of, count, rows};
  int64_t ids = 0;
  for (const LookupGradient &gradients : of)
    ids += static_cast<int64_t>(allIds(*gradients.places).size());
  std::atomic<bool> fit = true;
  const auto sum = [&](int64_t begin, int64_t end) {
    withKnownCount(static_cast<size_t>(dim), [&](auto dim) {
      if (!SumPiece(sums, begin, end, dim).run())
        fit = false;
    });
  };
  if (!scheduler || ids * dim < worthHelp) {
    sum(0, count);
    return fit;
  }
  // The rows of so many keys share no cache line with others if memory begins with one.
  constexpr int64_t unit = 16;
  const int64_t threads = scheduler->concurrency();
  const int64_t pieces = threads > 1 ? std::min(piecesOfThread * threads, mostPieces) : 1;
  const int64_t size = ((count + pieces - 1) / pieces + unit - 1) / unit * unit;
  parallelFor(*scheduler, pieces, [&](int64_t piece) {
    if (const int64_t begin = piece * size; begin < count)
      sum(begin, std::min(count, begin + size));
  });
  return fit;
}

void addRows(const TensorView &a, const TensorView &b, int64_t dim, UniqueKeys &index, std::vector<float> &rows) {
  index.reset(a.count + b.count);
  for (int64_t i = 0; i < a.count; ++i)
    index.insert(a.keys[i]);
  rows.assign(a.f32(), a.f32() + a.count * dim);
  for (int64_t i = 0; i < b.count; ++i) {
    int64_t place = index.insert(b.keys[i]);
    const float *from = b.f32() + i * dim;
    if (place * dim == static_cast<int64_t>(rows.size())) {
      rows.insert(rows.end(), from, from + dim);
      continue;
    }
    for (int64_t d = 0; d < dim; ++d)
      rows[place * dim + d] += from[d];
  }
}

} // namespace heter::runtime
