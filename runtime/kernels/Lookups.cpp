// Library kernels on sparse keys: unique_keys, lookup, lookup_grad, add_rows.
#include "runtime/base/ParallelFor.h"
#include "runtime/kernels/Packed.h"
#include "runtime/kernels/Prepare.h"

#include <atomic>
#include <sstream>

namespace heter::runtime {

using package::ElementType;
using package::Packing;
using package::ValueKind;

namespace {

/// Binds a workspace's rows as a ROWS output.
void bindRows(const LibraryCall &call) {
  TensorView &out = call.outputs[0];
  out.keys = call.workspace.index.keys().data();
  out.count = static_cast<int64_t>(call.workspace.index.keys().size());
  out.data = call.workspace.rows.data();
  out.bytes = static_cast<int64_t>(call.workspace.rows.size() * sizeof(float));
}

bool isRowsOf(const package::Value &value, int64_t dim) {
  return value.kind == ValueKind::ROWS && value.type.shape.size() == 1 && value.type.shape[0] == dim;
}

bool isIds(const package::Value &value) {
  return value.kind != ValueKind::ROWS && value.type.element == ElementType::I64 &&
         (value.kind == ValueKind::RAGGED ? value.type.shape.empty() : isBatch(value.type));
}

StatusOr<Pool> poolOf(const std::string &text) {
  if (text != "none" && text != "sum" && text != "mean")
    return Status::dataLoss("pool `" + text + "` is none of none, sum and mean");
  return parsePool(text);
}

/// Rows an example that a lookup of `ids` gives.
StatusOr<int64_t> listsOf(const package::Value &ids, Pool pool) {
  const std::vector<int64_t> &shape = ids.type.shape;
  const bool ragged = ids.kind == ValueKind::RAGGED;
  if (!isIds(ids) || (ragged && pool == Pool::None) || (!ragged && pool != Pool::None && shape.size() < 2))
    return Status::dataLoss("the pool does not fit the ids `" + ids.name + "`");
  int64_t lists = 1;
  for (size_t i = 1; i < shape.size(); ++i)
    if (pool == Pool::None || i + 1 < shape.size())
      lists *= shape[i];
  return lists;
}

/// Elements an example. REQUIRES: isBatch(type).
int64_t widthOf(const package::TensorType &type) {
  int64_t width = 1;
  for (size_t i = 1; i < type.shape.size(); ++i)
    width *= type.shape[i];
  return width;
}

/// The different keys of one list after another: output i has those of the lists up to i.
void findKeys(const LibraryCall &call) {
  const size_t lists = call.inputs.size();
  size_t all = 0, ragged = 0;
  for (const TensorView &ids : call.inputs) {
    all += allIds(ids).size();
    ragged += ids.kind == ValueKind::RAGGED ? allIds(ids).size() : 0;
  }
  Workspace &workspace = call.workspace;
  workspace.places.resize(std::max(workspace.places.size(), ragged));
  workspace.index.reset(static_cast<int64_t>(all));
  ragged = 0;
  for (size_t i = 0; i < lists; ++i) {
    const TensorView &from = call.inputs[i];
    TensorView &places = call.outputs[lists + i], &keys = call.outputs[i];
    const std::span<const int64_t> ids = allIds(from);
    if (places.kind == ValueKind::RAGGED) {
      places.data = workspace.places.data() + ragged;
      places.bytes = static_cast<int64_t>(ids.size() * sizeof(int64_t));
      places.offsets = from.offsets;
      places.count = from.count;
      ragged += ids.size();
    }
    workspace.index.insertAll(ids, places.as<int64_t>());
    keys.keys = workspace.index.keys().data();
    keys.count = static_cast<int64_t>(workspace.index.keys().size());
    keys.data = nullptr;
    keys.bytes = 0;
  }
}

/// The gradients that a lookup_grad sums: of places and a gradient each.
struct GradientPart {
  Pool pool;
  int64_t begin, stride;
};

StatusOr<std::vector<GradientPart>> gradientParts(const LibraryNode &node, int64_t dim) {
  HETER_ASSIGN_OR_RETURN(std::string text, node.text("pools"));
  HETER_ASSIGN_OR_RETURN(std::vector<int64_t> begins, node.integers("begins"));
  std::istringstream pools(text);
  std::vector<GradientPart> parts;
  for (size_t i = 1; i + 1 < node.inputCount(); i += 2) {
    std::string name;
    if (!(pools >> name) || parts.size() == begins.size())
      return Status::dataLoss("there is not a pool and a beginning for each gradient");
    GradientPart part{Pool::None, begins[parts.size()], 0};
    HETER_ASSIGN_OR_RETURN(part.pool, poolOf(name));
    HETER_ASSIGN_OR_RETURN(int64_t lists, listsOf(node.input(i), part.pool));
    const package::Value &dy = node.input(i + 1);
    if (dy.kind != ValueKind::TENSOR || dy.type.element != ElementType::F32 || !isBatch(dy.type))
      return Status::dataLoss("the gradient is no f32 an example");
    part.stride = widthOf(dy.type);
    if (part.begin < 0 || lists * dim > part.stride - part.begin)
      return Status::dataLoss("the gradient does not fit the ids");
    parts.push_back(part);
  }
  std::string more;
  if (pools >> more || parts.size() != begins.size())
    return Status::dataLoss("there is not a gradient for each pool and beginning");
  return parts;
}

/// The parts of a lookup's result, in order.
StatusOr<std::vector<LookupPart>> partsOf(const LibraryNode &node) {
  HETER_ASSIGN_OR_RETURN(std::string text, node.text("pools"));
  std::istringstream pools(text);
  std::vector<LookupPart> parts;
  for (size_t i = 0; i < node.inputCount(); ++i) {
    const package::Value &value = node.input(i);
    LookupPart part{.input = i};
    if (value.kind == ValueKind::ROWS) {
      std::string pool;
      if (++i == node.inputCount() || !(pools >> pool) || value.type.shape.size() != 1)
        return Status::dataLoss("rows want the places of ids behind them, and a pool");
      part.isLookup = true;
      HETER_ASSIGN_OR_RETURN(part.pool, poolOf(pool));
      HETER_ASSIGN_OR_RETURN(part.width, listsOf(node.input(i), part.pool));
      part.width *= value.type.shape[0];
    } else if (value.kind == ValueKind::TENSOR && value.type.element == ElementType::F32 && isBatch(value.type)) {
      part.width = widthOf(value.type);
    } else {
      return Status::dataLoss("value `" + value.name + "` is neither rows nor f32 an example");
    }
    parts.push_back(part);
  }
  return parts;
}

/// What a lookup writes: the f32 result and, or, packed ones.
struct LookupOutputs {
  float *matrix = nullptr;
  PackedOutputs packed{};
  bool isPacked = false;
};

LookupOutputs outputsOf(const LibraryCall &call) {
  LookupOutputs to;
  for (const TensorView &output : call.outputs)
    if (output.packing == Packing::NONE) {
      to.matrix = output.as<float>();
    } else {
      to.packed[output.packing] = output.as<uint16_t>();
      to.isPacked = true;
    }
  return to;
}

/// Fills and packs the rows of one unit of a packed matrix. False if a place is none of its rows.
bool lookUpUnit(const TileKernels &tiles, std::span<const LookupPart> parts, const LibraryCall &call, int64_t width,
                int64_t unit, const LookupOutputs &to) {
  thread_local std::vector<float> scratch;
  const int64_t begin = unit * packedUnit, end = std::min(begin + packedUnit, call.examples);
  float *rows = to.matrix ? to.matrix + begin * width : nullptr;
  if (!rows) {
    scratch.resize(std::max(scratch.size(), static_cast<size_t>(packedUnit * width)));
    rows = scratch.data();
  }
  if (!lookUp(parts, call.inputs, begin, end, width, rows))
    return false;
  if (to.isPacked)
    packUnit(tiles, rows, unit, call.examples, width, to.packed);
  return true;
}

} // namespace

StatusOr<LibraryFunction> prepareUniqueKeys(const LibraryNode &node) {
  const size_t lists = node.inputCount();
  if (lists == 0 || node.node.outputs.size() != 2 * lists)
    return Status::dataLoss("takes lists of ids and gives rows of dim 0 and places for each");
  for (size_t i = 0; i < lists; ++i) {
    const package::Value &ids = node.input(i), &places = node.output(lists + i);
    if (!isIds(ids) || !isRowsOf(node.output(i), 0))
      return Status::dataLoss("takes ids and gives rows of dim 0 and places");
    if (places.kind != ids.kind || !(places.type == ids.type))
      return Status::dataLoss("the places are not as many as the ids");
  }
  return LibraryFunction([](const LibraryCall &call) -> Status {
    findKeys(call);
    return {};
  });
}

StatusOr<LibraryFunction> prepareLookup(const LibraryNode &node) {
  HETER_ASSIGN_OR_RETURN(std::vector<LookupPart> parts, partsOf(node));
  int64_t width = 0;
  for (const LookupPart &part : parts)
    width += part.width;
  bool matrix = false;
  for (size_t i = 0; i < node.node.outputs.size(); ++i) {
    const package::TensorType &type = node.outputType(i);
    const bool packed = type.packing != Packing::NONE;
    if (node.output(i).kind != ValueKind::TENSOR || (!packed && type.element != ElementType::F32) || !isBatch(type) ||
        widthOf(type) != width || (!packed && std::exchange(matrix, true)))
      return Status::dataLoss("output `" + node.output(i).name + "` does not fit the " + std::to_string(width) +
                              " floats an example");
  }
  const TileKernels tiles = TileKernels::of(node.kernels);
  return LibraryFunction([parts = std::move(parts), width, tiles](const LibraryCall &call) -> Status {
    const LookupOutputs to = outputsOf(call);
    std::atomic<bool> fit = true;
    const auto body = [&](int64_t unit) {
      if (!lookUpUnit(tiles, parts, call, width, unit, to))
        fit = false;
    };
    const int64_t units = roundToPacked(call.examples) / packedUnit;
    constexpr int64_t worthHelp = 16384; // floats
    if (call.scheduler && call.examples * width >= worthHelp)
      parallelFor(*call.scheduler, units, body);
    else
      for (int64_t unit = 0; unit < units; ++unit)
        body(unit);
    for (const LookupPart &part : parts)
      if (part.isLookup && !fit)
        HETER_RETURN_IF_ERROR(checkPlaces(call.inputs[part.input + 1], call.inputs[part.input].count));
    return {};
  });
}

StatusOr<LibraryFunction> prepareLookupGrad(const LibraryNode &node) {
  HETER_ASSIGN_OR_RETURN(int64_t dim, node.integer("dim"));
  if (node.inputCount() < 3 || node.inputCount() % 2 == 0 || node.node.outputs.size() != 1 ||
      !isRowsOf(node.output(0), dim) || !isRowsOf(node.input(0), 0))
    return Status::dataLoss("takes keys and pairs of places and a gradient, and gives rows of `dim`");
  HETER_ASSIGN_OR_RETURN(std::vector<GradientPart> parts, gradientParts(node, dim));
  return LibraryFunction([parts = std::move(parts), dim](const LibraryCall &call) -> Status {
    const TensorView &keys = call.inputs[0];
    std::vector<LookupGradient> &gradients = call.workspace.gradients;
    gradients.clear();
    size_t ids = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      const TensorView &places = call.inputs[1 + 2 * i];
      const float *dy = call.inputs[2 + 2 * i].f32(); // null if there are no examples
      gradients.push_back({&places, dy ? dy + parts[i].begin : nullptr, parts[i].stride, parts[i].pool});
      ids += allIds(places).size();
    }
    std::vector<float> &rows = call.workspace.rows;
    rows.reserve(ids * static_cast<size_t>(dim)); // so that it does not double for a few keys more
    rows.resize(static_cast<size_t>(keys.count * dim));
    if (!sumRowGradients(gradients, keys.count, dim, rows.data(), call.scheduler))
      for (const LookupGradient &of : gradients)
        HETER_RETURN_IF_ERROR(checkPlaces(*of.places, keys.count));
    TensorView &out = call.outputs[0];
    out.keys = keys.keys;
    out.count = keys.count;
    out.data = rows.data();
    out.bytes = static_cast<int64_t>(rows.size() * sizeof(float));
    return {};
  });
}

StatusOr<LibraryFunction> prepareAddRows(const LibraryNode &node) {
  if (node.inputCount() != 2 || node.node.outputs.size() != 1 || node.outputType(0).shape.size() != 1)
    return Status::dataLoss("takes two row sets and gives one");
  int64_t dim = node.outputType(0).shape[0];
  if (!isRowsOf(node.input(0), dim) || !isRowsOf(node.input(1), dim) || !isRowsOf(node.output(0), dim))
    return Status::dataLoss("the row sets differ in their dim");
  return LibraryFunction([dim](const LibraryCall &call) -> Status {
    addRows(call.inputs[0], call.inputs[1], dim, call.workspace.index, call.workspace.rows);
    bindRows(call);
    return {};
  });
}

} // namespace heter::runtime
