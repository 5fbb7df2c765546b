// What the table is held against: libcuckoo with the same rows and arithmetic, and memory itself.
#ifndef HETER_BENCH_TABLE_PEERS_H
#define HETER_BENCH_TABLE_PEERS_H

#include "runtime/base/PageMapping.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace heter::bench {

inline constexpr int dim = 9;
inline constexpr float learningRate = 0.05F;
inline constexpr float epsilon = 1e-10F;

/// libcuckoo's map from a key to its value and Adagrad sums.
class CuckooMap {
public:
  /// Null if libcuckoo was not there when this was built.
  static std::unique_ptr<CuckooMap> create(std::span<const uint64_t> keys);
  virtual ~CuckooMap() = default;
  virtual void pull(std::span<const uint64_t> keys, float *out) = 0;
  virtual void push(std::span<const uint64_t> keys, const float *gradients) = 0;
};

/// Rows of key, value and sums one after another in huge pages, read at places that are known beforehand.
class PlainRows {
public:
  explicit PlainRows(size_t rows);
  size_t rows() const { return count_; }
  /// `near`: prefetches go to the nearest cache; else to the second, as the table's do.
  void read(std::span<const uint32_t> rows, float *out, bool near) const;

private:
  struct Row;
  template <int locality> void readAs(std::span<const uint32_t> rows, float *out) const;
  size_t count_;
  runtime::PageMapping memory_;
  Row *rows_;
};

} // namespace heter::bench

#endif // HETER_BENCH_TABLE_PEERS_H
