// Helpers of the data tests: expressions and inputs in one line, files in a folder that goes away, and a stream read to
// its end on the simulated scheduler.
#ifndef HETER_TESTS_RUNTIME_DATA_DATATESTING_H
#define HETER_TESTS_RUNTIME_DATA_DATATESTING_H

#include "runtime/data/DataStream.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace heter::runtime::testing {

inline package::DataExpression expression(std::string op, std::vector<package::DataExpression> arguments = {},
                                          std::vector<double> numbers = {}, std::vector<std::string> texts = {}) {
  package::DataExpression result;
  result.op = std::move(op);
  result.arguments = std::move(arguments);
  result.numbers = std::move(numbers);
  result.texts = std::move(texts);
  result.location = "m.heter:9:1";
  return result;
}

/// col[first..last], both included.
inline package::DataExpression columns(int first, int last) {
  std::vector<double> numbers;
  for (int i = first; i <= last; ++i)
    numbers.push_back(i);
  return expression("column", {}, std::move(numbers));
}
inline package::DataExpression column(int index) { return columns(index, index); }
inline package::DataExpression number(double value) { return expression("number", {}, {value}); }

inline package::Input input(std::string name, package::ElementType::type element, std::vector<int64_t> shape = {},
                            package::ValueKind::type kind = package::ValueKind::TENSOR, std::string length = "") {
  package::Input result;
  result.name = std::move(name);
  result.kind = kind;
  result.type.element = element;
  result.type.shape = std::move(shape);
  result.label = false;
  result.length = std::move(length);
  return result;
}

inline package::DataSource source(std::vector<std::pair<std::string, package::DataExpression>> bindings,
                                  std::string format = "tsv") {
  package::DataSource result;
  result.name = "clicks";
  result.format = std::move(format);
  for (auto &[name, value] : bindings) {
    package::Binding binding;
    binding.input = name;
    binding.expression = value;
    result.bindings.push_back(binding);
  }
  return result;
}

/// The Criteo binding of the samples: click, 13 dense values, 26 hashed ids.
inline package::DataSource criteoSource() {
  return source({{"dense", expression("log1p", {expression("max", {columns(1, 13), number(0)})})},
                 {"slots", expression("hash", {columns(14, 39)})},
                 {"click", column(0)}});
}
inline std::vector<package::Input> criteoInputs() {
  return {input("dense", package::ElementType::F32, {13}), input("slots", package::ElementType::I64, {26}),
          input("click", package::ElementType::F32)};
}

/// A folder under the system's temporary one, removed at the end.
class TempFolder {
public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "heter-data-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder &) = delete;
  TempFolder &operator=(const TempFolder &) = delete;

  std::string path(const std::string &name) const { return (path_ / name).string(); }
  std::string write(const std::string &name, const std::string &text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

private:
  std::filesystem::path path_;
};

struct ReadResult {
  std::vector<BatchPtr> batches;
  Status status;
};

/// Reads a stream to its end.
inline ReadResult readAll(const package::DataSource &from, const std::vector<package::Input> &inputs,
                          const DataOptions &options, uint64_t seed = 1) {
  auto files = makePosixFileSystem();
  SimulatedScheduler scheduler(seed);
  ReadResult result;
  auto stream = DataStream::open(from, inputs, options, *files, scheduler);
  if (!stream.ok())
    return {{}, stream.status()};
  bool more = true;
  while (more) {
    bool answered = false;
    (*stream)->next([&](StatusOr<BatchPtr> batch) {
      answered = true;
      more = batch.ok() && *batch != nullptr;
      if (!batch.ok())
        result.status = batch.status();
      else if (*batch)
        result.batches.push_back(*batch);
    });
    scheduler.runUntil([&] { return answered; });
  }
  return result;
}

} // namespace heter::runtime::testing

#endif // HETER_TESTS_RUNTIME_DATA_DATATESTING_H
