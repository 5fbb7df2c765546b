// DenseUpdate: one update of one dense parameter, a single pass over its memory, in tasks that may run at once.
#ifndef HETER_RUNTIME_TABLE_DENSEUPDATE_H
#define HETER_RUNTIME_TABLE_DENSEUPDATE_H

#include "runtime/table/DenseParameter.h"
#include "runtime/table/DenseStore.h"

#include <atomic>
#include <memory>
#include <vector>

namespace heter::runtime {

/// Use: add() for each block, prepare(), run() of every task, finish(). Or, for all of a parameter whose gradient comes
/// block by block, prepareAll(), runPart() of parts that make up all of it, checkAllRan(), finish(). What it refers to
/// outlives it.
class DenseUpdate {
public:
  /// `copies` may be null. `number` is the parameter's handle. `inPlace`: values that nobody holds may be written over;
  /// nobody begins to hold them before finish().
  DenseUpdate(DenseParameter &parameter, int number, float divisor, int64_t step, ValueCopies *copies, bool inPlace);

  /// The gradients of another block, which live until the end. REQUIRES: at most one entry a block.
  void add(const BlockGradients &block);

  /// Takes memory for the next values, or finds that they may lie where the values are, and cuts the work into tasks.
  void prepare();
  int64_t tasks() const { return static_cast<int64_t>(tasks_.size()); }
  /// Thread-safe, for different tasks.
  void run(int64_t task);

  void prepareAll();
  /// Updates a part of a matrix; see EarlyUpdate::run.
  void runPart(const ValueCopies::Part &part, const float *gradient);
  /// An error unless every element has been updated once.
  Status checkAllRan() const;

  /// Makes the next values the parameter's. After all tasks.
  void finish();

private:
  class Worker;

  /// Rows [row, row + rows) and columns [column, column + columns) of the values, seen as a matrix.
  struct Task {
    int64_t row, rows, column, columns;
  };

  void prepareMemory();
  void cutBlocks();
  void updateTask(Worker &worker, const Task &task, const float *gradient);
  void cutForCopies();

  DenseParameter &parameter_;
  const int number_;
  const float divisor_;
  const int64_t step_;
  ValueCopies *const copies_;
  bool inPlace_;
  std::vector<const std::vector<const float *> *> gradients_; ///< By local block; null: not updated.
  int64_t blocks_ = 0;
  int64_t width_ = 0; ///< Of a row.
  std::vector<Task> tasks_;
  std::shared_ptr<float[]> next_;
  std::shared_ptr<void> nextCopies_;
  std::vector<float> nextScalars_;
  std::atomic<int64_t> ran_ = 0; ///< Elements, by runPart.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_DENSEUPDATE_H
