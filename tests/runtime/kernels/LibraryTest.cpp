// The smaller library kernels against their definitions on random shapes.
#include "LibraryRun.h"

#include "runtime/base/Hash.h"
#include "runtime/base/Random.h"

#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::HasSubstr;

namespace {

/// A random shape of rank 1 to 4 whose first extent is the batch.
std::vector<int64_t> randomShape(std::mt19937 &random, size_t minimumRank = 1) {
  std::vector<int64_t> shape = {-1};
  for (size_t rank = minimumRank + random() % (5 - minimumRank); shape.size() < rank;)
    shape.push_back(1 + random() % 4);
  return shape;
}

int64_t elementsOf(const std::vector<int64_t> &shape, int64_t examples) {
  int64_t n = 1;
  for (int64_t extent : shape)
    n *= extent < 0 ? examples : extent;
  return n;
}

/// Visits every index of a shape.
template <typename Visit> void forEachIndex(std::vector<int64_t> shape, int64_t examples, Visit visit) {
  for (int64_t &extent : shape)
    extent = extent < 0 ? examples : extent;
  std::vector<int64_t> index(shape.size());
  for (int64_t flat = 0, n = elementsOf(shape, 0); flat < n; ++flat) {
    int64_t rest = flat;
    for (size_t d = shape.size(); d-- > 0;) {
      index[d] = rest % shape[d];
      rest /= shape[d];
    }
    visit(index, flat);
  }
}

int64_t flatIndex(const std::vector<int64_t> &index, const std::vector<int64_t> &shape, int64_t examples) {
  int64_t flat = 0;
  for (size_t d = 0; d < shape.size(); ++d)
    flat = flat * (shape[d] < 0 ? examples : shape[d]) + index[d];
  return flat;
}

} // namespace

TEST(Library, Concat) {
  std::mt19937 random(1);
  for (int repeat = 0; repeat < 30; ++repeat) {
    int64_t examples = random() % 5;
    std::vector<int64_t> shape = randomShape(random, 2);
    size_t axis = 1 + random() % (shape.size() - 1);
    std::vector<test::Operand> inputs;
    std::vector<std::vector<float>> parts;
    std::vector<std::vector<int64_t>> shapes;
    int64_t total = 0;
    for (size_t i = 0; i < 1 + random() % 3; ++i) {
      shapes.push_back(shape);
      shapes.back()[axis] = 1 + random() % 4;
      total += shapes.back()[axis];
      parts.push_back(randomFloats(random, elementsOf(shapes.back(), examples)));
      inputs.push_back(operand(f32(shapes.back()), parts.back()));
    }
    shape[axis] = total;
    LibraryRun run{.examples = examples};
    ASSERT_TRUE(run.run("concat", inputs, f32(shape), {{"axis", integer(axis)}}).ok());
    std::vector<float> out = run.elements<float>();
    forEachIndex(shape, examples, [&](std::vector<int64_t> index, int64_t flat) {
      size_t part = 0;
      while (index[axis] >= shapes[part][axis])
        index[axis] -= shapes[part++][axis];
      ASSERT_EQ(out[flat], parts[part][flatIndex(index, shapes[part], examples)]);
    });
  }
}

TEST(Library, SliceAndPad) {
  std::mt19937 random(2);
  for (int repeat = 0; repeat < 30; ++repeat) {
    int64_t examples = random() % 5, low = random() % 3, high = random() % 3;
    std::vector<int64_t> small = randomShape(random, 2), big = small;
    size_t axis = 1 + random() % (small.size() - 1);
    big[axis] += low + high;
    std::vector<float> whole = randomFloats(random, elementsOf(big, examples)),
                       part = randomFloats(random, elementsOf(small, examples));
    LibraryRun run{.examples = examples};
    ASSERT_TRUE(run.run("slice", {operand(f32(big), whole)}, f32(small),
                        {{"axis", integer(axis)}, {"begin", integer(low)}, {"end", integer(low + small[axis])}})
                    .ok());
    std::vector<float> sliced = run.elements<float>();
    forEachIndex(small, examples, [&](std::vector<int64_t> index, int64_t flat) {
      index[axis] += low;
      ASSERT_EQ(sliced[flat], whole[flatIndex(index, big, examples)]);
    });
    ASSERT_TRUE(run.run("pad", {operand(f32(small), part)}, f32(big),
                        {{"axis", integer(axis)}, {"low", integer(low)}, {"high", integer(high)}})
                    .ok());
    std::vector<float> padded = run.elements<float>();
    forEachIndex(big, examples, [&](std::vector<int64_t> index, int64_t flat) {
      index[axis] -= low;
      bool inside = index[axis] >= 0 && index[axis] < small[axis];
      ASSERT_EQ(padded[flat], inside ? part[flatIndex(index, small, examples)] : 0.0f);
    });
  }
}

