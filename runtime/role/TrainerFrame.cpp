// One function a node kind.
#include "runtime/role/TrainerFrame.h"

#include <algorithm>
#include <array>
#include <bit>

namespace heter::runtime {

class TrainerFrame::UpdateBlocks final : public MatrixBlocks {
public:
  explicit UpdateBlocks(std::unique_ptr<EarlyUpdate> update) : update_(std::move(update)) {}
  void take(const Block &block, const float *values) override {
    static_assert(unit == ValueCopies::unit);
    update_->run({block.row, block.rows, block.column, block.columns}, values);
  }
  Status finish() { return update_->finish(); }

private:
  std::unique_ptr<EarlyUpdate> update_;
};

TrainerFrame::TrainerFrame(const FrameServices &services, int64_t minVersion, BatchPtr batch)
    : services_(services), minVersion_(minVersion), batch_(std::move(batch)) {}
TrainerFrame::~TrainerFrame() = default;

void TrainerFrame::letGoOfParameters() {
  DenseSnapshotPtr last;
  MutexLock lock(mutex_);
  dense_.swap(last); // goes after the lock
}

std::vector<MetricReport> TrainerFrame::takeMetrics() {
  std::vector<MetricReport> metrics;
  MutexLock lock(mutex_);
  for (auto &[node, metric] : metrics_)
    metrics.push_back(std::move(metric));
  return metrics;
}

std::string TrainerFrame::takePredictions() {
  MutexLock lock(mutex_);
  if (predicted_.empty())
    return {};
  std::vector<PredictedValue> values;
  for (auto &[node, value] : predicted_)
    values.push_back(std::move(value));
  return predictionLines(values, batch_->examples);
}

void TrainerFrame::start(Frame &frame, int index, Completion done) {
  const package::Node &node = frame.node(index);
  switch (node.kind) {
  case package::NodeKind::INPUT:
    return done(input(frame, node));
  case package::NodeKind::PULL_ROWS:
    return pullRows(frame, node, std::move(done));
  case package::NodeKind::PULL_DENSE:
    return pullDense(frame, node, std::move(done));
  case package::NodeKind::PUSH_ROWS:
    return pushRows(frame, node, std::move(done));
  case package::NodeKind::PUSH_DENSE:
    return pushDense(frame, index, std::move(done));
  case package::NodeKind::SEND:
    return send(frame, node, std::move(done));
  case package::NodeKind::RECV:
    return receive(frame, node, std::move(done));
  case package::NodeKind::REPORT:
    return done(report(frame, node));
  case package::NodeKind::PREDICT:
    predict(frame, node);
    return done(Status());
  default:
    return done(Status::internal("node kind " + std::to_string(node.kind) + " is not a role's to run"));
  }
}

Status TrainerFrame::input(Frame &frame, const package::Node &node) {
  HETER_ASSIGN_OR_RETURN(int input, services_.model.findInput(textAttribute(node, "input")));
  if (!batch_ || static_cast<size_t>(input) >= batch_->tensors.size())
    return Status::internal("input '" + textAttribute(node, "input") + "' is read where there is no data");
  const BatchTensor &tensor = batch_->tensors[static_cast<size_t>(input)];
  int output = node.outputs[0];
  if (tensor.kind == package::ValueKind::RAGGED)
    return frame.bindRagged(output, tensor.offsets.data(), tensor.data(), batch_);
  return frame.deliver(output, tensor.data(), tensor.elementCount() * elementBytes(tensor.element), batch_);
}

void TrainerFrame::pullRows(Frame &frame, const package::Node &node, Completion done) {
  auto part = services_.model.findPart(textAttribute(node, "table"), textAttribute(node, "part"));
  if (!part.ok())
    return done(part.status());
  const TensorRef &keys = frame.value(node.inputs[0]);
  const int64_t floats = keys.count * services_.model.parts()[static_cast<size_t>(*part)].dim;
  // Of few sizes, so that one frame's memory serves another.
  const auto bytes = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(floats) * sizeof(float) + 64));
  std::shared_ptr<uint16_t> memory = services_.buffers->take(bytes);
  if (!memory)
    return done(Status::resourceExhausted("no memory for the rows of '" + node.name + "'"));
  auto *rows = reinterpret_cast<float *>(memory.get());
  services_.parameters.pullRows(minVersion_, *part, {keys.keys, static_cast<size_t>(keys.count)}, rows,
                                [&frame, &node, memory, rows, done = std::move(done)](Status status) mutable {
                                  const TensorRef &keys = frame.value(node.inputs[0]);
                                  if (status.ok())
                                    status = frame.bindRows(node.outputs[0], keys.keys, rows, keys.count, memory);
                                  done(std::move(status));
                                });
}

