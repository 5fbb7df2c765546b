// A data file of one format, HETER_FUZZ_FORMAT: plain, gzip or zstd, any number of lines, right or wrong. Values that
// arrive have the shape and the kind that their input says; how lines are cut into micro-batches changes neither the
// values nor the error.
#include "tests/fuzz/DataSeeds.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/runtime/table/FaultyFileSystem.h"

#include "runtime/data/DataStream.h"

#include <cmath>

namespace heter::fuzz {

using namespace runtime;

namespace {

struct Read {
  std::vector<BatchTensor> tensors; ///< All batches, one behind the other; offsets are lengths here.
  int64_t examples = 0;
  Status status;
};

void checkBatch(const Batch &batch, const std::vector<package::Input> &inputs, Labels labels) {
  check(batch.examples > 0 && batch.tensors.size() == inputs.size(), "a batch without examples or tensors");
  for (size_t i = 0; i < inputs.size(); ++i) {
    const BatchTensor &tensor = batch.tensors[i];
    check(tensor.kind == inputs[i].kind && tensor.element == inputs[i].type.element, "a tensor of another kind");
    for (float value : tensor.floats)
      check(std::isfinite(value), "a value that is not finite");
    if (tensor.kind == package::ValueKind::RAGGED) {
      check(tensor.offsets.size() == static_cast<size_t>(batch.examples) + 1 && tensor.offsets.front() == 0 &&
                tensor.offsets.back() == tensor.elementCount(),
            "offsets that do not fit the elements");
      for (size_t e = 1; e < tensor.offsets.size(); ++e)
        check(tensor.offsets[e - 1] <= tensor.offsets[e], "offsets that fall");
      continue;
    }
    if (inputs[i].label && labels != Labels::Read)
      continue;
    int64_t elements = batch.examples;
    for (int64_t extent : inputs[i].type.shape)
      elements *= extent;
    check(tensor.elementCount() == elements, "a tensor of another size");
  }
}

Read readAll(FileSystem &files, const DataBinding &binding, int64_t batchSize, int32_t microBatches,
             Labels labels = Labels::Read) {
  SimulatedScheduler scheduler(1);
  DataOptions options;
  options.files = {"data/file"};
  options.batchSize = batchSize;
  options.microBatches = microBatches;
  options.labels = labels;
  Read result;
  result.tensors.resize(binding.inputs.size());
  auto stream = DataStream::open(binding.source, binding.inputs, options, files, scheduler);
  if (!stream.ok()) {
    result.status = stream.status();
    return result;
  }
  for (bool more = true; more;) {
    bool answered = false;
    (*stream)->next([&](StatusOr<BatchPtr> batch) {
      answered = true;
      more = batch.ok() && *batch != nullptr;
      if (!batch.ok())
        result.status = batch.status();
      if (!more)
        return;
      checkBatch(**batch, binding.inputs, labels);
      result.examples += (*batch)->examples;
      for (size_t i = 0; i < result.tensors.size(); ++i) {
        const BatchTensor &from = (*batch)->tensors[i];
        BatchTensor &to = result.tensors[i];
        to.floats.insert(to.floats.end(), from.floats.begin(), from.floats.end());
        to.integers.insert(to.integers.end(), from.integers.begin(), from.integers.end());
        for (size_t e = 1; e < from.offsets.size(); ++e)
          to.offsets.push_back(from.offsets[e] - from.offsets[e - 1]);
      }
    });
    scheduler.runUntil([&] { return answered; });
    check(answered, "the stream does not answer");
  }
  return result;
}

} // namespace

std::vector<Seed> seeds() { return dataSeeds(HETER_FUZZ_FORMAT); }

bool accepts(std::string_view input) {
  bool accepted = true; // by every data block
  for (const DataBinding &binding : dataBindings(HETER_FUZZ_FORMAT)) {
    test::FaultyFileSystem files;
    files.setContents({{"data/file", std::string(input)}});
    Read one = readAll(files, binding, 1, 1), many = readAll(files, binding, 3, 2);
    (void)readAll(files, binding, 2, 1, Labels::Auto);
    check(one.status.ok() || !one.status.message().empty(), "an error without words");
    check(one.status.message() == many.status.message(), "the error depends on how lines are cut into batches");
    if (!one.status.ok()) {
      accepted = false;
      continue;
    }
    check(one.examples == many.examples, "the number of examples depends on how lines are cut into batches");
    for (size_t i = 0; i < one.tensors.size(); ++i)
      check(one.tensors[i].floats == many.tensors[i].floats && one.tensors[i].integers == many.tensors[i].integers &&
                one.tensors[i].offsets == many.tensors[i].offsets,
            "values depend on how lines are cut into batches");
  }
  return accepted;
}

} // namespace heter::fuzz
