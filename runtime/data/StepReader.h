// Deals the lines of a data set into micro-batches and steps, as one trainer sees them.
#ifndef HETER_RUNTIME_DATA_STEPREADER_H
#define HETER_RUNTIME_DATA_STEPREADER_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/data/DataStream.h"
#include "runtime/data/Labels.h"
#include "runtime/data/LineReader.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace heter::runtime {

/// Batches that are used again, so that reading allocates nothing once it runs. Thread-safe; outlives its stream
/// until the last batch comes back.
class BatchPool : public std::enable_shared_from_this<BatchPool> {
public:
  std::shared_ptr<Batch> acquire();
  /// Of the batches that came back at least once.
  int64_t memoryBytes() const;

private:
  /// `before`: what its memory was when it was acquired.
  void release(Batch *batch, int64_t before);

  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Batch>> free_ HETER_GUARDED_BY(mutex_);
  int64_t memoryBytes_ HETER_GUARDED_BY(mutex_) = 0;
};

/// Reads step by step. Blocks on files. Not thread-safe.
class StepReader {
public:
  /// Reading begins at `start`.
  StepReader(LineForms forms, LineReader lines, DataOptions options, const DataPosition &start, int64_t bytesAnEpoch);

  /// Appends this trainer's micro-batches of the next step that has one; false if there is none. All micro-batches of
  /// a step are read, or passed over, before any is given, so that each knows how many there are.
  StatusOr<bool> nextStep(std::vector<BatchPtr> &batches);

  /// Whether the text of the next step lies ready, by what the largest one took so far and half as much: then
  /// nextStep() blocks on no file, unless its lines are longer than that.
  bool hasText() const;
  /// Reads text ahead for some steps, if they are not too large for that; what fails fails when nextStep() gets there.
  void readText();

  /// `memoryBytes` without the batches.
  DataProgress progress() const;
  /// May be called while a step is read.
  int64_t batchBytes() const { return pool_->memoryBytes(); }

private:
  StatusOr<bool> startEpoch();
  DataPosition position(bool epochEnded) const;
  StatusOr<int64_t> readMicroBatch(int64_t count, std::shared_ptr<Batch> &batch);
  StatusOr<bool> appendLine(Batch &batch, bool own);
  Status readHeader();
  bool chooseForm(std::string_view line, RowError &error);
  Status passOver(const RowError &error, bool own);
  void checkRange() const;
  std::string filesAnd(const char *one, const char *several) const;
  Status noExamples() const;

  LineForms forms_;
  LineReader lines_;
  DataOptions options_;
  const DataPosition start_;
  int64_t bytesAnEpoch_;
  std::shared_ptr<BatchPool> pool_ = std::make_shared<BatchPool>();
  std::shared_ptr<Batch> others_; ///< Where lines of other trainers' micro-batches go, to learn which are malformed.
  size_t headerOf_ = 0;           ///< The file whose header the program knows.
  size_t formOf_ = 0;             ///< The file whose form is chosen.
  int64_t badLines_ = 0;          ///< Passed over in this epoch.
  int64_t reported_ = 0;          ///< Malformed lines.
  int64_t epoch_;                 ///< Before the first: one less.
  bool inEpoch_ = false;
  int64_t linesLeft_ = 0; ///< Of the line range, in this epoch.
  int64_t step_ = 0;
  int64_t textOfStep_ = 0;    ///< The most bytes that a step took, those of other trainers included.
  int64_t dealt_;             ///< Examples, over all epochs.
  int64_t epochExamples_ = 0; ///< In this epoch so far.
  int64_t wholeEpoch_ = 0;    ///< Examples of a complete epoch; 0 before the first has ended.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_DATA_STEPREADER_H
