// The table of library kernels and the checks that they share.
#include "runtime/kernels/Library.h"

#include "runtime/base/ParallelFor.h"
#include "runtime/base/Suggest.h"
#include "runtime/kernels/Prepare.h"

#include <algorithm>
#include <map>

namespace heter::runtime {

using package::ElementType;
using package::ValueKind;

using PrepareFunction = StatusOr<LibraryFunction> (*)(const LibraryNode &);

static const std::map<std::string, PrepareFunction> &kernelTable() {
  static const std::map<std::string, PrepareFunction> table = {
      {"add_rows", prepareAddRows},
      {"argmax", prepareArgmax},
      {"cast", prepareCast},
      {"concat", prepareConcat},
      {"dropout", prepareDropout},
      // The gradient of dropout is dropout of the gradient: the same examples and elements are kept and scaled.
      {"dropout_grad", prepareDropout},
      {"example_count", prepareExampleCount},
      {"hash", prepareHash},
      {"lookup", prepareLookup},
      {"lookup_grad", prepareLookupGrad},
      {"lower_triangle", prepareLowerTriangle},
      {"lower_triangle_grad", prepareLowerTriangleGrad},
      {"matmul", prepareMatmul},
      {"pack", preparePack},
      {"pad", preparePad},
      {"product", prepareProduct},
      {"reshape", prepareReshape},
      {"slice", prepareSlice},
      {"transpose", prepareTranspose},
      {"unique_keys", prepareUniqueKeys},
  };
  return table;
}

std::vector<std::string> libraryKernelNames() {
  std::vector<std::string> names;
  for (const auto &[name, prepare] : kernelTable())
    names.push_back(name);
  return names;
}

StatusOr<LibraryFunction> prepareLibraryCall(const package::Graph &graph, const package::Node &node,
                                             const KernelObject *kernels, int64_t examples) {
  auto found = kernelTable().find(node.callee);
  if (found == kernelTable().end())
    return Status::invalidArgument("there is no library kernel `" + node.callee + "`" +
                                   didYouMean(node.callee, libraryKernelNames()));
  StatusOr<LibraryFunction> prepared = found->second(LibraryNode{graph, node, kernels, examples});
  if (!prepared.ok())
    return prepared.status().withContext("library kernel `" + node.callee + "`");
  return prepared;
}

static Status missing(const char *kind, const char *name) {
  return Status::dataLoss(std::string("has no ") + kind + " attribute `" + name + "`");
}

StatusOr<int64_t> LibraryNode::integer(const char *name) const {
  auto found = node.attributes.find(name);
  if (found == node.attributes.end() || !found->second.__isset.integer)
    return missing("integer", name);
  return found->second.integer;
}

StatusOr<double> LibraryNode::number(const char *name) const {
  auto found = node.attributes.find(name);
  if (found == node.attributes.end() || !found->second.__isset.number)
    return missing("number", name);
  return found->second.number;
}

StatusOr<std::string> LibraryNode::text(const char *name) const {
  auto found = node.attributes.find(name);
  if (found == node.attributes.end() || !found->second.__isset.text)
    return missing("text", name);
  return found->second.text;
}

StatusOr<std::vector<int64_t>> LibraryNode::integers(const char *name) const {
  auto found = node.attributes.find(name);
  if (found == node.attributes.end() || !found->second.__isset.integers)
    return missing("integer list", name);
  return found->second.integers;
}

bool LibraryNode::flag(const char *name) const {
  auto found = node.attributes.find(name);
  return found != node.attributes.end() && found->second.__isset.flag && found->second.flag;
}

Status LibraryNode::expectTensors(size_t inputs, size_t outputs) const {
  if (node.inputs.size() != inputs || node.outputs.size() != outputs)
    return Status::dataLoss("takes " + std::to_string(inputs) + " and gives " + std::to_string(outputs) +
                            " values, not " + std::to_string(node.inputs.size()) + " and " +
                            std::to_string(node.outputs.size()));
  for (const std::vector<int32_t> *list : {&node.inputs, &node.outputs})
    for (int32_t v : *list)
      if (graph.values[v].kind != ValueKind::TENSOR)
        return Status::dataLoss("value `" + graph.values[v].name + "` is no tensor");
  return {};
}

Status LibraryNode::expectElement(const package::Value &value, ElementType::type element) const {
  if (value.type.element == element)
    return {};
  return Status::dataLoss("value `" + value.name + "` has the wrong element type");
}

StatusOr<int> LibraryNode::axis() const {
  HETER_ASSIGN_OR_RETURN(int64_t axis, integer("axis"));
  if (axis < 0 || axis >= static_cast<int64_t>(inputType(0).shape.size()))
    return Status::dataLoss("axis " + std::to_string(axis) + " does not exist");
  return static_cast<int>(axis);
}

void giveRows(const float *matrix, int64_t rows, int64_t columns, MatrixBlocks &blocks, Scheduler *scheduler) {
  constexpr int64_t high = 2 * MatrixBlocks::unit;
  parallelFor(scheduler, (rows + high - 1) / high, [&](int64_t i) {
    blocks.take({i * high, std::min(high, rows - i * high), 0, columns}, matrix + i * high * columns);
  });
}

} // namespace heter::runtime
