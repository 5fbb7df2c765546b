// Tables of two parts under several policies.
#ifndef HETER_TESTS_RUNTIME_TABLE_POLICYTESTING_H
#define HETER_TESTS_RUNTIME_TABLE_POLICYTESTING_H

#include "runtime/table/SparseTable.h"
#include "tests/runtime/table/TestModel.h"

#include <string>
#include <utility>
#include <vector>

namespace heter::runtime::test {

using Policy = RowPolicy;

inline constexpr size_t weightDim = 1;
inline constexpr size_t vectorDim = 3;

/// A weight from the start, and a vector that keys have to earn if the policy says so.
inline TableSpec policySpec(const Policy &policy) {
  TableSpec spec;
  spec.name = "emb";
  for (const auto &[name, dim] : {std::pair("weight", weightDim), {"vector", vectorDim}}) {
    PartSpec part;
    part.name = name;
    part.dim = static_cast<int64_t>(dim);
    part.seedName = std::string("emb.") + name;
    part.init = {InitializerSpec::Kind::Uniform, 0.5F};
    part.stateFloats = 2 * part.dim;
    part.wantsAdmission = !policy.admitsAll() && dim == vectorDim;
    part.optimizer = {"adagrad", resolveKernel("adagrad_kernel"), {"accumulator"}, {0.25F}, {}, {}};
    spec.parts.push_back(part);
  }
  spec.policy = policy;
  spec.layOut();
  return spec;
}

/// `policy` for a table that has room in memory for about 80 rows.
inline Policy tiered(Policy policy) {
  policy.tiered = true;
  policy.memoryBytes = virtualShards;
  return policy;
}

/// All admitted, by count, by count and evicted when unseen, by score; then the same with a tier.
inline std::vector<Policy> policies() {
  Policy always;
  Policy count;
  count.admission = Policy::Admission::Count;
  count.admissionLimit = 6;
  Policy unseen = count;
  unseen.period = 4;
  unseen.unseenPeriods = 2;
  Policy score;
  score.admission = Policy::Admission::Score;
  score.admissionLimit = 3;
  score.scored = true;
  score.showWeight = 0.25F;
  score.clickWeight = 1;
  score.decay = 0.5F;
  score.period = 3;
  score.evictsByScore = true;
  score.leastScore = 0.5F;
  return {always, count, unseen, score, tiered(always), tiered(count), tiered(unseen), tiered(score)};
}

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_TABLE_POLICYTESTING_H
