// Versions and updates of dense values.
#include "runtime/table/DenseStore.h"

#include "runtime/base/Random.h"
#include "runtime/base/ScratchBuffer.h"
#include "runtime/base/Vectors.h"
#include "runtime/table/OptimizerCall.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <cstring>

namespace heter::runtime {

/// Buffers of one size. A buffer comes back when its last holder lets go, from whatever thread.
class DenseStore::BufferPool : public std::enable_shared_from_this<BufferPool> {
public:
  explicit BufferPool(int64_t elements) : bytes_(elements * static_cast<int64_t>(sizeof(float)) + 64) {}
  ~BufferPool() {
    for (float *buffer : free_)
      std::free(buffer);
  }

  std::shared_ptr<float[]> take() HETER_EXCLUDES(mutex_) {
    float *buffer = nullptr;
    {
      MutexLock lock(mutex_);
      if (!free_.empty()) {
        buffer = free_.back();
        free_.pop_back();
      }
    }
    if (!buffer)
      buffer = static_cast<float *>(allocateAligned(bytes_));
    return {buffer, [pool = shared_from_this()](float *p) { pool->giveBack(p); }};
  }

private:
  void giveBack(float *buffer) HETER_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    free_.push_back(buffer);
  }

  const int64_t bytes_;
  Mutex mutex_;
  std::vector<float *> free_ HETER_GUARDED_BY(mutex_);
};

/// What the store holds of one parameter. Slots and scalars have no versions: only updates and checkpoints see them.
struct DenseStore::Parameter {
  Parameter(const ParameterSpec &s, int server, int serverCount)
      : spec(s), layout(s.name, s.elements, server, serverCount),
        pool(std::make_shared<BufferPool>(layout.localElements())) {}

  const ParameterSpec &spec;
  DenseLayout layout;
  std::shared_ptr<BufferPool> pool;
  std::shared_ptr<float[]> values;
  std::vector<std::vector<float>> slots; ///< localElements() floats each.
  std::vector<float> scalars;            ///< The optimizer's scalars, block after block.

  float *scalarsOf(int64_t localBlock) {
    return scalars.data() + static_cast<size_t>(localBlock) * spec.optimizer.scalars.size();
  }
  size_t localElements() const { return static_cast<size_t>(layout.localElements()); }
  /// The slot that stands for the values in tests and predictions, or null.
  std::vector<float> *average() {
    return spec.optimizer.averaged < 0 ? nullptr : &slots[static_cast<size_t>(spec.optimizer.averaged)];
  }
};

