// The cost of a node: graphs whose nodes do next to nothing, in our executor and in oneTBB's flow graph.
#include "bench/runtime/Parts.h"

#include "runtime/graph/Executable.h"

#include <atomic>
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/task_arena.h>
#include <stdexcept>

namespace heter::bench {

using namespace heter::runtime;

namespace {

constexpr int nodeCount = 1000, framesARound = 200;

std::atomic<int64_t> counter;

/// The one kernel: bumps the counter that its operand points at.
class BumpKernel final : public KernelObject {
public:
  KernelFunction find(const std::string &) const override {
    return [](void *const *arguments) {
      void *const *memref = static_cast<void *const *>(arguments[0]);
      static_cast<std::atomic<int64_t> *>(memref[1])->fetch_add(1, std::memory_order_relaxed);
    };
  }
  const std::string &description() const override { return description_; }

private:
  std::string description_ = "bump";
};

/// Binds the counter.
class CounterInput final : public NodeHandler {
public:
  void start(Frame &frame, int node, Completion done) override {
    done(frame.bind(frame.node(node).outputs[0], &counter, sizeof(counter)));
  }
};

package::Graph graphOf(bool chain) {
  package::Graph graph;
  package::Value value;
  value.name = "counter";
  value.kind = package::ValueKind::TENSOR;
  value.type.element = package::ElementType::I64;
  value.space = package::Space::HOST;
  value.segment = -1;
  value.offset = value.bytes = 0;
  graph.values.push_back(value);
  package::Node input;
  input.kind = package::NodeKind::INPUT;
  input.outputs = {0};
  input.attributes["input"].__set_text("counter");
  graph.nodes.push_back(input);
  for (int i = 0; i < nodeCount; ++i) {
    package::Node node;
    node.kind = package::NodeKind::KERNEL;
    node.callee = "bump";
    node.inputs = {0};
    node.after = {chain ? i : 0};
    graph.nodes.push_back(node);
  }
  return graph;
}

/// Our executor, one frame after the other.
class OurGraph {
public:
  OurGraph(bool chain, int threads) : graph_(graphOf(chain)), scheduler_(makeThreadedScheduler(threads)) {
    auto device = makeDevice("cpu", *scheduler_);
    if (!device.ok())
      throw std::runtime_error(device.status().message());
    device_ = std::move(*device);
    auto executable = Executable::create(graph_, kernel_, *device_, *scheduler_);
    if (!executable.ok())
      throw std::runtime_error(executable.status().message());
    executable_ = std::move(*executable);
  }

  /// All frames of a round, each started by the end of the one before.
  void run() {
    left_ = framesARound;
    over_ = 0;
    next();
    over_.wait(0);
  }

private:
  void next() {
    executable_->run(FrameInfo{.examples = 1}, input_, [this](Status) {
      if (--left_ > 0)
        return next();
      over_ = 1;
      over_.notify_one();
    });
  }

  const package::Graph graph_;
  BumpKernel kernel_;
  CounterInput input_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Executable> executable_;
  int left_ = 0;
  std::atomic<int> over_ = 0;
};

/// The same shape of continue_nodes.
class FlowGraph {
public:
  FlowGraph(bool chain, int threads) : arena_(threads) {
    arena_.execute([&] {
      graph_ = std::make_unique<tbb::flow::graph>();
      first_ = std::make_unique<Node>(*graph_, [](const Message &) { return Message(); });
      for (int i = 0; i < nodeCount; ++i) {
        nodes_.push_back(std::make_unique<Node>(*graph_, [at = &counter](const Message &) {
          at->fetch_add(1, std::memory_order_relaxed);
          return Message();
        }));
        tbb::flow::make_edge(chain && i > 0 ? *nodes_[static_cast<size_t>(i) - 1] : *first_, *nodes_.back());
      }
    });
  }

  void run() {
    arena_.execute([&] {
      for (int i = 0; i < framesARound; ++i) {
        first_->try_put(Message());
        graph_->wait_for_all();
      }
    });
  }

private:
  using Message = tbb::flow::continue_msg;
  using Node = tbb::flow::continue_node<Message>;

  tbb::task_arena arena_;
  std::unique_ptr<tbb::flow::graph> graph_;
  std::unique_ptr<Node> first_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

Row measureShape(bool chain, int rounds, int threads) {
  OurGraph ours(chain, threads);
  FlowGraph theirs(chain, threads);
  Row row = measure(
      chain ? "executor, chain of 1,000 nodes" : "executor, fan-out of 1,000 nodes", "M nodes/s", "oneTBB flow_graph",
      rounds, 1e-6 * nodeCount * framesARound, [&] { ours.run(); }, [&] { theirs.run(); });
  const int64_t before = allocationCount();
  ours.run();
  row.allocationsAFrame = (allocationCount() - before + framesARound - 1) / framesARound;
  return row;
}

} // namespace

std::vector<Row> executorRows(int rounds, int threads) {
  return {measureShape(true, rounds, threads), measureShape(false, rounds, threads)};
}

} // namespace heter::bench
