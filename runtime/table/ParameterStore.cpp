// ParameterStore: checks, locks and the order of things around tables, dense values and the stage.
#include "runtime/table/ParameterStore.h"

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/table/DenseStore.h"
#include "runtime/table/SparseTable.h"
#include "runtime/table/StoreEarlyUpdate.h"
#include "runtime/table/StoreInstant.h"
#include "runtime/table/UpdateStage.h"
#include "tests/mutation/Mutation.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <map>

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

ParameterStore::ParameterStore() = default;
ParameterStore::~ParameterStore() = default;

StatusOr<std::unique_ptr<ParameterStore>> ParameterStore::create(const package::PackageInfo &info,
                                                                 const KernelResolver &resolver, StoreOptions options) {
  if (options.shardCount < 1 || options.shardCount > virtualShards || options.shardIndex < 0 ||
      options.shardIndex >= options.shardCount)
    return Status::invalidArgument("server " + std::to_string(options.shardIndex) + " of " +
                                   std::to_string(options.shardCount) + " is not possible: there are 1 to " +
                                   std::to_string(virtualShards) + " servers, numbered from 0");
  HETER_ASSIGN_OR_RETURN(StoreSchema schema, StoreSchema::create(info, resolver));
  const int64_t generation = options.generation;
  std::unique_ptr<ParameterStore> store(new ParameterStore);
  store->impl_ = std::make_unique<Impl>(std::move(schema), std::move(options));
  HETER_RETURN_IF_ERROR(store->tierStatus());
  store->beginGeneration(generation);
  return store;
}

//===--- Names ----------------------------------------------------------------------------------------------------===//

const StoreSchema &ParameterStore::schema() const { return impl_->schema; }
const StoreOptions &ParameterStore::options() const { return impl_->options; }
uint64_t ParameterStore::seed() const { return impl_->seed; }
int ParameterStore::partCount() const { return static_cast<int>(impl_->parts.size()); }
int ParameterStore::parameterCount() const { return static_cast<int>(impl_->schema.parameters.size()); }
int64_t ParameterStore::partDim(int part) const { return impl_->specOf(part).dim; }
const DenseLayout &ParameterStore::layout(int parameter) const { return impl_->dense.layout(parameter); }

StatusOr<int> ParameterStore::findTable(std::string_view name) const {
  for (size_t i = 0; i < impl_->schema.tables.size(); ++i)
    if (impl_->schema.tables[i].name == name)
      return static_cast<int>(i);
  return Status::notFound("no table is called `" + std::string(name) + "`");
}

StatusOr<int> ParameterStore::findPart(std::string_view table, std::string_view part) const {
  for (int i = 0; i < partCount(); ++i)
    if (impl_->tableOf(i).spec().name == table && impl_->specOf(i).name == part)
      return i;
  return Status::notFound("no table part is called `" + std::string(table) + "`.`" + std::string(part) + "`");
}

StatusOr<int> ParameterStore::findParameter(std::string_view name) const {
  for (size_t i = 0; i < impl_->schema.parameters.size(); ++i)
    if (impl_->schema.parameters[i].name == name)
      return static_cast<int>(i);
  return Status::notFound("no parameter is called `" + std::string(name) + "`");
}

//===--- Pulls ----------------------------------------------------------------------------------------------------===//

void ParameterStore::Impl::pull(int part, std::span<const uint64_t> keys, float *out, DiskRows &onDisk) const {
  assert(part >= 0 && part < static_cast<int>(parts.size()));
  constexpr size_t atOnce = 1024; // keys of one thread: worth waking another for
  const SparseTable &table = tableOf(part);
  const int partOfTable = parts[static_cast<size_t>(part)].part;
  const auto dim = static_cast<size_t>(specOf(part).dim);
  const size_t pieces = (keys.size() + atOnce - 1) / atOnce;
  if (pieces <= 1)
    return table.pull(partOfTable, keys, out, onDisk);
  Mutex mutex; // of onDisk
  options.parallelFor(static_cast<int64_t>(pieces), [&](int64_t piece) {
    const size_t first = static_cast<size_t>(piece) * atOnce;
    DiskRows some(table.tier());
    table.pull(partOfTable, keys.subspan(first, std::min(atOnce, keys.size() - first)), out + first * dim, some);
    if (some.empty())
      return;
    MutexLock lock(mutex);
    onDisk.append(std::move(some), static_cast<uint32_t>(first));
  });
}

