// Task operations to package nodes, one to one.
#include "compiler/PackageGraph.h"

#include "dialects/task/Task.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace heter::compiler {

namespace package = runtime::package;
using package::NodeKind;

static package::ElementType::type elementType(Type type) {
  return type.isF32()         ? package::ElementType::F32
         : type.isBF16()      ? package::ElementType::BF16
         : type.isInteger(64) ? package::ElementType::I64
                              : package::ElementType::BOOL;
}

std::pair<package::ValueKind::type, package::TensorType> packageType(Type type) {
  package::TensorType result;
  result.element = package::ElementType::F32;
  if (auto rows = dyn_cast<nn::RowsType>(type)) {
    result.shape = {rows.getDim()};
    return {package::ValueKind::ROWS, result};
  }
  if (auto ragged = dyn_cast<nn::RaggedType>(type)) {
    result.element = elementType(ragged.getElementType());
    result.shape.assign(ragged.getShape().begin(), ragged.getShape().end());
    return {package::ValueKind::RAGGED, result};
  }
  auto tensor = cast<RankedTensorType>(type);
  result.element = elementType(tensor.getElementType());
  if (auto packed = dyn_cast_or_null<task::PackedAttr>(tensor.getEncoding()))
    result.packing = static_cast<package::Packing::type>(packed.getPacking());
  for (int64_t size : tensor.getShape())
    result.shape.push_back(size == ShapedType::kDynamic ? -1 : size);
  return {package::ValueKind::TENSOR, result};
}

package::Attribute packageAttribute(Attribute attribute) {
  package::Attribute result;
  TypeSwitch<Attribute>(attribute)
      .Case([&](BoolAttr value) { result.__set_flag(value.getValue()); })
      .Case([&](IntegerAttr value) { result.__set_integer(value.getInt()); })
      .Case([&](FloatAttr value) { result.__set_number(value.getValueAsDouble()); })
      .Case([&](StringAttr value) { result.__set_text(value.str()); })
      .Case([&](DenseI64ArrayAttr value) {
        result.__set_integers(std::vector<int64_t>(value.asArrayRef().begin(), value.asArrayRef().end()));
      });
  return result;
}

std::string packageLocation(Location loc) {
  std::string result;
  loc->walk([&](Location part) {
    auto file = dyn_cast<FileLineColLoc>(part);
    if (!file)
      return WalkResult::advance();
    result = (llvm::sys::path::filename(file.getFilename().getValue()) + ":" + Twine(file.getLine()) + ":" +
              Twine(file.getColumn()))
                 .str();
    return WalkResult::interrupt();
  });
  return result;
}

namespace {

class GraphWriter {
public:
  package::Graph run(Block &block, ArrayAttr segments) {
    if (segments)
      for (auto segment : segments.getAsRange<task::SegmentAttr>()) {
        package::Segment written;
        written.symbol = segment.getSymbol().str();
        written.space = static_cast<package::Space::type>(segment.getSpace());
        written.bytes = segment.getBytes();
        graph_.segments.push_back(written);
      }
    for (BlockArgument argument : block.getArguments())
      graph_.arguments.push_back(addValue(argument, "argument " + std::to_string(argument.getArgNumber()), {}));
    for (Operation &op : block) {
      if (isa<task::YieldOp>(op))
        graph_.results = numbersOf(op.getOperands());
      else
        addNode(cast<task::NodeOpInterface>(op));
    }
    return std::move(graph_);
  }

private:
  int32_t addValue(Value value, std::string name, task::SlotAttr slot) {
    package::Value written;
    written.name = std::move(name);
    std::tie(written.kind, written.type) = packageType(value.getType());
    written.space = static_cast<package::Space::type>(task::spaceOf(value.getType()));
    written.segment = slot ? static_cast<int32_t>(slot.getSegment()) : -1;
    written.offset = slot ? slot.getOffset() : 0;
    written.bytes = slot ? slot.getBytes() : 0;
    graph_.values.push_back(std::move(written));
    return numbers_[value] = static_cast<int32_t>(graph_.values.size()) - 1;
  }

  std::vector<int32_t> numbersOf(ValueRange values) {
    std::vector<int32_t> result;
    for (Value value : values)
      result.push_back(numbers_.at(value));
    return result;
  }