TEST(Library, Transpose) {
  std::mt19937 random(5);
  for (int repeat = 0; repeat < 30; ++repeat) {
    int64_t examples = random() % 5;
    std::vector<int64_t> shape = randomShape(random, 3), swapped = shape;
    std::swap(swapped.back(), swapped[shape.size() - 2]);
    std::vector<float> x = randomFloats(random, elementsOf(shape, examples));
    LibraryRun run{.examples = examples};
    ASSERT_TRUE(run.run("transpose", {operand(f32(shape), x)}, f32(swapped)).ok());
    std::vector<float> out = run.elements<float>();
    forEachIndex(swapped, examples, [&](std::vector<int64_t> index, int64_t flat) {
      std::swap(index.back(), index[shape.size() - 2]);
      ASSERT_EQ(out[flat], x[flatIndex(index, shape, examples)]);
    });
  }
}

TEST(Library, LowerTriangleAndItsGradient) {
  std::mt19937 random(6);
  for (int repeat = 0; repeat < 30; ++repeat) {
    int64_t examples = random() % 5, n = 2 + random() % 5;
    std::vector<int64_t> square = randomShape(random);
    if (square.size() > 2)
      square.erase(square.begin() + 2, square.end());
    std::vector<int64_t> triangle = square;
    square.insert(square.end(), {n, n});
    triangle.push_back(n * (n - 1) / 2);
    std::vector<float> x = randomFloats(random, elementsOf(square, examples)),
                       dy = randomFloats(random, elementsOf(triangle, examples));
    LibraryRun forward{.examples = examples}, backward{.examples = examples};
    ASSERT_TRUE(forward.run("lower_triangle", {operand(f32(square), x)}, f32(triangle)).ok());
    ASSERT_TRUE(backward.run("lower_triangle_grad", {operand(f32(triangle), dy)}, f32(square)).ok());
    std::vector<float> y = forward.elements<float>(), dx = backward.elements<float>();
    size_t taken = 0;
    forEachIndex(square, examples, [&](const std::vector<int64_t> &index, int64_t flat) {
      bool lower = index.back() < index[index.size() - 2];
      ASSERT_EQ(dx[flat], lower ? dy[taken] : 0.0f);
      if (lower) {
        ASSERT_EQ(y[taken++], x[flat]);
      }
    });
    ASSERT_EQ(taken, y.size());
  }
}