void TrainerFrame::withDense(DenseValues which, UniqueFunction<void(StatusOr<DenseSnapshotPtr>)> use) {
  std::optional<StatusOr<DenseSnapshotPtr>> known;
  {
    MutexLock lock(mutex_);
    if (dense_) {
      known.emplace(dense_);
    } else if (!denseFailed_.ok()) {
      known.emplace(denseFailed_);
    } else {
      denseWaiters_.push_back(std::move(use));
      if (std::exchange(denseAsked_, true))
        return;
    }
  }
  if (known)
    return use(std::move(*known));
  services_.parameters.pullDense(minVersion_, which, [this](StatusOr<DenseSnapshotPtr> snapshot) {
    std::vector<UniqueFunction<void(StatusOr<DenseSnapshotPtr>)>> waiters;
    {
      MutexLock lock(mutex_);
      if (snapshot.ok())
        dense_ = *snapshot;
      else
        denseFailed_ = snapshot.status();
      waiters.swap(denseWaiters_);
    }
    // The last of them may end the frame, and with it this handler. Nothing here holds the version beyond that.
    for (size_t i = 0; i + 1 < waiters.size(); ++i)
      waiters[i](snapshot);
    waiters.back()(std::move(snapshot));
  });
}

void TrainerFrame::pullDense(Frame &frame, const package::Node &node, Completion done) {
  auto parameter = services_.model.findParameter(textAttribute(node, "parameter"));
  if (!parameter.ok())
    return done(parameter.status());
  auto deliver = [this, &frame, &node, parameter = *parameter,
                  done = std::move(done)](StatusOr<DenseSnapshotPtr> snapshot) mutable {
    if (!snapshot.ok())
      return done(snapshot.status());
    Status status;
    if (frame.value(node.outputs[0]).packing != package::Packing::NONE) {
      status = deliverPacked(frame, node, parameter, *snapshot);
    } else {
      std::span<const float> values = (*snapshot)->values(parameter);
      status = frame.deliver(node.outputs[0], values.data(), static_cast<int64_t>(values.size_bytes()), *snapshot);
    }
    snapshot = DenseSnapshotPtr(); // The frame holds what it needs.
    done(std::move(status));
  };
  withDense(frame.info().training ? DenseValues::Newest : DenseValues::Averaged, std::move(deliver));
}

Status TrainerFrame::deliverPacked(Frame &frame, const package::Node &node, int parameter,
                                   const DenseSnapshotPtr &snapshot) {
  const TensorRef &output = frame.value(node.outputs[0]);
  const uint16_t *packed = snapshot->packedByUpdate(parameter, output.packing);
  if (!packed)
    packed = snapshot->packed.get({services_.tiles, *services_.buffers, services_.scheduler, parameter, output.packing,
                                   snapshot->values(parameter), output.shape[0], output.shape[1]});
  if (!packed)
    return Status::resourceExhausted("no memory for a packed copy of `" + services_.model.parameterName(parameter) +
                                     "`");
  return frame.deliver(node.outputs[0], packed, tensorBytes(output.element, output.shape), snapshot);
}

void TrainerFrame::pushRows(Frame &frame, const package::Node &node, Completion done) {
  auto part = services_.model.findPart(textAttribute(node, "table"), textAttribute(node, "part"));
  if (!part.ok())
    return done(part.status());
  const TensorRef &rows = frame.value(node.inputs[0]);
  auto count = static_cast<size_t>(rows.count);
  auto dim = static_cast<size_t>(services_.model.parts()[static_cast<size_t>(*part)].dim);
  Parameters::RowPush push{*part, {rows.keys, count}, {rows.f32(), count * dim}, {}, frame.keep(node.inputs[0])};
  if (node.inputs.size() > 1) {
    const TensorRef &counts = frame.value(node.inputs[1]);
    if (counts.count != rows.count || !std::equal(counts.keys, counts.keys + count, rows.keys))
      return done(Status::internal("shows and clicks of `" + textAttribute(node, "table") +
                                   "` are of other keys than its gradient"));
    push.counts = {counts.f32(), 2 * count};
    std::array<std::shared_ptr<const void>, 2> owners = {push.owner, frame.keep(node.inputs[1])};
    push.owner = owners[0] && owners[1] ? std::make_shared<decltype(owners)>(owners) : nullptr;
  }
  services_.parameters.pushRows(frame.info(), std::move(push), std::move(done));
}

