// The handler of one frame: it feeds the batch in, pulls and pushes parameters, sends and receives channel values, and
// collects what the model reports and predicts.
#ifndef HETER_RUNTIME_ROLE_TRAINERFRAME_H
#define HETER_RUNTIME_ROLE_TRAINERFRAME_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/data/DataStream.h"
#include "runtime/graph/Frame.h"
#include "runtime/role/Channels.h"
#include "runtime/role/Model.h"
#include "runtime/role/Parameters.h"
#include "runtime/role/Predictions.h"
#include "runtime/role/StepLedger.h"

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace heter::runtime {

/// What the frames of a role share; outlives them.
struct FrameServices {
  const Model &model;
  Parameters &parameters;
  ChannelPort *channels = nullptr; ///< Null where the role has none (local, ps).
  /// Called with the first failure of each frame, at once; may be null.
  std::function<void(const Status &)> failed = nullptr;
  TileKernels tiles;
  Scheduler &scheduler;
  std::shared_ptr<PackedBuffers> buffers = std::make_shared<PackedBuffers>();
};

class TrainerFrame final : public NodeHandler {
public:
  /// `batch` is null on a heter-trainer. `minVersion` is what the frame's pulls wait for. The frame lives until the
  /// executor has called its completion.
  TrainerFrame(const FrameServices &services, int64_t minVersion, BatchPtr batch);
  ~TrainerFrame() override;

  void start(Frame &frame, int node, Completion done) override;
  StatusOr<MatrixBlocks *> blocksFor(Frame &frame, int push) override HETER_EXCLUDES(mutex_);
  void failed(const Status &why) override {
    if (services_.failed)
      services_.failed(why);
  }

  /// Before the handler itself goes, so that their memory may be written over. After the frame has ended.
  void letGoOfParameters() HETER_EXCLUDES(mutex_);
  /// After the frame has ended.
  std::vector<MetricReport> takeMetrics();
  /// A line an example; empty if the graph predicts nothing. After the frame has ended.
  std::string takePredictions();

private:
  /// An update that takes its gradient from a product.
  class UpdateBlocks;

  Status input(Frame &frame, const package::Node &node);
  void pullRows(Frame &frame, const package::Node &node, Completion done);
  void pullDense(Frame &frame, const package::Node &node, Completion done);
  Status deliverPacked(Frame &frame, const package::Node &node, int parameter, const DenseSnapshotPtr &snapshot);
  void pushRows(Frame &frame, const package::Node &node, Completion done);
  void pushDense(Frame &frame, int index, Completion done);
  std::unique_ptr<UpdateBlocks> takeUpdate(int push) HETER_EXCLUDES(mutex_);
  void send(Frame &frame, const package::Node &node, Completion done);
  void receive(Frame &frame, const package::Node &node, Completion done);
  Status report(Frame &frame, const package::Node &node);
  void predict(Frame &frame, const package::Node &node);
  void withDense(DenseValues which, UniqueFunction<void(StatusOr<DenseSnapshotPtr>)> use);

  const FrameServices &services_;
  const int64_t minVersion_;
  const BatchPtr batch_;

  Mutex mutex_;
  bool denseAsked_ HETER_GUARDED_BY(mutex_) = false;
  DenseSnapshotPtr dense_ HETER_GUARDED_BY(mutex_); ///< The version that the frame has pinned.
  Status denseFailed_ HETER_GUARDED_BY(mutex_);
  std::vector<UniqueFunction<void(StatusOr<DenseSnapshotPtr>)>> denseWaiters_ HETER_GUARDED_BY(mutex_);
  std::map<int, std::unique_ptr<UpdateBlocks>> updates_ HETER_GUARDED_BY(mutex_); ///< Begun, by PUSH_DENSE node.
  std::map<ptrdiff_t, MetricReport> metrics_ HETER_GUARDED_BY(mutex_);            ///< By node.
  std::map<ptrdiff_t, PredictedValue> predicted_ HETER_GUARDED_BY(mutex_);        ///< By node.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_TRAINERFRAME_H
