// Versions and updates of dense values.
#include "runtime/table/DenseStore.h"

#include "runtime/base/Random.h"
#include "runtime/table/DenseParameter.h"
#include "runtime/table/DenseUpdate.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <map>
#include <utility>

namespace heter::runtime {

DenseStore::DenseStore(const StoreSchema &schema, uint64_t seed, int server, int serverCount, ValueCopies *copies,
                       bool inPlace)
    : copies_(copies), inPlace_(inPlace) {
  const auto memory = std::make_shared<SharedPages>();
  for (const ParameterSpec &spec : schema.parameters) {
    parameters_.push_back(std::make_unique<DenseParameter>(spec, server, serverCount, memory));
    hasAverages_ = hasAverages_ || spec.optimizer.averaged >= 0;
  }
  reset(seed, 0);
}

DenseStore::~DenseStore() = default;

const DenseLayout &DenseStore::layout(int parameter) const {
  return parameters_[static_cast<size_t>(parameter)]->layout;
}

std::shared_ptr<const DenseVersion> DenseStore::newest() const {
  MutexLock lock(mutex_);
  while (!newest_)
    published_.wait(mutex_);
  return newest_;
}

std::shared_ptr<const DenseVersion> DenseStore::newestUnheld() const {
  assert(inPlace_);
  MutexLock lock(mutex_);
  while (!unheld_)
    published_.wait(mutex_);
  return unheld_;
}

void DenseStore::withdraw() {
  std::shared_ptr<const DenseVersion> last, unheld;
  MutexLock lock(mutex_);
  newest_.swap(last); // goes after the lock
  unheld_.swap(unheld);
}

void DenseStore::publish(int64_t version) {
  auto next = std::make_shared<DenseVersion>();
  next->version_ = version;
  next->revision_ = revision_;
  for (const std::unique_ptr<DenseParameter> &parameter : parameters_) {
    next->values_.emplace_back(parameter->values.get(), parameter->localElements());
    next->buffers_.push_back(parameter->values);
    next->copies_.push_back(parameter->copies);
    next->holds_.push_back(parameter->lending.hold());
  }
  std::shared_ptr<DenseVersion> unheld;
  if (inPlace_) {
    unheld = std::make_shared<DenseVersion>(*next);
    unheld->holds_.clear();
  }
  std::shared_ptr<const DenseVersion> last = std::move(next), lastUnheld = std::move(unheld);
  MutexLock lock(mutex_);
  newest_.swap(last); // the old one, maybe the last holder of its buffers, goes after the lock
  unheld_.swap(lastUnheld);
  published_.notifyAll();
}

int64_t DenseStore::memoryBytes() const {
  int64_t bytes = 0;
  for (const std::unique_ptr<DenseParameter> &parameter : parameters_)
    bytes += parameter->pool->memoryBytes();
  return bytes;
}

void DenseStore::setVersion(int64_t version) { publish(version); }

void DenseStore::makeCopies(const ParallelFor &parallelFor) {
  constexpr int64_t pieceRows = 4 * ValueCopies::unit;
  std::vector<std::function<void()>> pieces;
  for (int number = 0; copies_ && number < static_cast<int>(parameters_.size()); ++number) {
    DenseParameter &parameter = *parameters_[static_cast<size_t>(number)];
    if (parameter.copies || parameter.layout.localElements() != parameter.layout.elements())
      continue;
    parameter.copies = copies_->take(number);
    if (!parameter.copies)
      continue;
    const int64_t rows = parameter.spec.shape[0], columns = parameter.spec.shape[1];
    for (int64_t row = 0; row < rows; row += pieceRows)
      pieces.emplace_back([this, number, &parameter, row, count = std::min(pieceRows, rows - row), columns] {
        copies_->make(number, parameter.copies.get(), parameter.values.get(), {row, count, 0, columns});
      });
  }
  parallelFor(static_cast<int64_t>(pieces.size()), [&](int64_t i) { pieces[static_cast<size_t>(i)](); });
  if (!pieces.empty())
    publish(newest()->version());
}

void DenseStore::reset(uint64_t seed, int64_t version) {
  averaged_ = nullptr;
  withdraw();
  for (const std::unique_ptr<DenseParameter> &parameter : parameters_) {
    const OptimizerSpec &optimizer = parameter->spec.optimizer;
    const std::array<uint32_t, 2> key = philoxKey(seed, parameter->spec.name);
    parameter->values = nullptr; // Their memory serves again, unless a reader holds it.
    parameter->copies = nullptr;
    parameter->slots.clear();
    parameter->scalars.clear();
    parameter->updatedEarly = false;
    parameter->values = parameter->pool->take();
    parameter->lending.begin();
    for (const DenseBlock &block : parameter->layout.blocks()) {
      parameter->spec.init.fill(parameter->values.get() + block.localFirst, block.count, key, 0, block.first);
      parameter->scalars.insert(parameter->scalars.end(), optimizer.scalarInit.begin(), optimizer.scalarInit.end());
    }
    for (float init : optimizer.slotInit) {
      parameter->slots.push_back(parameter->pool->take());
      std::fill_n(parameter->slots.back().get(), parameter->localElements(), init);
    }
    if (float *average = parameter->average())
      std::copy_n(parameter->values.get(), parameter->localElements(), average);
  }
  ++revision_;
  publish(version);
}

std::shared_ptr<const DenseVersion> DenseStore::averaged() {
  const std::shared_ptr<const DenseVersion> last = newest();
  if (averaged_ && averaged_->revision_ == last->revision_ && averaged_->version_ == last->version_)
    return averaged_;
  auto made = std::make_shared<DenseVersion>(*last);
  for (size_t p = 0; p < parameters_.size(); ++p) {
    const float *average = parameters_[p]->average();
    if (!average)
      continue;
    std::shared_ptr<float[]> copy = parameters_[p]->pool->take();
    std::copy_n(average, parameters_[p]->localElements(), copy.get());
    made->values_[p] = {copy.get(), parameters_[p]->localElements()};
    made->buffers_[p] = std::move(copy);
    made->copies_[p] = nullptr;
  }
  return averaged_ = std::move(made);
}

void DenseStore::update(std::span<const BlockGradients> blocks, float divisor, int64_t step, int64_t version,
                        const ParallelFor &parallelFor, const StepTasks &before, const StepTasks &after) {
  averaged_ = nullptr; // Its buffers serve again.
  if (inPlace_)
    withdraw();
  std::map<int, DenseUpdate> updates;
  for (const BlockGradients &block : blocks)
    updates
        .try_emplace(block.parameter, *parameters_[static_cast<size_t>(block.parameter)], block.parameter, divisor,
                     step, copies_, inPlace_)
        .first->second.add(block);
  std::vector<std::pair<DenseUpdate *, int64_t>> tasks;
  for (auto &[parameter, update] : updates) {
    update.prepare();
    for (int64_t task = 0; task < update.tasks(); ++task)
      tasks.emplace_back(&update, task);
  }
  const auto count = static_cast<int64_t>(tasks.size());
  parallelFor(before.count + count + after.count, [&](int64_t i) {
    if (i < before.count)
      return before.run(i);
    i -= before.count;
    if (i >= count)
      return after.run(i - count);
    const auto [update, task] = tasks[static_cast<size_t>(i)];
    update->run(task);
  });
  for (auto &[parameter, update] : updates)
    update.finish();
  if (std::exchange(early_, false) || !blocks.empty())
    ++revision_;
  for (const std::unique_ptr<DenseParameter> &parameter : parameters_)
    parameter->updatedEarly = false;
  publish(version);
}

StatusOr<std::unique_ptr<DenseUpdate>> DenseStore::beginEarly(int number, float divisor, int64_t step) {
  DenseParameter &parameter = *parameters_[static_cast<size_t>(number)];
  if (std::exchange(parameter.updatedEarly, true))
    return Status::internal("`" + parameter.spec.name + "` is updated twice in step " + std::to_string(step));
  averaged_ = nullptr;
  early_ = true;
  withdraw();
  auto update = std::make_unique<DenseUpdate>(parameter, number, divisor, step, copies_, inPlace_);
  update->prepareAll();
  return update;
}

Status DenseStore::finishEarly(DenseUpdate &update) {
  HETER_RETURN_IF_ERROR(update.checkAllRan());
  update.finish();
  return {};
}

DenseStore::Image DenseStore::image(const ParallelFor &parallelFor) const {
  constexpr size_t pieceFloats = size_t{1} << 18;
  struct Piece {
    const float *from;
    float *to;
    size_t count;
  };
  Image image{newest(), {}, {}};
  std::vector<Piece> pieces;
  for (const std::unique_ptr<DenseParameter> &parameter : parameters_) {
    const size_t elements = parameter->localElements();
    image.scalars.push_back(parameter->scalars);
    image.slots.push_back(std::make_unique_for_overwrite<float[]>(elements * parameter->slots.size()));
    float *to = image.slots.back().get();
    for (const std::shared_ptr<float[]> &slot : parameter->slots)
      for (size_t first = 0; first < elements; first += pieceFloats) {
        const size_t count = std::min(pieceFloats, elements - first);
        pieces.push_back({slot.get() + first, to, count});
        to += count;
      }
  }
  parallelFor(static_cast<int64_t>(pieces.size()), [&](int64_t i) {
    const Piece &piece = pieces[static_cast<size_t>(i)];
    std::memcpy(piece.to, piece.from, piece.count * sizeof(float));
  });
  return image;
}

void DenseStore::readState(const Image &image, int index, int64_t localBlock, std::vector<float> &state) const {
  const DenseParameter &parameter = *parameters_[static_cast<size_t>(index)];
  const DenseBlock &block = parameter.layout.blocks()[static_cast<size_t>(localBlock)];
  const float *values = image.values->values(index).data() + block.localFirst;
  state.assign(values, values + block.count);
  const float *slot = image.slots[static_cast<size_t>(index)].get() + block.localFirst;
  for (size_t s = 0; s < parameter.slots.size(); ++s, slot += parameter.localElements())
    state.insert(state.end(), slot, slot + block.count);
  const size_t scalars = parameter.spec.optimizer.scalars.size();
  const float *ofBlock = image.scalars[static_cast<size_t>(index)].data() + static_cast<size_t>(localBlock) * scalars;
  state.insert(state.end(), ofBlock, ofBlock + scalars);
}

void DenseStore::readState(int index, int64_t localBlock, std::vector<float> &state) const {
  DenseParameter &parameter = *parameters_[static_cast<size_t>(index)];
  const DenseBlock &block = parameter.layout.blocks()[static_cast<size_t>(localBlock)];
  const float *values = parameter.values.get() + block.localFirst;
  state.assign(values, values + block.count);
  for (const std::shared_ptr<float[]> &slot : parameter.slots)
    state.insert(state.end(), slot.get() + block.localFirst, slot.get() + block.localFirst + block.count);
  const float *scalars = parameter.scalarsOf(localBlock);
  state.insert(state.end(), scalars, scalars + parameter.spec.optimizer.scalars.size());
}

void DenseStore::writeState(int index, int64_t localBlock, std::span<const float> state) {
  DenseParameter &parameter = *parameters_[static_cast<size_t>(index)];
  const DenseBlock &block = parameter.layout.blocks()[static_cast<size_t>(localBlock)];
  assert(state.size() ==
         static_cast<size_t>(block.count) * (1 + parameter.slots.size()) + parameter.spec.optimizer.scalars.size());
  averaged_ = nullptr;
  if (std::exchange(parameter.copies, nullptr))
    publish(newest()->version()); // without copies of what the values were
  const float *from = state.data();
  std::copy_n(from, block.count, parameter.values.get() + block.localFirst);
  for (const std::shared_ptr<float[]> &slot : parameter.slots)
    std::copy_n(from += block.count, block.count, slot.get() + block.localFirst);
  std::copy_n(from + block.count, parameter.spec.optimizer.scalars.size(), parameter.scalarsOf(localBlock));
}

} // namespace heter::runtime
