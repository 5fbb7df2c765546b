// The optimizer's pass. It works in pieces that stay in the nearest cache: gradients, and the slots and scalars that
// the kernel gives, go through a small scratch, because a kernel's outputs never alias its inputs. Values go straight
// to the next version if that lies elsewhere. Where copies are wanted, a task is a part of the matrix small enough that
// they are made from values that are still in the cache.
#include "runtime/table/DenseUpdate.h"

#include "runtime/base/Vectors.h"
#include "runtime/table/OptimizerCall.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace heter::runtime {

namespace {

/// Elements of one call of the kernel, and of one task with copies.
constexpr int64_t pieceElements = 1024, taskElements = 32768;
/// Copies are made of whole units of so many rows and columns.
constexpr int64_t unit = ValueCopies::unit;

} // namespace

/// One task's call of the optimizer with its scratch.
class DenseUpdate::Worker {
public:
  explicit Worker(DenseUpdate &update)
      : update_(update), parameter_(update.parameter_), slots_(parameter_.slots.size()),
        scalars_(parameter_.spec.optimizer.scalars.size()), scratch_(static_cast<size_t>(pieceElements) * (2 + slots_)),
        call_(parameter_.spec.optimizer, pieceElements, update.step_) {
    call_.setGradient(scratch_.data());
    for (size_t s = 0; s < slots_; ++s)
      call_.setOutput(static_cast<int>(1 + s), slotScratch(s));
    for (size_t s = 0; s < scalars_; ++s)
      call_.setOutput(static_cast<int>(1 + slots_ + s), &newScalars_[s]);
  }

  /// Updates `count` elements from `first` on. What comes after them is from `after` on. `gradient` is theirs, or null
  /// where it is among the blocks'.
  void run(int64_t first, int64_t count, int64_t after, const float *gradient = nullptr) {
    for (int64_t end = first + count; first < end;) {
      const int64_t block = first / denseBlockElements, within = first % denseBlockElements;
      const int64_t piece = std::min({pieceElements, end - first, denseBlockElements - within});
      const int64_t following = first + piece < end ? first + piece : after;
      if (following != first + piece) // Else the processor sees it coming.
        fetch(following);
      runPiece(first, piece, block, within, gradient);
      first += piece;
      gradient += gradient ? piece : 0;
    }
  }

  /// Brings the piece from `first` on nearer.
  void fetch(int64_t first) {
    const int64_t count = std::min(pieceElements, static_cast<int64_t>(parameter_.localElements()) - first);
    if (count <= 0)
      return;
    const int64_t block = first / denseBlockElements, within = first % denseBlockElements;
    if (const auto *gradients = update_.gradients_[static_cast<size_t>(block)])
      fetchFloats((*gradients)[0] + within, std::min(count, denseBlockElements - within));
    fetchFloats(parameter_.values.get() + first, count);
    if (!update_.inPlace_)
      fetchFloats(update_.next_.get() + first, count);
    for (const std::shared_ptr<float[]> &slot : parameter_.slots)
      fetchFloats(slot.get() + first, count);
  }

private:
  float *slotScratch(size_t slot) { return scratch_.data() + static_cast<size_t>(pieceElements) * (1 + slot); }
  float *valueScratch() { return slotScratch(slots_); }

  /// The sum of a piece's gradients, maybe in the scratch.
  const float *sumOf(int64_t count, int64_t block, int64_t within) {
    const std::vector<const float *> &gradients = *update_.gradients_[static_cast<size_t>(block)];
    const float *sum = gradients[0] + within;
    if (gradients.size() > 1)
      sum = std::copy_n(sum, count, scratch_.data()) - count;
    for (size_t g = 1; g < gradients.size(); ++g)
      addFloats(scratch_.data(), gradients[g] + within, count);
    return sum;
  }

  void runPiece(int64_t first, int64_t count, int64_t block, int64_t within, const float *gradient) {
    divideFloats(scratch_.data(), gradient ? gradient : sumOf(count, block, within), update_.divisor_, count);
    call_.setElements(count);
    float *next = update_.next_.get() + first;
    call_.setInput(0, parameter_.values.get() + first);
    call_.setOutput(0, update_.inPlace_ ? valueScratch() : next);
    for (size_t s = 0; s < slots_; ++s)
      call_.setInput(static_cast<int>(1 + s), parameter_.slots[s].get() + first);
    for (size_t s = 0; s < scalars_; ++s)
      call_.setInput(static_cast<int>(1 + slots_ + s), parameter_.scalarsOf(block) + s);
    call_.run();
    if (update_.inPlace_)
      std::copy_n(valueScratch(), count, next);
    for (size_t s = 0; s < slots_; ++s)
      std::copy_n(slotScratch(s), count, parameter_.slots[s].get() + first);
    if (within == 0)
      std::copy_n(newScalars_.begin(), scalars_, update_.nextScalars_.begin() + block * static_cast<int64_t>(scalars_));
  }

