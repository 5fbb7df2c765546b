// StoreInstant: all that a store owns as it was at one instant, between two steps, read while training goes on. Rows
// are copied aside when an update first changes them (TableSnapshot.h), dense values are a version that stays pinned,
// and dense optimizer state is copied at the instant, so that only this copy holds up a step.
#ifndef HETER_RUNTIME_TABLE_STOREINSTANT_H
#define HETER_RUNTIME_TABLE_STOREINSTANT_H

#include "runtime/table/DenseStore.h"
#include "runtime/table/TableSnapshot.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace heter::runtime {

/// One at a time for a store. Used by one thread; others may use the store, which outlives it.
class StoreInstant {
public:
  /// Made by ParameterStore::snapshot().
  StoreInstant(uint64_t seed, int64_t version, DenseStore::Image dense, const DenseStore &store)
      : seed_(seed), version_(version), dense_(std::move(dense)), store_(store) {}

  uint64_t seed() const { return seed_; }
  /// Steps closed at the instant.
  int64_t version() const { return version_; }
  TableSnapshot &table(size_t table) { return *tables_[table]; }
  /// As ParameterStore::readDenseState.
  void readDenseState(int parameter, int64_t localBlock, std::vector<float> &state) const {
    store_.readState(dense_, parameter, localBlock, state);
  }

private:
  friend class ParameterStore;
  const uint64_t seed_;
  const int64_t version_;
  const DenseStore::Image dense_;
  const DenseStore &store_;
  std::vector<std::unique_ptr<TableSnapshot>> tables_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_STOREINSTANT_H
