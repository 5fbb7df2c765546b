// ParameterStore: pushes, the closing of steps, and the locks and the order of things around them.
#include "runtime/table/ParameterStoreImpl.h"
#include "runtime/table/StoreEarlyUpdate.h"
#include "tests/mutation/Mutation.h"

#include <algorithm>
#include <cassert>
#include <map>

namespace heter::runtime {

Status ParameterStore::Impl::check(const PushKey &key, int64_t examples) const {
  if (key.generation != generation)
    return Status::failedPrecondition("a push of generation " + std::to_string(key.generation) +
                                      " is refused: the parameters are in generation " + std::to_string(generation));
  if (key.step < 0 || key.microBatch < 0 || examples < 1)
    return Status::invalidArgument("a push needs a step and a micro-batch from 0 and at least one example");
  return {};
}

Status ParameterStore::Impl::check(const PushRows &push) const {
  if (push.part < 0 || push.part >= static_cast<int>(parts.size()))
    return Status::invalidArgument("a push names table part " + std::to_string(push.part) + " of " +
                                   std::to_string(parts.size()));
  const PartSpec &spec = specOf(push.part);
  if (push.gradients.size() != push.keys.size() * static_cast<size_t>(spec.dim))
    return Status::invalidArgument("a push to `" + spec.seedName + "` has " + std::to_string(push.gradients.size()) +
                                   " floats for " + std::to_string(push.keys.size()) + " keys of dim " +
                                   std::to_string(spec.dim));
  if (!push.counts.empty() && push.counts.size() != 2 * push.keys.size())
    return Status::invalidArgument("a push to `" + spec.seedName + "` has " + std::to_string(push.counts.size()) +
                                   " shows and clicks of its " + std::to_string(push.keys.size()) + " keys");
  const SparseTable &table = tableOf(push.part);
  if (table.ownsAll())
    return {};
  for (uint64_t key : push.keys)
    if (!table.owns(key))
      return Status::invalidArgument("a push to `" + spec.seedName + "` has key " + std::to_string(key) +
                                     ", which server " + std::to_string(ownerOfKey(key, options.shardCount)) +
                                     " owns, not " + std::to_string(options.shardIndex));
  return {};
}

Status ParameterStore::Impl::check(const PushDense &push) const {
  if (push.parameter < 0 || push.parameter >= static_cast<int>(schema.parameters.size()))
    return Status::invalidArgument("a push names parameter " + std::to_string(push.parameter) + " of " +
                                   std::to_string(schema.parameters.size()));
  const std::span<const DenseBlock> blocks = dense.layout(push.parameter).blocks();
  size_t left = push.values.size();
  bool fits = push.firstBlock >= 0;
  for (auto block = static_cast<size_t>(push.firstBlock); fits && left > 0; ++block) {
    fits = block < blocks.size() && left >= static_cast<size_t>(blocks[block].count);
    left -= fits ? static_cast<size_t>(blocks[block].count) : 0;
  }
  if (fits)
    return {};
  return Status::invalidArgument("a push of " + std::to_string(push.values.size()) + " floats to `" +
                                 schema.parameters[static_cast<size_t>(push.parameter)].name +
                                 "` is not whole blocks from block " + std::to_string(push.firstBlock) +
                                 " on of the parameters here");
}

Status ParameterStore::stagePush(const PushKey &key, int64_t examples, const PushRows &push) {
  HETER_RETURN_IF_ERROR(impl_->check(push));
  MutexLock lock(impl_->stageMutex);
  HETER_RETURN_IF_ERROR(impl_->check(key, examples));
  if (!impl_->stage.stage(key, examples, push))
    ++impl_->dropped;
  return {};
}

Status ParameterStore::stagePush(const PushKey &key, int64_t examples, const PushDense &push) {
  HETER_RETURN_IF_ERROR(impl_->check(push));
  MutexLock lock(impl_->stageMutex);
  HETER_RETURN_IF_ERROR(impl_->check(key, examples));
  if (!impl_->stage.stage(key, examples, push, layout(push.parameter)))
    ++impl_->dropped;
  return {};
}

Status ParameterStore::closeStep(int64_t step, std::span<const int32_t> microBatches, int64_t totalExamples) {
  MutexLock updateLock(impl_->updateMutex);
  const int64_t version = impl_->version;
  if (step < version && !HETER_MUTATION("deduplication/closed-step"))
    return {};
  if (step > version)
    return Status::failedPrecondition("step " + std::to_string(step) + " cannot be closed before step " +
                                      std::to_string(version));
  StepPushes pushes;
  {
    MutexLock stageLock(impl_->stageMutex);
    const int64_t staged = impl_->stage.stagedExamples(step, microBatches);
    if (totalExamples < std::max<int64_t>(staged, 1))
      return Status::invalidArgument("step " + std::to_string(step) + " is closed with " +
                                     std::to_string(totalExamples) + " examples, but its pushes have " +
                                     std::to_string(staged));
    if (impl_->earlyExamples > 0 && totalExamples != impl_->earlyExamples)
      return Status::invalidArgument("step " + std::to_string(step) + " is closed with " +
                                     std::to_string(totalExamples) + " examples, but parameters are updated with " +
                                     std::to_string(impl_->earlyExamples));
    pushes = impl_->stage.takeStep(step, microBatches);
  }
  impl_->earlyExamples = 0;
  return impl_->applyStep(pushes, step, totalExamples);
}

Status ParameterStore::Impl::applyStep(const StepPushes &pushes, int64_t step, int64_t totalExamples) {
  const auto divisor = static_cast<float>(totalExamples);
  // Parts of one table go together: pushes to one part may admit rows that those to another update.
  std::map<int, std::vector<PartGradients>> byTable;
  for (const StepPushes::Rows &rows : pushes.rows) {
    const Part &at = parts[static_cast<size_t>(rows.part)];
    byTable[at.table].push_back({at.part, rows.pushes});
  }
  std::vector<SparseTable::Update> updates;
  updates.reserve(byTable.size());
  for (const auto &[table, gradients] : byTable)
    updates.emplace_back(*tables[static_cast<size_t>(table)], gradients, divisor, timeOf(step));
  for (const SparseTable::Update &update : updates)
    HETER_RETURN_IF_ERROR(update.prepare());
  // Keys are sorted beside what other threads do. Rows come last: their pieces are the smaller ones, and so even out
  // what the threads have left to do.
  constexpr int64_t pieces = SparseTable::Update::pieces;
  const auto tables = static_cast<int64_t>(updates.size());
  dense.update(pushes.blocks, divisor, step, step + 1, options.parallelFor,
               {tables, [&](int64_t i) { updates[static_cast<size_t>(i)].sort(); }},
               {tables * pieces,
                [&](int64_t i) { updates[static_cast<size_t>(i / pieces)].run(static_cast<int>(i % pieces)); }});
  HETER_RETURN_IF_ERROR(shrink(step + 1));
  version.store(step + 1, std::memory_order_release);
  return {};
}

Status ParameterStore::Impl::shrink(int64_t steps) {
  const TableTime now = timeOf(steps);
  for (const std::unique_ptr<SparseTable> &table : tables) {
    evicted += table->shrink(shrunk, now);
    table->trim();
  }
  shrunk = now;
  return tierStatus();
}

StatusOr<std::unique_ptr<EarlyUpdate>> ParameterStore::beginUpdate(const PushKey &key, int64_t examples,
                                                                   int parameter) {
  assert(impl_->options.updateInPlace && impl_->options.shardCount == 1);
  MutexLock updateLock(impl_->updateMutex);
  {
    MutexLock lock(impl_->stageMutex);
    HETER_RETURN_IF_ERROR(impl_->check(key, examples));
  }
  if (key.step != impl_->version || (impl_->earlyExamples > 0 && examples != impl_->earlyExamples))
    return Status::failedPrecondition("an update of step " + std::to_string(key.step) + " with " +
                                      std::to_string(examples) + " examples does not belong to step " +
                                      std::to_string(impl_->version));
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<DenseUpdate> update,
                         impl_->dense.beginEarly(parameter, static_cast<float>(examples), key.step));
  impl_->earlyExamples = examples;
  return std::make_unique<StoreEarlyUpdate>(impl_->dense, impl_->updateMutex, std::move(update));
}

