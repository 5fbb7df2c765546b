// Staged pushes by step, target and micro-batch.
#include "runtime/table/UpdateStage.h"

#include "tests/mutation/Mutation.h"

#include <algorithm>

namespace heter::runtime {

namespace {
struct CopiedPush {
  std::vector<uint64_t> keys;
  std::vector<float> gradients;
  std::vector<float> counts;
};
} // namespace

/// In place of a chunk's number, so that no push is known again; only where the tests are tested.
static int32_t forgetful(int32_t chunk) {
  [[maybe_unused]] static int32_t pushes = 1 << 30;
  return HETER_MUTATION("deduplication/staged-push") ? pushes++ : chunk;
}

bool UpdateStage::stage(const PushKey &key, int64_t examples, const PushRows &push) {
  if (key.step < closed_ && !HETER_MUTATION("deduplication/late-rows"))
    return false;
  Step &step = staged_[key.step];
  const Name name{{false, push.part}, key.microBatch, forgetful(key.chunk)};
  if (step.entries.contains(name))
    return false;
  Entry entry{push.keys, push.gradients, push.owner, push.counts};
  if (!push.owner) {
    auto copy = std::make_shared<CopiedPush>();
    copy->keys.assign(push.keys.begin(), push.keys.end());
    copy->gradients.assign(push.gradients.begin(), push.gradients.end());
    copy->counts.assign(push.counts.begin(), push.counts.end());
    entry = {copy->keys, copy->gradients, copy, copy->counts};
  }
  step.entries.emplace(name, std::move(entry));
  step.examples[key.microBatch] = examples;
  return true;
}

bool UpdateStage::stage(const PushKey &key, int64_t examples, const PushDense &push, const DenseLayout &layout) {
  if (key.step < closed_ && !HETER_MUTATION("deduplication/late-dense"))
    return false;
  std::span<const float> values = push.values;
  std::shared_ptr<const void> owner = push.owner;
  if (!owner) {
    auto copy = std::make_shared<std::vector<float>>(values.begin(), values.end());
    values = *copy;
    owner = std::move(copy);
  }
  Step &step = staged_[key.step];
  bool isNew = false;
  for (int64_t block = push.firstBlock; !values.empty(); ++block) {
    const auto count = static_cast<size_t>(layout.blocks()[static_cast<size_t>(block)].count);
    const Name name{{true, push.parameter, block}, key.microBatch, forgetful(0)};
    isNew |= step.entries.try_emplace(name, Entry{{}, values.first(count), owner, {}}).second;
    values = values.subspan(count);
  }
  step.examples[key.microBatch] = examples;
  return isNew;
}

StepPushes UpdateStage::takeStep(int64_t step, std::span<const int32_t> microBatches) {
  StepPushes result;
  const std::set<int32_t> wanted(microBatches.begin(), microBatches.end());
  if (const auto found = staged_.find(step); found != staged_.end()) {
    const PushTarget *last = nullptr;
    for (auto &[name, entry] : found->second.entries) {
      if (!wanted.contains(name.microBatch))
        continue;
      const bool sameTarget = last && *last == name.target;
      last = &name.target;
      if (name.target.dense) {
        if (!sameTarget)
          result.blocks.push_back({name.target.index, name.target.block, {}});
        result.blocks.back().gradients.push_back(entry.gradients.data());
      } else {
        if (!sameTarget)
          result.rows.push_back({name.target.index, {}});
        result.rows.back().pushes.push_back({entry.keys, entry.gradients, entry.counts});
      }
      result.owners.push_back(std::move(entry.owner));
    }
  }
  closeBelow(step + 1);
  return result;
}

int64_t UpdateStage::stagedExamples(int64_t step, std::span<const int32_t> microBatches) const {
  const auto found = staged_.find(step);
  if (found == staged_.end())
    return 0;
  int64_t examples = 0;
  for (int32_t microBatch : microBatches)
    if (const auto it = found->second.examples.find(microBatch); it != found->second.examples.end())
      examples += it->second;
  return examples;
}

bool UpdateStage::markApplied(const PushKey &key, const PushTarget &target) {
  if (HETER_MUTATION("deduplication/applied-push"))
    return true;
  if (key.step < closed_ && !HETER_MUTATION("deduplication/late-applied"))
    return false;
  return applied_[key.step].insert({target, key.microBatch, key.chunk}).second;
}

void UpdateStage::closeBelow(int64_t steps) {
  closed_ = std::max(closed_, steps);
  staged_.erase(staged_.begin(), staged_.lower_bound(closed_));
  applied_.erase(applied_.begin(), applied_.lower_bound(closed_));
}

void UpdateStage::reset(int64_t steps) {
  staged_.clear();
  applied_.clear();
  closed_ = steps;
}

} // namespace heter::runtime
