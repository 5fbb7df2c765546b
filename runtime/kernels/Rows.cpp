// Lookups go example by example, so that several may fill one row. Gradients are summed by threads that each own some
// of the keys and pass over all ids.
#include "runtime/kernels/Rows.h"

#include "runtime/base/Hash.h"
#include "runtime/base/ParallelFor.h"
#include "tests/mutation/Mutation.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace heter::runtime {

Pool parsePool(const std::string &text) {
  assert((text == "none" || text == "sum" || text == "mean") && "an unknown pool");
  return text == "sum" ? Pool::Sum : text == "mean" ? Pool::Mean : Pool::None;
}

void UniqueKeys::reset(int64_t count) {
  keys_.clear();
  size_t size = std::bit_ceil(static_cast<size_t>(std::max<int64_t>(count, 8)) * 2);
  slots_.assign(size, -1);
  mask_ = size - 1;
}

int32_t UniqueKeys::insert(uint64_t key) {
  uint64_t slot = mixKey(key) & mask_;
  while (slots_[slot] >= 0) {
    if (keys_[slots_[slot]] == key && !HETER_MUTATION("deduplication/unique-keys"))
      return slots_[slot];
    slot = (slot + 1) & mask_;
  }
  auto place = static_cast<int32_t>(keys_.size());
  slots_[slot] = place;
  keys_.push_back(key);
  return place;
}

void UniqueKeys::build(std::span<const int64_t> ids, int64_t *places) {
  reset(static_cast<int64_t>(ids.size()));
  for (size_t i = 0; i < ids.size(); ++i)
    places[i] = insert(static_cast<uint64_t>(ids[i]));
}

std::span<const int64_t> allIds(const TensorView &ids) {
  int64_t count = ids.kind == package::ValueKind::RAGGED ? ids.count : ids.shape.elements();
  return {ids.i64(), static_cast<size_t>(count)};
}

namespace {

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

void poolRows(const float *rows, std::span<const int64_t> places, int64_t dim, Pool pool, float *to) {
  std::fill(to, to + dim, 0.0f);
  for (int64_t place : places)
    for (int64_t d = 0; d < dim; ++d)
      to[d] += rows[place * dim + d];
  if (pool == Pool::Mean && !places.empty())
    for (int64_t d = 0; d < dim; ++d)
      to[d] /= static_cast<float>(places.size());
}

void lookUpPart(const LookupPart &part, std::span<const TensorView> inputs, int64_t begin, int64_t end, int64_t stride,
                float *out) {
  if (!part.isLookup) {
    const float *from = inputs[part.input].f32() + begin * part.width;
    for (int64_t e = begin; e < end; ++e, from += part.width, out += stride)
      std::memcpy(out, from, static_cast<size_t>(part.width) * sizeof(float));
    return;
  }
  const TensorView &rows = inputs[part.input], &ids = inputs[part.input + 1];
  const int64_t *places = ids.i64(), dim = rows.shape[0];
  const Lists lists(ids, part.pool);
  for (int64_t e = begin; e < end; ++e, out += stride) {
    float *to = out;
    for (int64_t list = e * lists.perExample(); list < (e + 1) * lists.perExample(); ++list, to += dim)
      if (part.pool == Pool::None)
        std::memcpy(to, rows.f32() + places[list] * dim, static_cast<size_t>(dim) * sizeof(float));
      else
        poolRows(rows.f32(), {places + lists.begin(list), places + lists.end(list)}, dim, part.pool, to);
  }
}

void addRow(float *to, const float *from, int64_t dim, bool isFirst) {
  for (int64_t d = 0; d < dim; ++d)
    to[d] = isFirst ? from[d] : to[d] + from[d];
}

void addShare(float *to, const float *from, int64_t dim, bool isFirst, float length) {
  for (int64_t d = 0; d < dim; ++d)
    to[d] = isFirst ? from[d] / length : to[d] + from[d] / length;
}

/// The sums of keys [first, last).
void sumPiece(const TensorView &ids, int64_t first, int64_t last, const float *dy, int64_t stride, int64_t dim,
              Pool pool, float *rows) {
  const int64_t *places = ids.i64();
  const Lists lists(ids, pool);
  int64_t seen = first; // keys below have their first gradient
  for (int64_t e = 0; e < ids.examples; ++e) {
    const float *from = dy + e * stride;
    for (int64_t list = e * lists.perExample(); list < (e + 1) * lists.perExample(); ++list, from += dim)
      for (int64_t i = lists.begin(list); i < lists.end(list); ++i) {
        if (places[i] < first || places[i] >= last)
          continue;
        const bool isFirst = places[i] == seen;
        seen += isFirst;
        if (pool == Pool::Mean)
          addShare(rows + places[i] * dim, from, dim, isFirst, static_cast<float>(lists.end(list) - lists.begin(list)));
        else
          addRow(rows + places[i] * dim, from, dim, isFirst);
      }
  }
}

} // namespace

void lookUp(std::span<const LookupPart> parts, std::span<const TensorView> inputs, int64_t begin, int64_t end,
            int64_t width, float *out) {
  for (const LookupPart &part : parts) {
    lookUpPart(part, inputs, begin, end, width, out);
    out += part.width;
  }
}

Status checkPlaces(const TensorView &places, int64_t count) {
  for (int64_t place : allIds(places))
    if (static_cast<uint64_t>(place) >= static_cast<uint64_t>(count))
      return Status::dataLoss("place " + std::to_string(place) + " is none of " + std::to_string(count) + " rows");
  return {};
}

void sumRowGradients(const TensorView &places, int64_t count, const float *dy, int64_t stride, int64_t dim, Pool pool,
                     float *rows, Scheduler *scheduler) {
  constexpr int64_t worthHelp = 16384, pieces = 4;
  if (!scheduler || count * dim < worthHelp)
    return sumPiece(places, 0, count, dy, stride, dim, pool, rows);
  parallelFor(*scheduler, pieces, [&](int64_t piece) {
    sumPiece(places, count * piece / pieces, count * (piece + 1) / pieces, dy, stride, dim, pool, rows);
  });
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
