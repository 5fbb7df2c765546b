// Products that may update a parameter: which they are, that they run after everything that reads it in whatever order
// the rest runs, and that the checking mode sees it otherwise.
#include "TestHandler.h"
#include "tests/runtime/kernels/MatrixCollector.h"
#include "tests/runtime/support/GraphBuilder.h"
#include "tests/runtime/support/TestKernels.h"

#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/graph/Updates.h"

#include <atomic>
#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

namespace {

constexpr int64_t rows = 1024, columns = 512; // as small as a parameter may be

package::TensorType packed(std::vector<int64_t> shape, package::Packing::type packing) {
  package::TensorType type = typeOf(package::ElementType::BF16, std::move(shape));
  type.packing = packing;
  return type;
}

/// y = sum of the pulled w; the gradient of w is a product of x and y that does not wait for `readers` kernels that
/// read w, too.
struct UpdateGraph : GraphBuilder {
  int x, left, right, w, gradient;
  std::vector<int> sums;
  int pull, product = -1, push = -1;

  explicit UpdateGraph(int64_t height = rows, int readers = 3) {
    x = bound("x", f32({-1, height}));
    left = bound("left", packed({-1, height}, package::Packing::LEFT_TRANSPOSED));
    right = bound("right", packed({-1, columns}, package::Packing::RIGHT));
    input("x", x);
    library("pack", {x}, {left});
    int y = bound("y", f32({-1, columns}));
    input("y", y);
    library("pack", {y}, {right});
    w = bound("w", f32({height, columns}));
    pull = node(NodeKind::PULL_DENSE, "w", "", {}, {w}, {{"parameter", text("w")}});
    for (int i = 0; i < readers; ++i) {
      int sum = bound("sum" + std::to_string(i), f32({1}));
      sums.push_back(kernel("sum", {w}, {sum}));
      predict("sum" + std::to_string(i), sum);
    }
    gradient = bound("gradient", f32({height, columns}));
  }
  void multiply() { product = library("product", {left, right}, {gradient}); }
  void pushGradient() { push = node(NodeKind::PUSH_DENSE, "w", "", {gradient}, {}, {{"parameter", text("w")}}); }
  UpdateGraph &finish() {
    multiply();
    pushGradient();
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

TEST_F(UpdatesTest, thatAreRefusedEndTheFrame) {
  const UpdateGraph g = UpdateGraph().finish();
  SimulatedScheduler scheduler(1);
  auto executable = make(g.graph, scheduler, {.updates = true});
  UpdatingHandler handler(2);
  handler.refusal = Status::internal("no");
  EXPECT_THAT(std::string(runFrame(scheduler, *executable, handler, frameOf(2)).message()), HasSubstr("no"));
  EXPECT_FALSE(handler.ended);
}

TEST_F(UpdatesTest, waitForPullsAndWhatReadsThem) {
  UpdateGraph g = UpdateGraph().finish();
  const std::vector<UpdatingProduct> found = findUpdatingProducts(g.graph);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].node, g.product);
  EXPECT_EQ(found[0].push, g.push);
  EXPECT_THAT(found[0].readers, UnorderedElementsAre(g.pull, g.sums[0], g.sums[1], g.sums[2]));
  EXPECT_THAT(found[0].pulled, ElementsAre(g.w));
}

TEST_F(UpdatesTest, waitForRegionsThatPull) {
  UpdateGraph g;
  GraphBuilder region;
  int w = region.bound("w", f32({rows, columns}));
  region.node(NodeKind::PULL_DENSE, "w", "", {}, {w}, {{"parameter", text("w")}});
  const int branch = g.node(NodeKind::IF, "if", "", {}, {});
  g.graph.nodes.back().regions.push_back(region.graph);
  g.finish();
  const std::vector<UpdatingProduct> found = findUpdatingProducts(g.graph);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].readers, ::testing::Contains(branch));
}

TEST_F(UpdatesTest, areNotWhereTheyMayNotBe) {
  const auto count = [](const GraphBuilder &g) { return findUpdatingProducts(g.graph).size(); };
  EXPECT_EQ(count(UpdateGraph().finish()), 1U);
  EXPECT_EQ(count(UpdateGraph(rows - 1).finish()), 0U) << "a small parameter";
  UpdateGraph late;
  late.multiply();
  late.kernel("sum", {late.w}, {late.bound("late", f32({1}))});
  late.pushGradient();
  EXPECT_EQ(count(late), 0U) << "a reader after the product";
  UpdateGraph read = UpdateGraph().finish();
  read.kernel("sum", {read.gradient}, {read.bound("norm", f32({1}))});
  EXPECT_EQ(count(read), 0U) << "somebody else reads the gradient";
  UpdateGraph kept;
  kept.node(NodeKind::PUSH_DENSE, "v", "", {kept.w}, {}, {{"parameter", text("v")}});
  EXPECT_EQ(count(kept.finish()), 0U) << "its values are kept beyond the frame";
  UpdateGraph twice = UpdateGraph().finish();
  twice.pushGradient();
  EXPECT_EQ(count(twice), 0U) << "two pushes";
  UpdateGraph nested = UpdateGraph().finish();
  nested.node(NodeKind::IF, "if", "", {}, {});
  GraphBuilder region;
  region.node(NodeKind::PUSH_DENSE, "w", "", {region.argument("g", f32({rows, columns}))}, {},
              {{"parameter", text("w")}});
  nested.graph.nodes.back().regions.push_back(region.graph);
  EXPECT_EQ(count(nested), 0U) << "a push in a region";
  UpdateGraph other;
  other.kernel("sum", {other.w}, {other.gradient});
  other.pushGradient();
  EXPECT_EQ(count(other), 0U) << "a kernel's gradient";
  UpdateGraph shaped;
  shaped.w = shaped.bound("as a vector", f32({rows * columns}));
  shaped.node(NodeKind::PULL_DENSE, "w", "", {}, {shaped.w}, {{"parameter", text("w")}});
  EXPECT_EQ(count(shaped.finish()), 0U) << "a gradient of another shape";
}

} // namespace
