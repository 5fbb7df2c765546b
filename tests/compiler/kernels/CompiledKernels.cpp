// Compiles kernels, links them into a temporary folder, loads them and calls them through their ABI.
#include "tests/compiler/kernels/CompiledKernels.h"

#include "compiler/NativeCode.h"
#include "dialects/nn/NN.h"
#include "runtime/base/Processor.h"
#include "runtime/package/KernelObject.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <unistd.h>

namespace heter::compiler {

namespace {

/// Memory of one tensor and its descriptor {base, aligned, offset, sizes.., strides..}.
struct Argument {
  Argument(const reference::Tensor &tensor, bool isBool) {
    // A few bytes behind the end tell whether a kernel writes there.
    if (isBool) {
      bytes.assign(tensor.integers.begin(), tensor.integers.end());
    } else if (!tensor.integers.empty()) {
      bytes.resize(tensor.integers.size() * sizeof(int64_t));
      std::memcpy(bytes.data(), tensor.integers.data(), bytes.size());
    } else {
      std::vector<float> numbers(tensor.numbers.begin(), tensor.numbers.end());
      bytes.resize(numbers.size() * sizeof(float));
      std::memcpy(bytes.data(), numbers.data(), bytes.size());
    }
    size = bytes.size();
    bytes.resize(size + kGuard, 0x5a);
    int64_t rank = static_cast<int64_t>(tensor.shape.size());
    descriptor.resize(3 + 2 * rank, 0);
    descriptor[0] = descriptor[1] = reinterpret_cast<int64_t>(bytes.data());
    int64_t stride = 1;
    for (int64_t dim = rank - 1; dim >= 0; --dim) {
      descriptor[3 + dim] = tensor.shape[dim];
      descriptor[3 + rank + dim] = stride;
      stride *= tensor.shape[dim];
    }
  }
  bool guarded() const {
    return std::all_of(bytes.begin() + static_cast<int64_t>(size), bytes.end(), [](uint8_t b) { return b == 0x5a; });
  }

  /// Makes NaN of all numbers.
  void clobber() { std::fill_n(bytes.begin(), size, 0xff); }

  static constexpr size_t kGuard = 64;
  std::vector<uint8_t> bytes;
  size_t size;
  std::vector<int64_t> descriptor;
};

bool isBool(mlir::Type type) { return llvm::cast<mlir::RankedTensorType>(type).getElementType().isInteger(1); }

} // namespace

CompiledKernels::CompiledKernels(const std::string &source) {
  mlir::DialectRegistry registry;
  registry.insert<nn::NNDialect, mlir::func::FuncDialect>();
  registerNativeCode(registry);
  context_ = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
  module_ = mlir::parseSourceString<mlir::ModuleOp>(source, context_.get());
  if (!module_) {
    ADD_FAILURE() << "the kernels do not parse";
    return;
  }
  auto objects = compileKernels(*module_);
  if (mlir::failed(objects)) {
    ADD_FAILURE() << "the kernels do not compile";
    return;
  }
  std::vector<std::string> levels = runtime::usableLevels();
  for (const KernelObjectBytes &object : *objects) {
    if (std::find(levels.begin(), levels.end(), object.isa.name) == levels.end())
      continue;
    std::string path =
        testing::TempDir() + "/heter-kernels-" + std::to_string(getpid()) + "-" + object.isa.name + ".so";
    void *library = nullptr;
    if (llvm::Error error = linkSharedObject(object.object, path))
      ADD_FAILURE() << llvm::toString(std::move(error));
    else
      library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      ADD_FAILURE() << "the kernels do not load";
      return;
    }
    libraries_.push_back(library);
    std::filesystem::remove(path);
  }
}

CompiledKernels::~CompiledKernels() {
  for (void *library : libraries_)
    dlclose(library);
}

std::vector<reference::Tensor> CompiledKernels::call(size_t level, const std::string &name,
                                                     const std::vector<reference::Tensor> &inputs,
                                                     const std::vector<reference::Tensor> &outputs) {
  auto type = module_->lookupSymbol<mlir::func::FuncOp>(name).getFunctionType();
  std::vector<Argument> arguments;
  arguments.reserve(inputs.size() + outputs.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    arguments.emplace_back(inputs[i], isBool(type.getInput(i)));
  for (size_t i = 0; i < outputs.size(); ++i) {
    arguments.emplace_back(outputs[i], isBool(type.getResult(i)));
    arguments.back().clobber(); // a caller's expectation must not pass for what a kernel did not write
  }
  std::vector<void *> pointers;
  for (Argument &argument : arguments)
    pointers.push_back(argument.descriptor.data());
  auto kernel = reinterpret_cast<runtime::KernelFunction>(dlsym(libraries_[level], name.c_str()));
  if (!kernel) {
    ADD_FAILURE() << "there is no kernel " << name;
    return {};
  }
  kernel(pointers.data());
  std::vector<reference::Tensor> results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Argument &argument = arguments[inputs.size() + i];
    EXPECT_TRUE(argument.guarded()) << name << " writes behind its output";
    reference::Tensor result = reference::makeTensor(outputs[i].shape);
    for (int64_t e = 0; e < result.count(); ++e) {
      float number = 0;
      std::memcpy(&number, argument.bytes.data() + e * sizeof(float), sizeof(float));
      result.numbers[e] = number;
    }
    results.push_back(result);
  }
  return results;
}

} // namespace heter::compiler