TEST(Library, MatricesThatDoNotFitAreRefused) {
  LibraryRun run;
  auto x = operand<float>(f32({-1, 2, 3}), {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(run.run("transpose", {x}, f32({-1, 2, 3})).message(), HasSubstr("not the transposed operand"));
  EXPECT_THAT(run.run("transpose", {x}, f32({-1, 1, 3, 2})).message(), HasSubstr("leading extents"));
  EXPECT_THAT(run.run("lower_triangle", {x}, f32({-1, 3})).message(), HasSubstr("do not fit each other"));
  EXPECT_THAT(run.run("lower_triangle_grad", {operand<float>(f32({-1, 3}), {1, 2, 3})}, f32({-1, 4, 4})).message(),
              HasSubstr("do not fit each other"));
}

TEST(Library, ReshapeKeepsOrder) {
  std::vector<int64_t> x = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  LibraryRun run{.examples = 2};
  ASSERT_TRUE(run.run("reshape", {operand(i64({-1, 2, 3}), x)}, i64({-1, 6})).ok());
  EXPECT_EQ(run.elements<int64_t>(), x);
  EXPECT_THAT(run.run("reshape", {operand(i64({-1, 2, 3}), x)}, i64({-1, 5})).message(), HasSubstr("count"));
  EXPECT_THAT(run.run("reshape", {operand(i64({-1, 2, 3}), x)}, i64({6})).message(), HasSubstr("count"));
}

TEST(Library, DropoutDependsOnTheGlobalExampleOnly) {
  std::mt19937 random(3);
  std::vector<float> x = randomFloats(random, 60 * 7);
  Attributes attributes = {{"rate", number(0.3)}, {"path", text("deep.0")}};
  LibraryRun whole{.examples = 60, .firstExample = 1000, .seed = 17};
  ASSERT_TRUE(whole.run("dropout", {operand(f32({-1, 7}), x)}, f32({-1, 7}), attributes).ok());
  std::vector<float> out = whole.elements<float>();
  int dropped = 0;
  for (uint32_t e = 0; e < 60 * 7; ++e) {
    uint32_t word = philox4x32({1000 + e / 7, 0, e % 7, 0}, philoxKey(17, "deep.0"))[0];
    float expected = uniformFloat(word) >= 0.3 ? x[e] / 0.7f : 0.0f;
    ASSERT_NEAR(out[e], expected, 1e-6);
    dropped += out[e] == 0;
  }
  EXPECT_NEAR(dropped / 420.0, 0.3, 0.07);

  // The second half alone, as another micro-batch, and as a gradient.
  LibraryRun half{.examples = 30, .firstExample = 1030, .seed = 17};
  std::vector<float> rest(x.begin() + 210, x.end());
  for (const char *name : {"dropout", "dropout_grad"}) {
    ASSERT_TRUE(half.run(name, {operand(f32({-1, 7}), rest)}, f32({-1, 7}), attributes).ok());
    EXPECT_EQ(half.elements<float>(), std::vector<float>(out.begin() + 210, out.end()));
  }
}

TEST(Library, HashIsThatOfTheDecimalText) {
  LibraryRun run{.examples = 3};
  ASSERT_TRUE(
      run.run("hash", {operand<int64_t>(i64({-1}), {0, -17, INT64_MAX})}, i64({-1}), {{"space", text("item")}}).ok());
  uint64_t salt = hashBytes("item", 0);
  EXPECT_EQ(run.elements<uint64_t>(), (std::vector<uint64_t>{hashBytes("0", salt), hashBytes("-17", salt),
                                                             hashBytes("9223372036854775807", salt)}));
}

TEST(Library, ArgmaxTakesTheFirstGreatest) {
  LibraryRun run{.examples = 2};
  ASSERT_TRUE(
      run.run("argmax", {operand<float>(f32({-1, 3}), {1, 5, 5, -2, -3, -1})}, i64({-1}), {{"axis", integer(1)}}).ok());
  EXPECT_EQ(run.elements<int64_t>(), (std::vector<int64_t>{1, 2}));
  ASSERT_TRUE(run.run("argmax", {operand<int64_t>(i64({-1, 2, 2}), {1, 2, 3, 0, 9, 8, 7, 8})}, i64({-1, 2}),
                      {{"axis", integer(1)}})
                  .ok());
  EXPECT_EQ(run.elements<int64_t>(), (std::vector<int64_t>{1, 0, 0, 0}));
}

TEST(Library, CastAndExampleCount) {
  LibraryRun run{.examples = 3};
  ASSERT_TRUE(run.run("cast", {operand<int64_t>(i64({-1}), {-2, 0, 5})}, f32({-1})).ok());
  EXPECT_EQ(run.elements<float>(), (std::vector<float>{-2, 0, 5}));
  ASSERT_TRUE(run.run("cast", {operand<uint8_t>(typeOf(ElementType::BOOL, {-1}), {1, 0, 1})}, f32({-1})).ok());
  EXPECT_EQ(run.elements<float>(), (std::vector<float>{1, 0, 1}));
  ASSERT_TRUE(run.run("example_count", {}, f32({})).ok());
  EXPECT_EQ(run.elements<float>(), (std::vector<float>{3}));
}

TEST(Library, MissingAttributesAreNamed) {
  LibraryRun run;
  auto x = operand<float>(f32({-1, 2}), {1, 2});
  EXPECT_THAT(run.run("concat", {x}, f32({-1, 2})).message(),
              HasSubstr("library kernel `concat`: has no integer attribute `axis`"));
  EXPECT_THAT(run.run("concat", {x}, f32({-1, 2}), {{"axis", integer(2)}}).message(), HasSubstr("axis 2"));
  EXPECT_THAT(run.run("dropout", {x}, f32({-1, 2}), {{"rate", number(0.5)}}).message(), HasSubstr("`path`"));
  EXPECT_THAT(run.run("dropout", {x}, f32({-1, 2}), {{"rate", number(1)}, {"path", text("p")}}).message(),
              HasSubstr("rate in [0, 1)"));
  EXPECT_THAT(run.run("slise", {x}, f32({-1, 2})).message(), HasSubstr("did you mean `slice`?"));
}