void ParameterStore::pullRows(int part, std::span<const uint64_t> keys, float *out, Completion done) const {
  SparseTable &table = impl_->tableOf(part);
  DiskRows onDisk(table.tier());
  impl_->pull(part, keys, out, onDisk);
  if (onDisk.empty())
    return done(Status());
  struct Rest {
    DiskRows onDisk;
    Completion done;
  };
  auto rest = std::make_shared<Rest>(Rest{std::move(onDisk), std::move(done)});
  auto finish = [&table, part = impl_->parts[static_cast<size_t>(part)].part, out, rest] {
    Status status = table.finishPull(part, rest->onDisk, out);
    rest->onDisk.clear(); // the table may be gone once this is done
    rest->done(std::move(status));
  };
  impl_->options.background ? impl_->options.background(std::move(finish)) : finish();
}

Status ParameterStore::pullRows(int part, std::span<const uint64_t> keys, float *out) const {
  SparseTable &table = impl_->tableOf(part);
  DiskRows onDisk(table.tier());
  impl_->pull(part, keys, out, onDisk);
  return table.finishPull(impl_->parts[static_cast<size_t>(part)].part, onDisk, out);
}

bool ParameterStore::isTiered() const {
  return std::any_of(impl_->tables.begin(), impl_->tables.end(), [](const auto &table) { return table->isTiered(); });
}
Status ParameterStore::tierStatus() const { return impl_->tierStatus(); }

Status ParameterStore::Impl::tierStatus() const {
  for (const std::unique_ptr<SparseTable> &table : tables)
    HETER_RETURN_IF_ERROR(table->tierStatus());
  return {};
}

std::map<std::string, TierFigures> ParameterStore::tierFigures() const {
  std::map<std::string, TierFigures> figures;
  for (const std::unique_ptr<SparseTable> &table : impl_->tables)
    if (table->isTiered())
      figures.emplace(table->spec().name, table->tierFigures());
  return figures;
}

std::shared_ptr<const DenseVersion> ParameterStore::denseVersion(DenseValues which) const {
  if (which == DenseValues::Newest || !impl_->dense.hasAverages())
    return impl_->dense.newest();
  MutexLock lock(impl_->updateMutex);
  return impl_->dense.averaged();
}
std::shared_ptr<const DenseVersion> ParameterStore::denseVersionOfStep() const { return impl_->dense.newestUnheld(); }
void ParameterStore::copyDenseValues() {
  MutexLock lock(impl_->updateMutex);
  impl_->dense.makeCopies(impl_->options.parallelFor);
}
int64_t ParameterStore::version() const { return impl_->version.load(std::memory_order_acquire); }

int64_t ParameterStore::denseMemoryBytes() const { return impl_->dense.memoryBytes(); }
int64_t ParameterStore::evictedRows() const { return impl_->evicted; }
int64_t ParameterStore::rowCount(int table) const { return impl_->tables[static_cast<size_t>(table)]->rowCount(); }

//===--- Pushes ---------------------------------------------------------------------------------------------------===//

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

//===--- For checkpoints ------------------------------------------------------------------------------------------===//

std::unique_ptr<StoreInstant> ParameterStore::snapshot() {
  MutexLock lock(impl_->updateMutex);
  auto snapshot = std::make_unique<StoreInstant>(impl_->seed, impl_->version,
                                                 impl_->dense.image(impl_->options.parallelFor), impl_->dense);
  for (const std::unique_ptr<SparseTable> &table : impl_->tables)
    snapshot->tables_.push_back(std::make_unique<TableSnapshot>(*table, TableSnapshot::OnDisk::Apart));
  return snapshot;
}

bool ParameterStore::hasStagedPushes() const {
  MutexLock lock(impl_->stageMutex);
  return !impl_->stage.empty();
}

SparseTable &ParameterStore::table(int table) { return *impl_->tables[static_cast<size_t>(table)]; }
const SparseTable &ParameterStore::table(int table) const { return *impl_->tables[static_cast<size_t>(table)]; }

void ParameterStore::readDenseState(int parameter, int64_t localBlock, std::vector<float> &state) const {
  MutexLock lock(impl_->updateMutex);
  impl_->dense.readState(parameter, localBlock, state);
}

void ParameterStore::writeDenseState(int parameter, int64_t localBlock, std::span<const float> state) {
  MutexLock lock(impl_->updateMutex);
  impl_->dense.writeState(parameter, localBlock, state);
}

void ParameterStore::reset(uint64_t seed, int64_t version) {
  MutexLock updateLock(impl_->updateMutex);
  impl_->seed = seed;
  impl_->version = version;
  impl_->earlyExamples = 0;
  impl_->shrunk = impl_->timeOf(version);
  for (const std::unique_ptr<SparseTable> &table : impl_->tables)
    table->reset(seed);
  impl_->dense.reset(seed, version);
  MutexLock lock(impl_->stageMutex);
  impl_->stage.reset(version);
}

} // namespace heter::runtime
