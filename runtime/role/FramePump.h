// Keeps a trainer busy: reads batches and keeps up to a number of frames running.
#ifndef HETER_RUNTIME_ROLE_FRAMEPUMP_H
#define HETER_RUNTIME_ROLE_FRAMEPUMP_H

#include "runtime/data/DataStream.h"
#include "runtime/role/Strand.h"

#include <functional>
#include <memory>

namespace heter::runtime {

/// Lives on a strand: `start` and `stop` are called there, and so are the callbacks.
class FramePump : public std::enable_shared_from_this<FramePump> {
public:
  /// Runs the frame of a batch; its completion may be called on any thread.
  using RunFrame = std::function<void(BatchPtr, Completion)>;

  FramePump(std::shared_ptr<Strand> strand, std::unique_ptr<DataStream> stream, int inFlight, RunFrame runFrame,
            Completion ended)
      : strand_(std::move(strand)), stream_(std::move(stream)), inFlight_(std::max(inFlight, 1)),
        runFrame_(std::move(runFrame)), ended_(std::move(ended)) {}

  /// Runs until the data has ended and every frame has, or until the first failure; then calls `ended` once no frame
  /// runs any more. After a failure the caller makes waiting frames end (by failing what they wait for).
  void start() { fill(); }

  /// Starts no further frame.
  void stop(Status why) {
    if (status_.ok())
      status_ = std::move(why);
    finishIfIdle();
  }

  bool finished() const { return finished_; }

  DataProgress progress() const { return stream_->progress(); }

private:
  void fill();
  void received(StatusOr<BatchPtr> batch);
  void frameEnded(Status status);
  void finishIfIdle();

  const std::shared_ptr<Strand> strand_;
  const std::unique_ptr<DataStream> stream_;
  const int inFlight_;
  RunFrame runFrame_;
  Completion ended_;
  int running_ = 0;
  bool reading_ = false;
  bool dataEnded_ = false;
  bool finished_ = false;
  Status status_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_FRAMEPUMP_H
