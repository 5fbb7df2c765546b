// One loop visits ids list by list; lookup and its gradient are two bodies of it.
#include "runtime/kernels/Rows.h"

#include "runtime/base/Hash.h"
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
  places_.clear();
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

void UniqueKeys::build(std::span<const int64_t> ids) {
  reset(static_cast<int64_t>(ids.size()));
  places_.resize(ids.size());
  for (size_t i = 0; i < ids.size(); ++i)
    places_[i] = insert(static_cast<uint64_t>(ids[i]));
}

std::span<const int64_t> allIds(const TensorView &ids) {
  int64_t count = ids.kind == package::ValueKind::RAGGED ? ids.count : ids.shape.elements();
  return {ids.i64(), static_cast<size_t>(count)};
}

/// Calls `visit(list, begin, end)` for each list of ids that makes one output row: single ids without pooling.
template <typename Visit> static void forEachList(const TensorView &ids, Pool pool, Visit visit) {
  if (ids.kind == package::ValueKind::RAGGED) {
    for (int64_t e = 0; e < ids.examples; ++e)
      visit(e, ids.offsets[e], ids.offsets[e + 1]);
    return;
  }
  int64_t length = pool == Pool::None ? 1 : ids.shape.dims[ids.shape.rank - 1];
  int64_t lists = length == 0 ? 0 : ids.shape.elements() / length;
  for (int64_t list = 0; list < lists; ++list)
    visit(list, list * length, (list + 1) * length);
}

void scatterPulledRows(const TensorView &ids, const UniqueKeys &index, const float *rows, int64_t dim, Pool pool,
                       float *out) {
  const int32_t *places = index.places().data();
  forEachList(ids, pool, [&](int64_t list, int64_t begin, int64_t end) {
    float *to = out + list * dim;
    if (pool == Pool::None) {
      std::memcpy(to, rows + places[begin] * dim, static_cast<size_t>(dim) * sizeof(float));
      return;
    }
    std::fill(to, to + dim, 0.0f);
    for (int64_t i = begin; i < end; ++i)
      for (int64_t d = 0; d < dim; ++d)
        to[d] += rows[places[i] * dim + d];
    if (pool == Pool::Mean && end > begin)
      for (int64_t d = 0; d < dim; ++d)
        to[d] /= static_cast<float>(end - begin);
  });
}

void gatherRowGradients(const TensorView &ids, const float *dy, int64_t dim, Pool pool, UniqueKeys &index,
                        std::vector<float> &rows) {
  index.build(allIds(ids));
  rows.assign(index.keys().size() * static_cast<size_t>(dim), 0.0f);
  const int32_t *places = index.places().data();
  forEachList(ids, pool, [&](int64_t list, int64_t begin, int64_t end) {
    const float *from = dy + list * dim;
    auto length = static_cast<float>(end - begin);
    for (int64_t i = begin; i < end; ++i) {
      float *to = rows.data() + places[i] * dim;
      if (pool == Pool::Mean)
        for (int64_t d = 0; d < dim; ++d)
          to[d] += from[d] / length;
      else
        for (int64_t d = 0; d < dim; ++d)
          to[d] += from[d];
    }
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
