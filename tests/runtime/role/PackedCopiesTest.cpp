// The packed copies that updates make are those that packing the values anew gives, of what the graph pulls.
#include "runtime/role/PackedValues.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace heter::runtime {
namespace {

using package::Packing;

package::Parameter parameterOf(const std::string &name, std::vector<int64_t> shape) {
  package::Parameter parameter;
  parameter.name = name;
  parameter.shape = std::move(shape);
  return parameter;
}

/// Pulls "w" in two packings, the second within a region, and "b" as it is.
package::Graph makeGraph(int64_t rows, int64_t columns) {
  auto pull = [](package::Graph &graph, const std::string &name, std::vector<int64_t> shape, Packing::type packing) {
    package::Value value;
    value.type.shape = std::move(shape);
    value.type.packing = packing;
    package::Node node;
    node.kind = package::NodeKind::PULL_DENSE;
    package::Attribute attribute;
    attribute.__set_text(name);
    node.attributes["parameter"] = attribute;
    node.outputs = {static_cast<int32_t>(graph.values.size())};
    graph.values.push_back(value);
    graph.nodes.push_back(node);
  };
  package::Graph graph, region;
  pull(graph, "w", {rows, columns}, Packing::RIGHT);
  pull(graph, "b", {columns}, Packing::NONE);
  pull(region, "w", {rows, columns}, Packing::RIGHT_TRANSPOSED);
  package::Node branch;
  branch.kind = package::NodeKind::IF;
  branch.regions.push_back(region);
  graph.nodes.push_back(branch);
  return graph;
}

TEST(PackedCopies, areWhatPackingGives) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (const auto &[rows, columns] : {std::pair<int64_t, int64_t>{70, 100}, {33, 1}, {64, 64}}) {
    package::PackageInfo info;
    info.parameters = {parameterOf("b", {columns}), parameterOf("w", {rows, columns})};
    const Model model(info);
    PackedCopies copies(model, makeGraph(rows, columns), {}, std::make_shared<PackedBuffers>());
    EXPECT_EQ(copies.take(0), nullptr);
    const std::shared_ptr<void> made = copies.take(1);
    ASSERT_TRUE(made);
    std::vector<float> values(static_cast<size_t>(rows * columns));
    for (float &value : values)
      value = uniform(random);
    for (int64_t row = 0; row < rows; row += 32)
      for (int64_t column = 0; column < columns; column += 64)
        copies.make(1, made.get(), values.data(),
                    {row, std::min<int64_t>(32, rows - row), column, std::min<int64_t>(64, columns - column)});
    for (Packing::type packing : {Packing::RIGHT, Packing::RIGHT_TRANSPOSED}) {
      std::vector<uint16_t> expected(static_cast<size_t>(roundToPacked(rows) * roundToPacked(columns)));
      PackedOutputs to{};
      to[packing] = expected.data();
      packMatrix({}, values.data(), rows, columns, to, nullptr);
      const uint16_t *copy = PackedCopies::find(made.get(), packing);
      ASSERT_TRUE(copy);
      EXPECT_EQ(std::memcmp(copy, expected.data(), expected.size() * sizeof(uint16_t)), 0);
    }
    EXPECT_EQ(PackedCopies::find(made.get(), Packing::LEFT), nullptr);
  }
  EXPECT_EQ(PackedCopies::find(nullptr, Packing::RIGHT), nullptr);
}

} // namespace
} // namespace heter::runtime
