// First values, optimizers and the step; see ModelTrainer.h.
#include "tests/reference/ModelTrainer.h"

#include "tests/e2e/reference/Network.h"

#include <stdexcept>

namespace heter::reference {

/// `count` first values of the parameter or row (`name`, `row`).
static std::vector<double> initialValues(nn::InitAttr init, uint64_t seed, const std::string &name, int64_t row,
                                         int64_t count) {
  std::vector<double> values(static_cast<size_t>(count), 0.0);
  if (init.getKind() == "ones" || init.getKind() == "constant")
    values.assign(values.size(), init.getKind() == "ones" ? 1.0 : init.getScale());
  else if (init.getKind() == "uniform")
    for (size_t i = 0; i < values.size(); ++i)
      values[i] =
          ::reference::initialValue(seed, name, static_cast<uint64_t>(row), i, static_cast<float>(init.getScale()));
  else if (init.getKind() != "zeros")
    throw std::runtime_error("the reference does not know the initializer " + init.getKind().str());
  return values;
}

static std::vector<double> divided(std::vector<double> values, double by) {
  for (double &value : values)
    value /= by;
  return values;
}

ModelTrainer::ModelTrainer(mlir::ModuleOp differentiated, uint64_t seed)
    : module_(differentiated), train_(differentiated.lookupSymbol("train")) {
  environment_.seed = seed;
  for (auto parameter : module_.getOps<nn::ParameterOp>()) {
    Tensor value = makeTensor(mlir::cast<mlir::RankedTensorType>(parameter.getType()).getShape().vec());
    std::string name = parameter.getSymName().str();
    value.numbers = initialValues(parameter.getInit(), seed, name, 0, value.count());
    environment_.parameters[name] = std::move(value);
  }
  for (auto table : module_.getOps<nn::TableOp>())
    for (auto part : table.getParts().getAsRange<nn::PartAttr>())
      environment_.tables[{table.getSymName().str(), part.getName().str()}];
}

/// Gives every row that the inputs name its first values, as the interpreter reads a missing row as zeros.
void ModelTrainer::initializeRows() {
  for (mlir::Operation &op : train_->getRegion(0).front()) {
    auto lookup = mlir::dyn_cast<nn::LookupOp>(op);
    if (!lookup)
      continue;
    auto input = lookup.getIds().getDefiningOp<nn::InputOp>();
    if (!input)
      throw std::runtime_error("the reference looks up ids that are inputs only");
    const Value &ids = environment_.inputs.at(input.getName().str());
    const auto *ragged = std::get_if<Ragged>(&ids);
    auto table = module_.lookupSymbol<nn::TableOp>(lookup.getTable());
    nn::PartAttr part = table.findPart(lookup.getPart());
    std::string name = table.getSymName().str() + (part.getName().empty() ? "" : "." + part.getName().str());
    Rows &rows = environment_.tables[{table.getSymName().str(), part.getName().str()}];
    for (int64_t key : ragged ? ragged->elements.integers : std::get<Tensor>(ids).integers)
      if (!rows.count(key))
        rows[key] = initialValues(part.getInit(), environment_.seed, name, key, part.getDim());
  }
}

double ModelTrainer::step(std::map<std::string, Value> inputs, int64_t examples, int64_t firstExample) {
  environment_.inputs = std::move(inputs);
  environment_.examples = examples;
  environment_.firstExample = firstExample;
  initializeRows();
  Outcome outcome = run(train_, environment_);
  const auto divisor = static_cast<double>(examples);
  for (const auto &[name, gradient] : outcome.updates) {
    auto parameter = module_.lookupSymbol<nn::ParameterOp>(name);
    applyOptimizer(optimizers::complete(parameter.getOptimizer()->getCall()), steps_,
                   divided(gradient.numbers, divisor), environment_.parameters.at(name).numbers, states_[name]);
  }
  for (const auto &[part, rows] : outcome.rowUpdates) {
    nn::OptimizerAttr attribute = module_.lookupSymbol<nn::TableOp>(part.first).findPart(part.second).getOptimizer();
    const optimizers::Call optimizer = optimizers::complete(attribute.getCall());
    for (const auto &[key, gradient] : rows)
      applyOptimizer(optimizer, steps_, divided(gradient, divisor), environment_.tables.at(part).at(key),
                     rowStates_[part][key]);
  }
  ++steps_;
  return std::get<Tensor>(outcome.reports.at("loss").front()).numbers.front();
}

} // namespace heter::reference
