// What a model predicts, on its way from the frames to whoever asked: the text of a micro-batch's examples, and its
// orderly delivery.
#ifndef HETER_RUNTIME_ROLE_PREDICTIONS_H
#define HETER_RUNTIME_ROLE_PREDICTIONS_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/Status.h"
#include "runtime/package/Package.h"
#include "runtime/role/Strand.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace heter::runtime {

/// What one PREDICT node gave for a micro-batch.
struct PredictedValue {
  package::ElementType::type element = package::ElementType::F32;
  std::vector<char> bytes; ///< Row-major, as many elements for each example.
};

/// A line an example, tabs between all elements of all values. f32 has 9 significant digits, which give the same f32
/// back; bool is 0 or 1. REQUIRES: examples > 0.
std::string predictionLines(const std::vector<PredictedValue> &values, int64_t examples);

/// The names of the columns of those lines: the prediction's name, with its number behind a dot for each element where
/// an example has several. The error is that the model predicts nothing, and says how it would.
StatusOr<std::vector<std::string>> predictionColumns(const Package &package);

/// Hands lines over in the order in which they were added, where blocking is allowed, one call at a time. Lives on a
/// strand, except that `write` is called from blocking tasks.
class PredictionOutput : public std::enable_shared_from_this<PredictionOutput> {
public:
  using Write = std::function<Status(const std::string &lines)>;

  /// `scheduler` and `write` outlive it.
  PredictionOutput(Scheduler &scheduler, std::shared_ptr<Strand> strand, const Write &write)
      : scheduler_(scheduler), strand_(std::move(strand)), write_(write) {}

  /// The error of an earlier write, if there was one; then nothing is added.
  Status add(std::string lines);
  /// `ready` is called, on the strand, when more may be predicted: at once, or when the writer has caught up. Its
  /// status is the error of an earlier write. Who predicts waits for it, so that a slow reader costs no memory.
  void whenReady(Completion ready);
  /// After the last `add`: `ended` is called when everything is written, or one write has failed.
  void finish(Completion ended);

private:
  void writeNext();

  Scheduler &scheduler_;
  const std::shared_ptr<Strand> strand_;
  const Write &write_;
  std::string waiting_;
  std::vector<Completion> blocked_;
  bool writing_ = false;
  Status status_;
  Completion ended_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_PREDICTIONS_H
