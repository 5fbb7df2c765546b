// libcuckoo and plain memory.
#include "bench/table/Peers.h"

#include "runtime/base/Hash.h"

#include <array>
#include <cmath>
#include <cstring>

#if defined(HETER_HAVE_LIBCUCKOO)
#include <libcuckoo/cuckoohash_map.hh>
#endif

namespace heter::bench {

#if defined(HETER_HAVE_LIBCUCKOO)
namespace {
struct MixedKey {
  size_t operator()(uint64_t key) const { return runtime::mixKey(key); }
};
using State = std::array<float, size_t{2} * dim>;

class LibCuckooMap : public CuckooMap {
public:
  explicit LibCuckooMap(std::span<const uint64_t> keys) : map_(keys.size()) {
    State state;
    state.fill(0.1F);
    for (uint64_t key : keys)
      map_.insert(key, state);
  }
  void pull(std::span<const uint64_t> keys, float *out) override {
    for (uint64_t key : keys) {
      map_.find_fn(key, [&](const State &state) { std::memcpy(out, state.data(), dim * sizeof(float)); });
      out += dim;
    }
  }
  void push(std::span<const uint64_t> keys, const float *gradients) override {
    for (uint64_t key : keys) {
      map_.update_fn(key, [&](State &state) { adagrad(state.data(), state.data() + dim, gradients); });
      gradients += dim;
    }
  }

private:
  static void adagrad(float *__restrict value, float *__restrict sum, const float *__restrict gradient) {
    for (size_t d = 0; d < dim; ++d) {
      const float g = gradient[d];
      const float squares = sum[d] + g * g;
      sum[d] = squares;
      value[d] -= learningRate * g / (std::sqrt(squares) + epsilon);
    }
  }

  libcuckoo::cuckoohash_map<uint64_t, State, MixedKey> map_;
};
} // namespace

std::unique_ptr<CuckooMap> CuckooMap::create(std::span<const uint64_t> keys) {
  return std::make_unique<LibCuckooMap>(keys);
}
#else
std::unique_ptr<CuckooMap> CuckooMap::create(std::span<const uint64_t>) { return nullptr; }
#endif

struct PlainRows::Row {
  uint64_t key;
  float value[dim];
  float sum[dim];
};

PlainRows::PlainRows(size_t rows)
    : count_(rows), memory_(rows * sizeof(Row), runtime::PageMapping::Pages::Huge),
      rows_(reinterpret_cast<Row *>(memory_.begin())) {
  for (size_t i = 0; i < rows; ++i)
    rows_[i].key = i;
}

template <int locality> void PlainRows::readAs(std::span<const uint32_t> rows, float *out) const {
  constexpr size_t ahead = 16;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i + ahead < rows.size()) {
      const auto *next = reinterpret_cast<const char *>(rows_ + rows[i + ahead]);
      __builtin_prefetch(next, 0, locality);
      __builtin_prefetch(next + 64, 0, locality);
    }
    const Row &row = rows_[rows[i]];
    std::memcpy(out, row.value, dim * sizeof(float));
    out[0] += row.sum[dim - 1]; // the second line counts too
    out += dim;
  }
}

void PlainRows::read(std::span<const uint32_t> rows, float *out, bool near) const {
  near ? readAs<3>(rows, out) : readAs<2>(rows, out);
}

} // namespace heter::bench
