// First values, optimizers and the step; see ModelTrainer.h.
#include "tests/reference/ModelTrainer.h"

#include "tests/e2e/reference/Network.h"

#include <cmath>
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

void applyOptimizer(nn::OptimizerAttr optimizer, const std::vector<double> &gradient, std::vector<double> &value,
                    OptimizerState &state) {
  state.first.resize(value.size());
  state.second.resize(value.size());
  const auto t = static_cast<double>(++state.updates);
  const double rate = optimizer.getLearningRate();
  const double beta1 = optimizer.getOption("beta1", 0.9), beta2 = optimizer.getOption("beta2", 0.999);
  for (size_t i = 0; i < value.size(); ++i) {
    const double g = gradient[i];
    if (optimizer.getKind() == "sgd") {
      value[i] -= rate * g;
    } else if (optimizer.getKind() == "adagrad") {
      state.first[i] += g * g;
      value[i] -= rate * g / (std::sqrt(state.first[i]) + optimizer.getOption("epsilon", 1e-10));
    } else if (optimizer.getKind() == "adam") {
      state.first[i] = beta1 * state.first[i] + (1 - beta1) * g;
      state.second[i] = beta2 * state.second[i] + (1 - beta2) * g * g;
      const double mean = state.first[i] / (1 - std::pow(beta1, t));
      const double square = state.second[i] / (1 - std::pow(beta2, t));
      value[i] -= rate * mean / (std::sqrt(square) + optimizer.getOption("epsilon", 1e-8));
    } else {
      throw std::runtime_error("the reference does not know the optimizer " + optimizer.getKind().str());
    }
  }
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
    applyOptimizer(*parameter.getOptimizer(), divided(gradient.numbers, divisor),
                   environment_.parameters.at(name).numbers, states_[name]);
  }
  for (const auto &[part, rows] : outcome.rowUpdates) {
    nn::OptimizerAttr optimizer = module_.lookupSymbol<nn::TableOp>(part.first).findPart(part.second).getOptimizer();
    for (const auto &[key, gradient] : rows)
      applyOptimizer(optimizer, divided(gradient, divisor), environment_.tables.at(part).at(key),
                     rowStates_[part][key]);
  }
  return std::get<Tensor>(outcome.reports.at("loss").front()).numbers.front();
}

} // namespace heter::reference