  void addNode(task::NodeOpInterface op) {
    package::Node node;
    node.name = op.getLabelAttr().str();
    node.location = packageLocation(op->getLoc());
    node.inputs = numbersOf(op->getOperands());
    if (DenseI32ArrayAttr after = op.getAfterAttr())
      node.after.assign(after.asArrayRef().begin(), after.asArrayRef().end());
    setKind(op, node);
    ArrayAttr slots = op.getSlotsAttr();
    for (OpResult result : op->getResults()) {
      unsigned number = result.getResultNumber();
      std::string name = node.name + (op->getNumResults() > 1 ? " " + std::to_string(number) : "");
      node.outputs.push_back(addValue(result, name, slots ? cast<task::SlotAttr>(slots[number]) : task::SlotAttr()));
    }
    graph_.nodes.push_back(std::move(node));
  }

  static void setText(package::Node &node, const char *name, StringRef text) {
    node.attributes[name].__set_text(text.str());
  }

  void setKind(Operation *op, package::Node &node) {
    TypeSwitch<Operation *>(op)
        .Case([&](task::InputOp input) {
          node.kind = NodeKind::INPUT;
          setText(node, "input", input.getName());
        })
        .Case([&](task::PullRowsOp pull) {
          node.kind = NodeKind::PULL_ROWS;
          setText(node, "table", pull.getTable());
          setText(node, "part", pull.getPart());
        })
        .Case([&](task::PullDenseOp pull) {
          node.kind = NodeKind::PULL_DENSE;
          setText(node, "parameter", pull.getParameter());
        })
        .Case([&](task::PushRowsOp push) {
          node.kind = NodeKind::PUSH_ROWS;
          setText(node, "table", push.getTable());
          setText(node, "part", push.getPart());
        })
        .Case([&](task::PushDenseOp push) {
          node.kind = NodeKind::PUSH_DENSE;
          setText(node, "parameter", push.getParameter());
          if (std::optional<ArrayRef<int32_t>> after = push.getUpdateAfter())
            node.attributes["update_after"].__set_integers(std::vector<int64_t>(after->begin(), after->end()));
        })
        .Case([&](task::SendOp send) {
          node.kind = NodeKind::SEND;
          setText(node, "channel", send.getChannel());
        })
        .Case([&](task::RecvOp recv) {
          node.kind = NodeKind::RECV;
          setText(node, "channel", recv.getChannel());
        })
        .Case([&](task::ReportOp report) {
          node.kind = NodeKind::REPORT;
          setText(node, "metric", report.getMetric());
          setText(node, "name", report.getName());
        })
        .Case([&](task::PredictOp predict) {
          node.kind = NodeKind::PREDICT;
          setText(node, "name", predict.getName());
        })
        .Case([&](task::CopyOp) { node.kind = NodeKind::COPY; })
        .Default([&](Operation *other) { setComputeKind(other, node); });
  }

  void setComputeKind(Operation *op, package::Node &node) {
    TypeSwitch<Operation *>(op)
        .Case([&](task::KernelOp kernel) {
          node.kind = NodeKind::KERNEL;
          node.callee = kernel.getCallee().str();
          auto function = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(kernel, kernel.getCalleeAttr());
          if (auto overwritten = function->getAttrOfType<IntegerAttr>(task::kOverwritesAttr))
            node.attributes["overwrites"].__set_integer(overwritten.getInt());
        })
        .Case([&](task::LibraryOp library) {
          node.kind = NodeKind::LIBRARY;
          node.callee = library.getCallee().str();
          if (auto options = library.getOptions())
            for (NamedAttribute option : *options)
              node.attributes[option.getName().str()] = packageAttribute(option.getValue());
        })
        .Case([&](task::IfOp branch) {
          node.kind = NodeKind::IF;
          node.regions.push_back(packageGraph(branch.getThenGraph().front(), branch.getThenSegmentsAttr()));
          node.regions.push_back(packageGraph(branch.getElseGraph().front(), branch.getElseSegmentsAttr()));
        })
        .Case([&](task::WhileOp loop) {
          node.kind = NodeKind::WHILE;
          node.attributes["limit"].__set_integer(static_cast<int64_t>(loop.getLimit()));
          node.regions.push_back(packageGraph(loop.getConditionGraph().front(), loop.getConditionSegmentsAttr()));
          node.regions.push_back(packageGraph(loop.getBodyGraph().front(), loop.getBodySegmentsAttr()));
        });
  }

  package::Graph graph_;
  llvm::DenseMap<Value, int32_t> numbers_;
};

} // namespace

package::Graph packageGraph(Block &block, ArrayAttr segments) { return GraphWriter().run(block, segments); }

} // namespace heter::compiler
