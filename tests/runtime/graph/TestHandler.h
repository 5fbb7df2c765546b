// A node handler that brings inputs from vectors, keeps predictions and holds back what a test wants held back.
#ifndef HETER_TESTS_RUNTIME_GRAPH_TESTHANDLER_H
#define HETER_TESTS_RUNTIME_GRAPH_TESTHANDLER_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/graph/Executable.h"

#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <map>

namespace heter::runtime::test {

class TestHandler : public NodeHandler {
public:
  std::map<std::string, std::vector<float>> inputs;
  std::map<std::string, std::vector<float>> predictions;
  /// Runs for nodes other than INPUT and PREDICT.
  std::function<void(Frame &, int, Completion)> other;

  void start(Frame &frame, int node, Completion done) override {
    const package::Node &n = frame.node(node);
    if (n.kind == package::NodeKind::INPUT) {
      const std::vector<float> &data = inputs.at(textAttribute(n, "input"));
      return done(frame.deliver(n.outputs[0], data.data(), static_cast<int64_t>(data.size() * sizeof(float))));
    }
    if (n.kind == package::NodeKind::PREDICT) {
      const TensorRef &value = frame.value(n.inputs[0]);
      MutexLock lock(mutex_);
      predictions[textAttribute(n, "name")].assign(value.f32(), value.f32() + value.bytes / 4);
      return done({});
    }
    other(frame, node, std::move(done));
  }

private:
  Mutex mutex_;
};

inline FrameInfo frameOf(int64_t examples) {
  FrameInfo info;
  info.examples = examples;
  return info;
}

/// Runs one frame to its end under virtual time.
inline Status runFrame(SimulatedScheduler &scheduler, Executable &executable, NodeHandler &handler,
                       const FrameInfo &info) {
  Status result = Status::internal("the frame did not end");
  executable.run(info, handler, [&](Status status) { result = std::move(status); });
  scheduler.runUntilIdle();
  return result;
}

/// Runs one frame to its end on threads.
inline Status runFrame(Executable &executable, NodeHandler &handler, const FrameInfo &info) {
  auto promise = std::make_shared<std::promise<Status>>();
  std::future<Status> result = promise->get_future();
  executable.run(info, handler, [promise](Status status) { promise->set_value(std::move(status)); });
  return result.get();
}

#define ASSERT_OK(expr)                                                                                                \
  do {                                                                                                                 \
    ::heter::runtime::Status okStatus_ = (expr);                                                                       \
    ASSERT_TRUE(okStatus_.ok()) << okStatus_.message();                                                                \
  } while (false)

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_GRAPH_TESTHANDLER_H