  DenseUpdate &update_;
  DenseParameter &parameter_;
  const size_t slots_, scalars_;
  std::vector<float> scratch_;
  std::array<float, maxOptimizerStates> newScalars_{};
  OptimizerCall call_;
};

DenseUpdate::DenseUpdate(DenseParameter &parameter, int number, float divisor, int64_t step, ValueCopies *copies,
                         bool inPlace)
    : parameter_(parameter), number_(number), divisor_(divisor), step_(step), copies_(copies), inPlace_(inPlace),
      gradients_(parameter.layout.blocks().size()) {}

void DenseUpdate::add(const BlockGradients &block) {
  gradients_[static_cast<size_t>(block.localBlock)] = &block.gradients;
  ++blocks_;
}

void DenseUpdate::prepare() {
  prepareMemory();
  if (nextCopies_)
    cutForCopies();
  else
    cutBlocks();
}

void DenseUpdate::prepareAll() {
  blocks_ = static_cast<int64_t>(gradients_.size());
  prepareMemory();
  width_ = parameter_.spec.shape.empty() ? 1 : parameter_.spec.shape.back();
}

void DenseUpdate::prepareMemory() {
  const auto all = static_cast<int64_t>(gradients_.size());
  inPlace_ = parameter_.lending.end() && inPlace_;
  next_ = inPlace_ ? parameter_.values : parameter_.pool->take();
  nextScalars_ = parameter_.scalars;
  if (blocks_ < all) {
    if (!inPlace_)
      std::memcpy(next_.get(), parameter_.values.get(), parameter_.localElements() * sizeof(float));
  } else if (copies_ && parameter_.layout.localElements() == parameter_.layout.elements()) {
    nextCopies_ = inPlace_ && parameter_.copies ? parameter_.copies : copies_->take(number_);
  }
}

void DenseUpdate::cutBlocks() {
  width_ = parameter_.layout.localElements();
  for (size_t i = 0; i < gradients_.size(); ++i) {
    const DenseBlock &block = parameter_.layout.blocks()[i];
    if (gradients_[i])
      tasks_.push_back({0, 1, block.localFirst, block.count});
  }
}

void DenseUpdate::cutForCopies() {
  const int64_t rows = parameter_.spec.shape[0], most = taskElements / unit;
  width_ = parameter_.spec.shape[1];
  const int64_t columns = std::min(width_, most);
  const int64_t high = std::max<int64_t>(taskElements / std::max<int64_t>(columns, 1) / unit, 1) * unit;
  for (int64_t row = 0; row < rows; row += high)
    for (int64_t column = 0; column < width_; column += most)
      tasks_.push_back({row, std::min(high, rows - row), column, std::min(most, width_ - column)});
}

void DenseUpdate::run(int64_t number) {
  Worker worker(*this);
  updateTask(worker, tasks_[static_cast<size_t>(number)], nullptr);
}

/// `gradient` is the task's, row-major, or null where it is among the blocks'.
void DenseUpdate::updateTask(Worker &worker, const Task &task, const float *gradient) {
  const int64_t begin = task.row * width_ + task.column;
  if (task.columns == width_) {
    worker.run(begin, task.rows * width_, begin + task.rows * width_, gradient);
  } else {
    for (int64_t i = 0; i < task.rows; ++i)
      worker.run(begin + i * width_, task.columns, begin + (i + 1) * width_,
                 gradient ? gradient + i * task.columns : nullptr);
  }
  if (nextCopies_)
    copies_->make(number_, nextCopies_.get(), next_.get(), {task.row, task.rows, task.column, task.columns});
}

void DenseUpdate::runPart(const ValueCopies::Part &part, const float *gradient) {
  const int64_t high = std::max<int64_t>(taskElements / std::max<int64_t>(part.columns, 1) / unit, 1) * unit;
  Worker worker(*this);
  for (int64_t row = 0; row < part.rows; row += high)
    updateTask(worker, {part.row + row, std::min(high, part.rows - row), part.column, part.columns},
               gradient + row * part.columns);
  ran_.fetch_add(part.rows * part.columns, std::memory_order_relaxed);
}

Status DenseUpdate::checkAllRan() const {
  if (ran_.load(std::memory_order_relaxed) == parameter_.layout.localElements())
    return {};
  return Status::internal("parts of the update of `" + parameter_.spec.name + "` are missing or come twice");
}

void DenseUpdate::finish() {
  parameter_.values = std::move(next_);
  parameter_.copies = std::move(nextCopies_);
  parameter_.scalars = std::move(nextScalars_);
  parameter_.lending.begin();
}

} // namespace heter::runtime
