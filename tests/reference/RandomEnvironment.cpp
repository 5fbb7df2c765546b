// Random values for everything that a program reads; see RandomEnvironment.h.
#include "tests/reference/RandomEnvironment.h"
#include "dialects/nn/NN.h"

#include "mlir/IR/BuiltinOps.h"

#include <random>

using namespace heter;
using namespace heter::reference;

namespace {

constexpr int64_t kKeys = 7;

class Values {
public:
  Values(uint64_t seed, double scale) : random_(seed), scale_(scale) {}

  Tensor numbers(std::vector<int64_t> shape) {
    Tensor tensor = makeTensor(std::move(shape));
    for (double &value : tensor.numbers)
      value = std::uniform_real_distribution<>(-scale_, scale_)(random_);
    return tensor;
  }

  Value input(nn::InputOp input, int64_t examples) {
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(input.getType());
    if (!type)
      return list(examples);
    std::vector<int64_t> shape = type.getShape().vec();
    shape[0] = examples;
    if (!type.getElementType().isF32())
      return keys(shape);
    Tensor tensor = numbers(shape);
    for (double &value : tensor.numbers)
      value = input.getLabel() ? static_cast<double>(value > 0) : value;
    return tensor;
  }

private:
  Tensor keys(std::vector<int64_t> shape) {
    Tensor tensor = makeIntegers(std::move(shape), {});
    tensor.integers.resize(tensor.count());
    for (int64_t &value : tensor.integers)
      value = std::uniform_int_distribution<int64_t>(0, kKeys - 1)(random_);
    return tensor;
  }

  Ragged list(int64_t examples) {
    Ragged ragged{{0}, {}};
    for (int64_t i = 0; i < examples; ++i)
      ragged.offsets.push_back(ragged.offsets.back() + (i ? std::uniform_int_distribution<>(0, 4)(random_) : 0));
    ragged.elements = keys({ragged.offsets.back()});
    return ragged;
  }

  std::mt19937_64 random_;
  double scale_;
};

} // namespace

Environment heter::reference::randomEnvironment(mlir::ModuleOp module, int64_t examples, uint64_t seed, double scale) {
  Values values(seed, scale);
  Environment environment;
  environment.examples = examples;
  environment.firstExample = 1000;
  environment.seed = 99;
  module.walk([&](nn::InputOp input) { // a name that both programs read is made once
    std::string name = input.getName().str();
    if (!environment.inputs.count(name))
      environment.inputs[name] = values.input(input, examples);
  });
  module.walk([&](nn::ParameterOp parameter) {
    auto type = mlir::cast<mlir::RankedTensorType>(parameter.getType());
    environment.parameters[parameter.getSymName().str()] = values.numbers(type.getShape().vec());
  });
  module.walk([&](nn::TableOp table) {
    for (auto part : table.getParts().getAsRange<nn::PartAttr>())
      for (int64_t key = 0; key < kKeys; ++key)
        environment.tables[{table.getSymName().str(), part.getName().str()}][key] =
            values.numbers({part.getDim()}).numbers;
  });
  return environment;
}