DenseStore::DenseStore(const StoreSchema &schema, uint64_t seed, int server, int serverCount) {
  for (const ParameterSpec &spec : schema.parameters) {
    parameters_.push_back(std::make_unique<Parameter>(spec, server, serverCount));
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
  return newest_;
}

void DenseStore::publish(int64_t version) {
  auto next = std::make_shared<DenseVersion>();
  next->version_ = version;
  next->revision_ = revision_;
  for (const std::unique_ptr<Parameter> &parameter : parameters_) {
    next->values_.emplace_back(parameter->values.get(), parameter->localElements());
    next->buffers_.push_back(parameter->values);
  }
  std::shared_ptr<const DenseVersion> last = std::move(next);
  MutexLock lock(mutex_);
  newest_.swap(last); // the old one, maybe the last holder of its buffers, goes after the lock
}

void DenseStore::setVersion(int64_t version) { publish(version); }

void DenseStore::reset(uint64_t seed, int64_t version) {
  for (const std::unique_ptr<Parameter> &parameter : parameters_) {
    const OptimizerSpec &optimizer = parameter->spec.optimizer;
    const std::array<uint32_t, 2> key = philoxKey(seed, parameter->spec.name);
    std::shared_ptr<float[]> values = parameter->pool->take();
    parameter->scalars.clear();
    for (const DenseBlock &block : parameter->layout.blocks()) {
      parameter->spec.init.fill(values.get() + block.localFirst, block.count, key, 0, block.first);
      parameter->scalars.insert(parameter->scalars.end(), optimizer.scalarInit.begin(), optimizer.scalarInit.end());
    }
    parameter->values = std::move(values);
    parameter->slots.clear();
    for (float init : optimizer.slotInit)
      parameter->slots.emplace_back(parameter->localElements(), init);
    if (std::vector<float> *average = parameter->average())
      average->assign(parameter->values.get(), parameter->values.get() + parameter->localElements());
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
    const std::vector<float> *average = parameters_[p]->average();
    if (!average)
      continue;
    std::shared_ptr<float[]> copy = parameters_[p]->pool->take();
    std::copy(average->begin(), average->end(), copy.get());
    made->values_[p] = {copy.get(), average->size()};
    made->buffers_[p] = std::move(copy);
  }
  return averaged_ = std::move(made);
}

void DenseStore::update(std::span<const BlockGradients> blocks, float divisor, int64_t step, int64_t version,
                        const ParallelFor &parallelFor, int64_t more, const std::function<void(int64_t)> &body) {
  averaged_ = nullptr; // Its buffers serve again.
  std::vector<std::shared_ptr<float[]>> next(parameters_.size());
  std::vector<size_t> touched(parameters_.size());
  for (const BlockGradients &block : blocks)
    ++touched[static_cast<size_t>(block.parameter)];
  for (size_t p = 0; p < parameters_.size(); ++p) {
    if (!touched[p])
      continue;
    next[p] = parameters_[p]->pool->take();
    if (touched[p] < parameters_[p]->layout.blocks().size())
      std::memcpy(next[p].get(), parameters_[p]->values.get(), parameters_[p]->localElements() * sizeof(float));
  }
  const auto count = static_cast<int64_t>(blocks.size());
  const auto run = [&](int64_t i) {
    if (i >= count)
      return body(i - count);
    const BlockGradients &block = blocks[static_cast<size_t>(i)];
    updateBlock(block, divisor, step, next[static_cast<size_t>(block.parameter)].get());
  };
  parallelFor(count + more, run);
  for (size_t p = 0; p < parameters_.size(); ++p)
    if (touched[p])
      parameters_[p]->values = std::move(next[p]);
  if (!blocks.empty())
    ++revision_;
  publish(version);
}

// Works in pieces that stay in the nearest cache: gradients, and the slots and scalars that the kernel gives, go
// through a small scratch, because a kernel's outputs never alias its inputs. Values go straight to the next version.
void DenseStore::updateBlock(const BlockGradients &work, float divisor, int64_t step, float *next) {
  constexpr int64_t piece = 4096;
  Parameter &parameter = *parameters_[static_cast<size_t>(work.parameter)];
  const DenseBlock &block = parameter.layout.blocks()[static_cast<size_t>(work.localBlock)];
  const size_t slots = parameter.slots.size();
  const size_t scalars = parameter.spec.optimizer.scalars.size();
  std::vector<float> scratch(static_cast<size_t>(piece) * (1 + slots));
  std::array<float, maxOptimizerStates> newScalars{};
  OptimizerCall call(parameter.spec.optimizer, piece, step);
  call.setGradient(scratch.data());
  for (size_t s = 0; s < scalars; ++s) {
    call.setInput(static_cast<int>(1 + slots + s), parameter.scalarsOf(work.localBlock) + s);
    call.setOutput(static_cast<int>(1 + slots + s), &newScalars[s]);
  }
  for (int64_t first = 0; first < block.count; first += piece) {
    const int64_t count = std::min(piece, block.count - first);
    const int64_t at = block.localFirst + first;
    float *gradient = scratch.data();
    const float *sum = work.gradients[0] + first;
    if (work.gradients.size() > 1)
      sum = std::copy_n(sum, count, gradient) - count;
    for (size_t g = 1; g < work.gradients.size(); ++g)
      addFloats(gradient, work.gradients[g] + first, count);
    divideFloats(gradient, sum, divisor, count);
    call.setElements(count);
    call.setInput(0, parameter.values.get() + at);
    call.setOutput(0, next + at);
    for (size_t s = 0; s < slots; ++s) {
      call.setInput(static_cast<int>(1 + s), parameter.slots[s].data() + at);
      call.setOutput(static_cast<int>(1 + s), scratch.data() + static_cast<size_t>(piece) * (1 + s));
    }
    call.run();
    for (size_t s = 0; s < slots; ++s)
      std::copy_n(scratch.data() + static_cast<size_t>(piece) * (1 + s), count, parameter.slots[s].data() + at);
  }
  std::copy_n(newScalars.begin(), scalars, parameter.scalarsOf(work.localBlock));
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
  for (const std::unique_ptr<Parameter> &parameter : parameters_) {
    const size_t elements = parameter->localElements();
    image.scalars.push_back(parameter->scalars);
    image.slots.push_back(std::make_unique_for_overwrite<float[]>(elements * parameter->slots.size()));
    float *to = image.slots.back().get();
    for (const std::vector<float> &slot : parameter->slots)
      for (size_t first = 0; first < elements; first += pieceFloats) {
        const size_t count = std::min(pieceFloats, elements - first);
        pieces.push_back({slot.data() + first, to, count});
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
  const Parameter &parameter = *parameters_[static_cast<size_t>(index)];
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
  Parameter &parameter = *parameters_[static_cast<size_t>(index)];
  const DenseBlock &block = parameter.layout.blocks()[static_cast<size_t>(localBlock)];
  const float *values = parameter.values.get() + block.localFirst;
  state.assign(values, values + block.count);
  for (const std::vector<float> &slot : parameter.slots)
    state.insert(state.end(), slot.begin() + block.localFirst, slot.begin() + block.localFirst + block.count);
  const float *scalars = parameter.scalarsOf(localBlock);
  state.insert(state.end(), scalars, scalars + parameter.spec.optimizer.scalars.size());
}

void DenseStore::writeState(int index, int64_t localBlock, std::span<const float> state) {
  Parameter &parameter = *parameters_[static_cast<size_t>(index)];
  const DenseBlock &block = parameter.layout.blocks()[static_cast<size_t>(localBlock)];
  assert(state.size() ==
         static_cast<size_t>(block.count) * (1 + parameter.slots.size()) + parameter.spec.optimizer.scalars.size());
  averaged_ = nullptr;
  const float *from = state.data();
  std::copy_n(from, block.count, parameter.values.get() + block.localFirst);
  for (std::vector<float> &slot : parameter.slots)
    std::copy_n(from += block.count, block.count, slot.begin() + block.localFirst);
  std::copy_n(from + block.count, parameter.spec.optimizer.scalars.size(), parameter.scalarsOf(localBlock));
}

} // namespace heter::runtime
