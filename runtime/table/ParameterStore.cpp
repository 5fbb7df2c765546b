// ParameterStore: names, pulls, and what checkpoints read and write.
#include "runtime/table/ParameterStoreImpl.h"
#include "runtime/table/StoreInstant.h"

#include <algorithm>
#include <cassert>
#include <map>

namespace heter::runtime {

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

void ParameterStore::trim() {
  for (const std::unique_ptr<SparseTable> &table : impl_->tables)
    table->finishTrim();
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
