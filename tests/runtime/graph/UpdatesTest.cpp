// Products that may update a parameter: that they run after everything that reads it in whatever order the rest runs,
// and that the checking mode sees it otherwise.
#include "TestHandler.h"
#include "tests/runtime/kernels/MatrixCollector.h"
#include "tests/runtime/support/GraphBuilder.h"
#include "tests/runtime/support/TestKernels.h"

#include "runtime/device/cpu/CpuDevice.h"

#include <atomic>
#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::HasSubstr;

namespace {

constexpr int64_t rows = 256, columns = 128; // several blocks

package::TensorType packed(std::vector<int64_t> shape, package::Packing::type packing) {
  package::TensorType type = typeOf(package::ElementType::BF16, std::move(shape));
  type.packing = packing;
  return type;
}

/// Three sums of the pulled w; the gradient of w is a product of x and y that does not read what those give.
struct UpdateGraph : GraphBuilder {
  int x, left, right, w, gradient;
  std::vector<int> sums;
  int pull, push = -1;

  UpdateGraph() {
    x = bound("x", f32({-1, rows}));
    left = bound("left", packed({-1, rows}, package::Packing::LEFT_TRANSPOSED));
    right = bound("right", packed({-1, columns}, package::Packing::RIGHT));
    input("x", x);
    library("pack", {x}, {left});
    int y = bound("y", f32({-1, columns}));
    input("y", y);
    library("pack", {y}, {right});
    w = bound("w", f32({rows, columns}));
    pull = node(NodeKind::PULL_DENSE, "w", "", {}, {w}, {{"parameter", text("w")}});
    for (int i = 0; i < 3; ++i) {
      int sum = bound("sum" + std::to_string(i), f32({1}));
      sums.push_back(kernel("sum", {w}, {sum}));
      predict("sum" + std::to_string(i), sum);
    }
    gradient = placed("gradient", f32({rows, columns}));
  }
  UpdateGraph &finish() {
    library("product", {left, right}, {gradient});
    std::vector<int64_t> readers(sums.begin(), sums.end());
    readers.push_back(pull);
    push = node(NodeKind::PUSH_DENSE, "w", "", {gradient}, {},
                {{"parameter", text("w")}, {"update_after", integers(readers)}});
    return *this;
  }
};

FunctionKernels sumKernels() {
  FunctionKernels kernels = simpleKernels();
  kernels.functions["sum"] = [](void *const *args) {
    float sum = 0;
    for (int64_t i = 0; i < memref(args, 0).size(0) * memref(args, 0).size(1); ++i)
      sum += memref(args, 0).data()[i];
    memref(args, 1).data()[0] = sum;
  };
  return kernels;
}

/// Holds w, and adds the gradient to it as it comes.
class UpdatingHandler final : public TestHandler, private MatrixBlocks {
public:
  explicit UpdatingHandler(int64_t examples) : w(static_cast<size_t>(rows * columns), 1) {
    inputs["x"].assign(static_cast<size_t>(examples * rows), 1);
    inputs["y"].assign(static_cast<size_t>(examples * columns), 1);
    other = [this](Frame &frame, int index, Completion done) {
      const package::Node &node = frame.node(index);
      if (node.kind == NodeKind::PULL_DENSE)
        return done(frame.deliver(node.outputs[0], w.data(), static_cast<int64_t>(w.size() * sizeof(float))));
      ASSERT_EQ(node.kind, NodeKind::PUSH_DENSE);
      if (!takes)
        pushed = frame.value(node.inputs[0]).f32()[0];
      ended = true;
      done({});
    };
  }
  StatusOr<MatrixBlocks *> blocksFor(Frame &frame, int push) override {
    EXPECT_EQ(frame.node(push).kind, NodeKind::PUSH_DENSE);
    if (!refusal.ok())
      return refusal;
    return takes ? this : nullptr;
  }

