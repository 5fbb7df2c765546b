// What a ParameterStore has. Its pulls are in ParameterStore.cpp, what changes it in ParameterStoreUpdates.cpp.
#ifndef HETER_RUNTIME_TABLE_PARAMETERSTOREIMPL_H
#define HETER_RUNTIME_TABLE_PARAMETERSTOREIMPL_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/table/DenseStore.h"
#include "runtime/table/ParameterStore.h"
#include "runtime/table/SparseTable.h"
#include "runtime/table/UpdateStage.h"

#include <atomic>

namespace heter::runtime {

struct ParameterStore::Impl {
  struct Part {
    int table;
    int part;
  };

  Impl(StoreSchema s, StoreOptions o)
      : schema(std::move(s)), options(std::move(o)), seed(options.seed),
        dense(schema, options.seed, options.shardIndex, options.shardCount, options.copies, options.updateInPlace) {
    if (!options.parallelFor)
      options.parallelFor = [](int64_t count, const std::function<void(int64_t)> &body) {
        for (int64_t i = 0; i < count; ++i)
          body(i);
      };
    const int first = firstShardOf(options.shardIndex, options.shardCount);
    const int end = firstShardOf(options.shardIndex + 1, options.shardCount);
    for (size_t t = 0; t < schema.tables.size(); ++t) {
      tables.push_back(
          std::make_unique<SparseTable>(schema.tables[t], options.seed, first, end, options.background, options.tier));
      for (size_t p = 0; p < schema.tables[t].parts.size(); ++p)
        parts.push_back({static_cast<int>(t), static_cast<int>(p)});
    }
  }

  SparseTable &tableOf(int part) const { return *tables[static_cast<size_t>(parts[static_cast<size_t>(part)].table)]; }
  const PartSpec &specOf(int part) const {
    const Part &at = parts[static_cast<size_t>(part)];
    return schema.tables[static_cast<size_t>(at.table)].parts[static_cast<size_t>(at.part)];
  }

  TableTime timeOf(int64_t step) const { return {step, options.secondsNow ? options.secondsNow() : 0}; }

  Status check(const PushKey &key, int64_t examples) const HETER_REQUIRES(stageMutex);
  Status check(const PushRows &push) const;
  Status check(const PushDense &push) const;
  /// Lets each table give up what its policy names, for the steps closed since the last time.
  Status shrink(int64_t steps) HETER_REQUIRES(updateMutex);
  Status applyStep(const StepPushes &pushes, int64_t step, int64_t totalExamples) HETER_REQUIRES(updateMutex);
  Status tierStatus() const;
  void pull(int part, std::span<const uint64_t> keys, float *out, DiskRows &onDisk) const;

  const StoreSchema schema;
  StoreOptions options;
  std::atomic<uint64_t> seed;
  std::vector<Part> parts;
  std::vector<std::unique_ptr<SparseTable>> tables;

  Mutex updateMutex; ///< Held while dense values change and while a step is closed. Taken before stageMutex.
  DenseStore dense;

  mutable Mutex stageMutex;
  UpdateStage stage HETER_GUARDED_BY(stageMutex);
  int64_t generation HETER_GUARDED_BY(stageMutex) = 0;
  int64_t dropped HETER_GUARDED_BY(stageMutex) = 0;
  std::atomic<int64_t> version{0};
  int64_t earlyExamples HETER_GUARDED_BY(updateMutex) = 0; ///< Of the step to close, if it has early updates; else 0.
  TableTime shrunk HETER_GUARDED_BY(updateMutex) = timeOf(0); ///< Tables gave up rows until then.
  std::atomic<int64_t> evicted{0};
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_PARAMETERSTOREIMPL_H
