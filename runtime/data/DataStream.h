// Reading training and test examples: a DataStream turns text lines into batches of tensors, one for each input of the
// model, as the package's data binding says. Every cpu-trainer has its own stream over the same files; each scans all
// lines and parses only those of the micro-batches that it is dealt, so that the number of trainers never changes
// which examples a micro-batch holds.
#ifndef HETER_RUNTIME_DATA_DATASTREAM_H
#define HETER_RUNTIME_DATA_DATASTREAM_H

#include "runtime/base/DataPosition.h"
#include "runtime/base/FileSystem.h"
#include "runtime/base/Scheduler.h"
#include "runtime/base/Status.h"
#include "runtime/base/UniqueFunction.h"
#include "runtime/package/Package_types.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace heter::runtime {

/// The values of one input in one batch. Exactly one of `floats` and `integers` is used, by `element`.
struct BatchTensor {
  package::ValueKind::type kind = package::ValueKind::TENSOR;
  package::ElementType::type element = package::ElementType::F32;
  /// Row-major. TENSOR: examples * elements of one example, or none of a label that is not read. RAGGED: the elements
  /// of all lists, one list after another.
  std::vector<float> floats;
  std::vector<int64_t> integers;
  /// RAGGED only: examples + 1 entries; example i owns elements [offsets[i], offsets[i + 1]).
  std::vector<int64_t> offsets;

  const void *data() const;
  int64_t elementCount() const;
};

/// One micro-batch. Immutable once delivered; its memory goes back to the stream's pool with the last reference.
struct Batch {
  /// The micro-batch's number in the run: step * M + index, with M the micro-batches of a full step. The numbers that a
  /// short last step of an epoch does not use stay unused.
  int64_t number = 0;
  int64_t step = 0;
  int32_t index = 0;            ///< Within its step.
  int32_t stepMicroBatches = 1; ///< How many micro-batches this step has: M, or fewer in the last step of an epoch.
  int64_t stepExamples = 0;     ///< The examples of all micro-batches of the step.
  int64_t epoch = 0;
  int64_t examples = 0;             ///< Of this micro-batch; at least 1.
  int64_t firstExample = 0;         ///< Running number, over all epochs and trainers of the run, of the first example.
  DataPosition after = {};          ///< Where the data goes on after the step.
  std::vector<BatchTensor> tensors; ///< In the order of the inputs given to `DataStream::open`.
};
using BatchPtr = std::shared_ptr<const Batch>;

/// Lines [first, last] of all files put one after another, counted from 1, both ends included. Blank lines and header
/// lines are not counted; malformed ones are.
struct LineRange {
  int64_t first = 1;
  int64_t last = std::numeric_limits<int64_t>::max();
};

/// Parses "A:B", "A:" or ":B". Errors say what was expected and got.
StatusOr<LineRange> parseLineRange(std::string_view text);

/// What becomes of the labels of a line. `Read` is for training and tests, the others for predicting, when labels stay
/// without values: the lines carry them (`Present`), leave their columns out (`Absent`), or the number of columns of
/// each file's first line tells (`Auto`). Formats that go by names need not be told.
enum class Labels { Read, Auto, Present, Absent };

struct DataOptions {
  std::vector<std::string> files; ///< Paths or shell patterns, read in this order; a pattern's files in sorted order.
  LineRange lines;
  int64_t batchSize = 128;  ///< Examples of a full micro-batch.
  int32_t microBatches = 1; ///< M: the micro-batches of a full step. A test pass uses 1.
  int32_t trainerIndex = 0; ///< This trainer takes micro-batches with number % trainerCount == trainerIndex.
  int32_t trainerCount = 1;
  int64_t epochs = 1;
  int64_t maxExamples = 0; ///< Stop after so many examples over all trainers and epochs; 0: no limit.
  int64_t maxBadLines = 0; ///< Malformed lines that are passed over in an epoch; the next one is the error.
  /// Gets a sentence about each malformed line that is passed over, once a run and from the trainer for whose
  /// micro-batch it was read, and about lines of the range that do not exist, from the first trainer. Called by the
  /// reading task. May be empty.
  std::function<void(const std::string &)> warn;
  /// Where the training of a loaded model stood. Unless it had ended, reading goes on there, and epochs and
  /// `maxExamples` count what was read before; step numbers begin at 0 again. Other data is an error.
  std::optional<DataPosition> resume;
  Labels labels = Labels::Read;
  int32_t readAhead = 8; ///< Batches kept ready; a step is read to its end, so up to a step more may be held.
};

/// How far a stream has read, counted over all trainers (not only the examples of this one).
struct DataProgress {
  int64_t examples = 0; ///< Dealt to any trainer, over all epochs, since the stream was opened.
  int64_t expectedExamples =
      0;                   ///< Of the same in the end: exact after the first epoch, an estimate before; 0: unknown yet.
  int64_t badLines = 0;    ///< Malformed lines that this trainer passed over and reported.
  int64_t memoryBytes = 0; ///< Of the text read ahead and of all batches that came back so far.
};

/// A stream of batches, read and parsed ahead of the consumer by one task at a time. Files are read by
/// `Scheduler::postBlocking` tasks. Those also parse pipes, and where the machine has processors to spare; else tasks
/// of the compute threads do, a step each, since a thread more than there are processors would take one from a thread
/// amid work for which others wait (docs/decisions/parsing-on-compute-threads.md). Thread-safe. Destroying the stream
/// abandons what was read ahead; receivers that still wait get `cancelled`.
class DataStream {
public:
  /// Gets the next batch of this trainer, null at the end of the data, or the error that ended reading (the same one
  /// on every later call).
  using Receiver = UniqueFunction<void(StatusOr<BatchPtr>)>;

  virtual ~DataStream() = default;

  /// Checks the binding and that the files exist, then starts reading. Errors: a format or expression that is not
  /// supported, a binding that does not fit its input, no file, options out of range.
  /// REQUIRES: `files` and `scheduler` outlive the stream and its posted tasks.
  static StatusOr<std::unique_ptr<DataStream>> open(const package::DataSource &source,
                                                    const std::vector<package::Input> &inputs, DataOptions options,
                                                    FileSystem &files, Scheduler &scheduler);

  /// Asks for the next batch. `receiver` runs as a task of the scheduler, never inside this call; receivers are
  /// served in the order of the calls.
  virtual void next(Receiver receiver) = 0;

  virtual DataProgress progress() const = 0;
};

/// The data binding called `name`, or the first one if `name` is empty. The error names the bindings there are.
StatusOr<const package::DataSource *> findDataSource(const package::PackageInfo &info, const std::string &name);

} // namespace heter::runtime

#endif // HETER_RUNTIME_DATA_DATASTREAM_H