StatusOr<MatrixBlocks *> TrainerFrame::blocksFor(Frame &frame, int push) {
  HETER_ASSIGN_OR_RETURN(int parameter, services_.model.findParameter(textAttribute(frame.node(push), "parameter")));
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<EarlyUpdate> update,
                         services_.parameters.beginUpdate(frame.info(), parameter));
  if (!update)
    return nullptr;
  MutexLock lock(mutex_);
  std::unique_ptr<UpdateBlocks> &blocks = updates_[push];
  blocks = std::make_unique<UpdateBlocks>(std::move(update));
  return blocks.get();
}

std::unique_ptr<TrainerFrame::UpdateBlocks> TrainerFrame::takeUpdate(int push) {
  MutexLock lock(mutex_);
  auto found = updates_.find(push);
  return found == updates_.end() ? nullptr : std::move(found->second);
}

void TrainerFrame::pushDense(Frame &frame, int index, Completion done) {
  if (std::unique_ptr<UpdateBlocks> update = takeUpdate(index))
    return done(update->finish());
  const package::Node &node = frame.node(index);
  auto parameter = services_.model.findParameter(textAttribute(node, "parameter"));
  if (!parameter.ok())
    return done(parameter.status());
  const TensorRef &gradient = frame.value(node.inputs[0]);
  if (gradient.shape.elements() != services_.model.parameterElements(*parameter))
    return done(Status::internal("the gradient of '" + services_.model.parameterName(*parameter) +
                                 "' has another size than the parameter"));
  services_.parameters.pushDense(frame.info(), *parameter,
                                 {gradient.f32(), static_cast<size_t>(gradient.shape.elements())},
                                 frame.keep(node.inputs[0]), std::move(done));
}

void TrainerFrame::send(Frame &frame, const package::Node &node, Completion done) {
  if (!services_.channels)
    return done(Status::internal("this role has no channels"));
  services_.channels->send(frame.info(), textAttribute(node, "channel"), packValues(frame, node), std::move(done));
}

void TrainerFrame::receive(Frame &frame, const package::Node &node, Completion done) {
  if (!services_.channels)
    return done(Status::internal("this role has no channels"));
  services_.channels->receive(frame.info(), textAttribute(node, "channel"),
                              [&frame, &node, done = std::move(done)](StatusOr<WireValuesPtr> values) mutable {
                                if (!values.ok())
                                  return done(values.status());
                                done(unpackValues(frame, node, std::move(*values)));
                              });
}

Status TrainerFrame::report(Frame &frame, const package::Node &node) {
  MetricReport metric;
  metric.metric = textAttribute(node, "metric");
  metric.name = textAttribute(node, "name");
  auto floats = [&](int input) {
    const TensorRef &value = frame.value(node.inputs[static_cast<size_t>(input)]);
    return std::vector<float>(value.f32(), value.f32() + value.shape.elements());
  };
  for (int input : node.inputs)
    if (frame.value(input).element != package::ElementType::F32)
      return Status::unimplemented("report '" + metric.name + "' of values that are not f32");
  if (metric.metric == "auc" && node.inputs.size() == 2) {
    metric.predictions = floats(0);
    metric.labels = floats(1);
    if (metric.predictions.size() != metric.labels.size())
      return Status::invalidArgument("report '" + metric.name + "' compares " +
                                     std::to_string(metric.predictions.size()) + " predictions with " +
                                     std::to_string(metric.labels.size()) + " labels");
  } else if (metric.metric == "loss" && node.inputs.size() == 1) {
    metric.value = static_cast<double>(floats(0).at(0));
  } else {
    return Status::unimplemented("report of metric '" + metric.metric + "' is not supported yet; auc and loss are");
  }
  // Nodes end in any order; reports keep the program's.
  MutexLock lock(mutex_);
  metrics_.emplace(&node - frame.graph().nodes.data(), std::move(metric));
  return Status();
}

void TrainerFrame::predict(Frame &frame, const package::Node &node) {
  const TensorRef &value = frame.value(node.inputs[0]);
  const char *begin = static_cast<const char *>(value.data);
  PredictedValue predicted{value.element,
                           {begin, begin + value.shape.elements() * static_cast<int64_t>(elementBytes(value.element))}};
  MutexLock lock(mutex_);
  predicted_.emplace(&node - frame.graph().nodes.data(), std::move(predicted));
}

} // namespace heter::runtime
