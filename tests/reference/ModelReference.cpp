// model_reference: trains a model in double precision and prints `STEP LOSS` a step.
//
//   model_reference SPEC.heter PACKAGE --data FILE --lines A:B --batch-size N
//
// PACKAGE is the compiled SPEC: its first data block says how a line is read. Batches are consecutive lines in file
// order, one epoch; the seed is the model's.
#include "frontend/emit/Emit.h"
#include "passes/Passes.h"
#include "runtime/base/Scheduler.h"
#include "runtime/data/DataStream.h"
#include "runtime/package/Package.h"
#include "tests/reference/ModelTrainer.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

using namespace heter;

namespace {

struct Arguments {
  std::string spec, package;
  runtime::DataOptions data;
};

template <typename T> T orThrow(runtime::StatusOr<T> result) {
  if (!result.ok())
    throw std::runtime_error(result.status().message());
  return std::move(*result);
}

Arguments parseArguments(int count, char **words) {
  if (count != 9)
    throw std::runtime_error("expected SPEC PACKAGE --data FILE --lines A:B --batch-size N");
  Arguments arguments{words[1], words[2], {}};
  for (int i = 3; i < count; i += 2) {
    const std::string flag = words[i], value = words[i + 1];
    if (flag == "--data")
      arguments.data.files = {value};
    else if (flag == "--lines")
      arguments.data.lines = orThrow(runtime::parseLineRange(value));
    else if (flag == "--batch-size")
      arguments.data.batchSize = std::stoll(value);
    else
      throw std::runtime_error("no flag is called " + flag);
  }
  return arguments;
}

std::map<std::string, reference::Value> valuesOf(const runtime::Batch &batch,
                                                 const std::vector<runtime::package::Input> &inputs) {
  std::map<std::string, reference::Value> values;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const runtime::BatchTensor &from = batch.tensors[i];
    std::vector<int64_t> shape = inputs[i].type.shape;
    bool ragged = from.kind == runtime::package::ValueKind::RAGGED;
    shape.insert(shape.begin(), ragged ? from.elementCount() : batch.examples);
    reference::Tensor tensor{shape, {from.floats.begin(), from.floats.end()}, from.integers};
    if (ragged)
      values[inputs[i].name] = reference::Ragged{from.offsets, tensor};
    else
      values[inputs[i].name] = tensor;
  }
  return values;
}

/// The next batch, or null at the end.
runtime::BatchPtr nextBatch(runtime::DataStream &stream, runtime::SimulatedScheduler &scheduler) {
  bool answered = false;
  runtime::StatusOr<runtime::BatchPtr> batch = runtime::BatchPtr();
  stream.next([&](runtime::StatusOr<runtime::BatchPtr> next) {
    answered = true;
    batch = std::move(next);
  });
  scheduler.runUntil([&] { return answered; });
  return orThrow(std::move(batch));
}

mlir::OwningOpRef<mlir::ModuleOp> differentiate(const std::string &spec, mlir::MLIRContext &context) {
  mlir::OwningOpRef<mlir::ModuleOp> module = frontend::compileSpec(spec, context, llvm::errs());
  mlir::PassManager passes(&context);
  passes.addPass(createAutodiff());
  if (!module || mlir::failed(passes.run(*module)))
    throw std::runtime_error("cannot compile " + spec);
  return module;
}

void train(const Arguments &arguments) {
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module = differentiate(arguments.spec, context);
  auto seed = module->getOperation()->getAttrOfType<mlir::IntegerAttr>(nn::kSeedAttr);
  reference::ModelTrainer trainer(*module, static_cast<uint64_t>(seed.getInt()));

  std::unique_ptr<runtime::FileSystem> files = runtime::makePosixFileSystem();
  runtime::Package package = orThrow(runtime::readPackage(*files, arguments.package));
  runtime::SimulatedScheduler scheduler(1);
  std::unique_ptr<runtime::DataStream> stream = orThrow(
      runtime::DataStream::open(package.info.data.front(), package.info.inputs, arguments.data, *files, scheduler));
  for (runtime::BatchPtr batch; (batch = nextBatch(*stream, scheduler));) {
    double loss = trainer.step(valuesOf(*batch, package.info.inputs), batch->examples, batch->firstExample);
    std::printf("%lld %.17g\n", static_cast<long long>(batch->step), loss);
  }
}

} // namespace

int main(int count, char **words) {
  try {
    train(parseArguments(count, words));
    return EXIT_SUCCESS;
  } catch (const std::exception &error) {
    std::cerr << "model_reference: " << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
