// Walks an nn program, keeps its values, reads the environment and collects what the program did; the arithmetic of
// single operations is in Arithmetic.cpp.
#include "tests/reference/Arithmetic.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

#include <stdexcept>

using namespace heter::reference;

int64_t Tensor::count() const {
  int64_t product = 1;
  for (int64_t size : shape)
    product *= size;
  return product;
}

Tensor heter::reference::makeTensor(std::vector<int64_t> shape, std::vector<double> numbers) {
  Tensor tensor{std::move(shape), std::move(numbers), {}};
  tensor.numbers.resize(tensor.count());
  return tensor;
}

Tensor heter::reference::makeIntegers(std::vector<int64_t> shape, std::vector<int64_t> integers) {
  return Tensor{std::move(shape), {}, std::move(integers)};
}

template <typename Map>
static const typename Map::mapped_type &find(const Map &map, const typename Map::key_type &key, const char *what,
                                             const std::string &name) {
  auto it = map.find(key);
  if (it == map.end())
    throw std::runtime_error("the environment has no " + std::string(what) + " " + name);
  return it->second;
}

static std::string text(mlir::Operation *op, llvm::StringRef name) {
  if (auto symbol = op->getAttrOfType<mlir::FlatSymbolRefAttr>(name))
    return symbol.getValue().str();
  return op->getAttrOfType<mlir::StringAttr>(name).getValue().str();
}

/// The results of an operation that reads the environment, or nothing if `op` is none.
static std::vector<Value> readEnvironment(mlir::Operation *op, const std::vector<Value> &operands,
                                          const Environment &environment) {
  llvm::StringRef name = op->getName().stripDialect();
  if (name == "input")
    return {find(environment.inputs, text(op, "name"), "input", text(op, "name"))};
  if (name == "param")
    return {find(environment.parameters, text(op, "parameter"), "parameter", text(op, "parameter"))};
  if (name == "example_count")
    return {makeTensor({}, {static_cast<double>(environment.examples)})};
  if (name == "lookup") {
    std::string table = text(op, "table");
    return {lookup(op, operands[0], find(environment.tables, {table, text(op, "part")}, "table", table))};
  }
  return {};
}

std::vector<Value> heter::reference::evaluate(mlir::Operation *op, const std::vector<Value> &operands,
                                              const Environment &environment) {
  std::vector<Value> read = readEnvironment(op, operands, environment);
  return read.empty() ? std::vector<Value>{calculate(op, operands, environment)} : read;
}

/// Does what an operation without results does; false if it is none.
static bool act(mlir::Operation *op, const std::vector<Value> &operands, Outcome &outcome) {
  llvm::StringRef name = op->getName().stripDialect();
  if (name == "report")
    outcome.reports[text(op, "name")] = operands;
  else if (name == "predict")
    outcome.predictions[text(op, "name")] = operands[0];
  else if (name == "minimize")
    outcome.minimized = std::get<Tensor>(operands[0]).numbers[0];
  else if (name == "update")
    outcome.updates[text(op, "parameter")] = std::get<Tensor>(operands[0]);
  else if (name == "update_rows")
    outcome.rowUpdates[{text(op, "table"), text(op, "part")}] = std::get<Rows>(operands[0]);
  else
    return false;
  return true;
}

namespace {

/// Executes blocks; values of outer blocks stay in sight of inner ones.
class Runner {
public:
  Runner(const Environment &environment, Outcome &outcome) : environment_(environment), outcome_(outcome) {}

  /// The operands of the terminator, or nothing if the block has none.
  std::vector<Value> runBlock(mlir::Block &block, const std::vector<Value> &arguments) {
    for (size_t i = 0; i < arguments.size(); ++i)
      values_[block.getArgument(i)] = arguments[i];
    for (mlir::Operation &op : block) {
      std::vector<Value> operands;
      for (mlir::Value operand : op.getOperands())
        operands.push_back(values_.find(operand)->second);
      if (op.getName().stripDialect() == "yield")
        return operands;
      if (act(&op, operands, outcome_))
        continue;
      std::vector<Value> results = runOp(op, operands);
      for (size_t i = 0; i < results.size(); ++i)
        values_[op.getResult(i)] = std::move(results[i]);
    }
    return {};
  }

private:
  std::vector<Value> runOp(mlir::Operation &op, const std::vector<Value> &operands) {
    llvm::StringRef name = op.getName().stripDialect();
    if (name == "if")
      return runBlock(op.getRegion(isTrue(operands[0]) ? 0 : 1).front(), {});
    if (name != "while")
      return evaluate(&op, operands, environment_);
    std::vector<Value> carried = operands;
    for (int64_t left = op.getAttrOfType<mlir::IntegerAttr>("limit").getInt(); left > 0; --left) {
      if (!isTrue(runBlock(op.getRegion(0).front(), carried)[0]))
        break;
      carried = runBlock(op.getRegion(1).front(), carried);
    }
    return carried;
  }

  static bool isTrue(const Value &value) { return std::get<Tensor>(value).integers[0] != 0; }

  const Environment &environment_;
  Outcome &outcome_;
  llvm::DenseMap<mlir::Value, Value> values_;
};

} // namespace

Outcome heter::reference::run(mlir::Operation *program, const Environment &environment) {
  Outcome outcome;
  Runner(environment, outcome).runBlock(program->getRegion(0).front(), {});
  return outcome;
}