  bool takes = true;
  Status refusal;
  std::vector<float> w;
  float pushed = 0;
  bool ended = false;

private:
  void take(const Block &block, const float *values) override {
    for (int64_t i = 0; i < block.rows; ++i)
      for (int64_t j = 0; j < block.columns; ++j)
        w[static_cast<size_t>((block.row + i) * columns + block.column + j)] += values[i * block.columns + j];
  }
};

class UpdatesTest : public ::testing::Test {
protected:
  std::unique_ptr<Executable> make(const package::Graph &graph, Scheduler &scheduler, ExecutableOptions options) {
    auto made = Executable::create(graph, kernels_, device_, scheduler, std::move(options));
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? std::move(*made) : nullptr;
  }
  CpuDevice device_;
  FunctionKernels kernels_ = sumKernels();
};

TEST_F(UpdatesTest, comeAfterEveryReaderInWhateverOrder) {
  const UpdateGraph g = UpdateGraph().finish();
  for (bool checking : {false, true})
    for (uint64_t seed = 0; seed < 30; ++seed) {
      SimulatedScheduler scheduler(seed);
      auto executable = make(g.graph, scheduler, {.poisonFreed = checking, .updates = true});
      UpdatingHandler handler(2);
      ASSERT_OK(runFrame(scheduler, *executable, handler, frameOf(2)));
      for (int i = 0; i < 3; ++i)
        ASSERT_EQ(handler.predictions["sum" + std::to_string(i)], std::vector<float>{rows * columns});
      ASSERT_EQ(handler.w, std::vector<float>(rows * columns, 3));
      ASSERT_TRUE(handler.ended);
    }
}

TEST_F(UpdatesTest, thatNobodyTakesAndOtherRunsGoThroughMemory) {
  const UpdateGraph g = UpdateGraph().finish();
  for (bool updates : {false, true}) {
    SimulatedScheduler scheduler(1);
    auto executable = make(g.graph, scheduler, {.updates = updates});
    UpdatingHandler handler(2);
    handler.takes = false;
    ASSERT_OK(runFrame(scheduler, *executable, handler, frameOf(2)));
    EXPECT_EQ(handler.pushed, 2);
    EXPECT_EQ(handler.w, std::vector<float>(rows * columns, 1));
  }
}

TEST_F(UpdatesTest, needNoPlaceForWhatIsTaken) {
  const UpdateGraph g = UpdateGraph().finish();
  SimulatedScheduler scheduler(1);
  const auto bytesOf = [&](bool updates, bool takes) {
    auto executable = make(g.graph, scheduler, {.updates = updates});
    UpdatingHandler handler(2);
    handler.takes = takes;
    EXPECT_TRUE(runFrame(scheduler, *executable, handler, frameOf(2)).ok());
    return executable->memoryBytes();
  };
  constexpr int64_t gradient = rows * columns * static_cast<int64_t>(sizeof(float));
  const int64_t without = bytesOf(false, true);
  EXPECT_LE(bytesOf(true, true), without - gradient + 64);
  EXPECT_GE(bytesOf(true, false), without) << "it goes through memory";
}

TEST_F(UpdatesTest, thatAreRefusedEndTheFrame) {
  const UpdateGraph g = UpdateGraph().finish();
  SimulatedScheduler scheduler(1);
  auto executable = make(g.graph, scheduler, {.updates = true});
  UpdatingHandler handler(2);
  handler.refusal = Status::internal("no");
  EXPECT_THAT(std::string(runFrame(scheduler, *executable, handler, frameOf(2)).message()), HasSubstr("no"));
  EXPECT_FALSE(handler.ended);
}

TEST_F(UpdatesTest, areVerifiedWhereTheyAreMade) {
  UpdateGraph g = UpdateGraph().finish();
  g.graph.nodes[static_cast<size_t>(g.push)].attributes["update_after"] = integers({g.pull});
  SimulatedScheduler scheduler(1);
  const auto made = Executable::create(g.graph, kernels_, device_, scheduler, {.updates = true});
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("without waiting for node"));
}

} // namespace
