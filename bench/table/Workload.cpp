// Kernels, keys and batches.
#include "bench/table/Workload.h"
#include "bench/table/Kernels.h"

#include <algorithm>
#include <random>

using namespace heter::runtime;

namespace heter::bench {

TableSpec makeSpec(int64_t dim, bool full) {
  TableSpec spec;
  spec.name = "emb";
  PartSpec part;
  part.dim = dim;
  part.seedName = "emb";
  part.init = {InitializerSpec::Kind::Uniform, 0.01F};
  part.stateFloats = full ? 2 * dim : dim;
  part.wantsAdmission = full;
  part.optimizer.name = full ? "adagrad" : "sgd";
  part.optimizer.kernel = full ? adagradKernel : sgdKernel;
  if (full) {
    part.optimizer.slots = {"sum"};
    part.optimizer.slotInit = {0.1F};
    spec.policy.admission = RowPolicy::Admission::Count;
    spec.policy.admissionLimit = 2;
    spec.policy.scored = true;
    spec.policy.showWeight = 0.1F;
    spec.policy.clickWeight = 1;
    spec.policy.decay = 0.98F;
    spec.policy.unseenPeriods = 30;
    spec.policy.period = 100000;
  }
  spec.parts.push_back(std::move(part));
  spec.layOut();
  return spec;
}

Queries makeQueries(uint64_t rows, bool duplicates) {
  std::mt19937_64 random(duplicates ? 1 : 2);
  Queries queries;
  std::vector<bool> used(rows);
  for (size_t b = 0; b < batches; ++b) {
    const size_t begin = queries.numbers.size();
    while (queries.numbers.size() < begin + batchKeys) {
      const size_t have = queries.numbers.size() - begin;
      if (duplicates && have > 0 && random() % 10 == 0) {
        queries.numbers.push_back(queries.numbers[begin + random() % have]);
        continue;
      }
      const auto i = static_cast<uint32_t>(random() % rows);
      if (!duplicates && used[i])
        continue;
      used[i] = true;
      queries.numbers.push_back(i);
    }
    for (size_t i = begin; i < queries.numbers.size(); ++i)
      used[queries.numbers[i]] = false;
  }
  for (uint32_t i : queries.numbers)
    queries.keys.push_back(keyOf(i));
  return queries;
}

void push(SparseTable &table, std::span<const uint64_t> keys, const float *gradients) {
  const auto floats = keys.size() * static_cast<size_t>(table.spec().parts[0].dim);
  const RowGradients gradient{keys, {gradients, floats}};
  table.update(0, {&gradient, 1}, 1.0F);
}

void grow(SparseTable &table, uint64_t from, uint64_t to, const std::vector<float> &gradients) {
  std::vector<uint64_t> keys;
  for (uint64_t i = from; i < to; i += smallBatch) {
    keys.clear();
    for (uint64_t j = i; j < std::min(to, i + smallBatch); ++j)
      keys.push_back(keyOf(j));
    push(table, keys, gradients.data());
    push(table, keys, gradients.data());
  }
}

} // namespace heter::bench