Status ParameterStore::applyNow(const PushKey &key, int64_t examples, const PushRows &push) {
  HETER_RETURN_IF_ERROR(impl_->check(push));
  {
    MutexLock lock(impl_->stageMutex);
    HETER_RETURN_IF_ERROR(impl_->check(key, examples));
    if (!impl_->stage.markApplied(key, {false, push.part})) {
      ++impl_->dropped;
      return {};
    }
  }
  const RowGradients gradients{push.keys, push.gradients, push.counts};
  SparseTable &table = impl_->tableOf(push.part);
  table.update(impl_->parts[static_cast<size_t>(push.part)].part, {&gradients, 1}, static_cast<float>(examples),
               impl_->timeOf(key.step));
  return table.tierStatus();
}

Status ParameterStore::applyNow(const PushKey &key, int64_t examples, const PushDense &push) {
  HETER_RETURN_IF_ERROR(impl_->check(push));
  MutexLock updateLock(impl_->updateMutex);
  std::vector<BlockGradients> blocks;
  {
    MutexLock lock(impl_->stageMutex);
    HETER_RETURN_IF_ERROR(impl_->check(key, examples));
    const float *values = push.values.data();
    const float *const end = values + push.values.size();
    for (int64_t block = push.firstBlock; values != end; ++block) {
      if (impl_->stage.markApplied(key, {true, push.parameter, block}))
        blocks.push_back({push.parameter, block, {values}});
      values += layout(push.parameter).blocks()[static_cast<size_t>(block)].count;
    }
    if (blocks.empty()) {
      ++impl_->dropped;
      return {};
    }
  }
  impl_->dense.update(blocks, static_cast<float>(examples), key.step, impl_->version, impl_->options.parallelFor);
  return {};
}

Status ParameterStore::finishSteps(int64_t steps) {
  MutexLock updateLock(impl_->updateMutex);
  if (steps <= impl_->version)
    return {};
  {
    MutexLock lock(impl_->stageMutex);
    impl_->stage.closeBelow(steps);
  }
  HETER_RETURN_IF_ERROR(impl_->shrink(steps));
  impl_->dense.setVersion(steps);
  impl_->version.store(steps, std::memory_order_release);
  return {};
}

void ParameterStore::beginGeneration(int64_t generation) {
  MutexLock lock(impl_->stageMutex);
  impl_->generation = generation;
  impl_->stage.reset(impl_->version);
}

int64_t ParameterStore::droppedPushes() const {
  MutexLock lock(impl_->stageMutex);
  return impl_->dropped;
}

} // namespace heter::runtime
