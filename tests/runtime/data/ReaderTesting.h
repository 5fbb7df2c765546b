// A reader under test: one or more bound inputs over files of a format, with its values and its errors in one line.
#ifndef HETER_TESTS_RUNTIME_DATA_READERTESTING_H
#define HETER_TESTS_RUNTIME_DATA_READERTESTING_H

#include "DataTesting.h"

#include <gmock/gmock.h>

namespace heter::runtime::testing {

class ReaderTest : public ::testing::Test {
protected:
  using Expression = package::DataExpression;

  void bind(package::Input as, Expression value) {
    source_.bindings.emplace_back();
    source_.bindings.back().input = as.name;
    source_.bindings.back().expression = std::move(value);
    inputs_.push_back(std::move(as));
  }
  void flag(const std::string &name, bool value) { source_.options[name].__set_flag(value); }
  void option(const std::string &name, const std::string &value) { source_.options[name].__set_text(value); }

  /// Reads `text` as the file `lines`, or `files_` if there is no text.
  ReadResult read(const std::string &text) {
    options_.files = {folder_.write("lines", text)};
    return readAll(source_, inputs_, options_);
  }
  /// The first batch; the test has failed if there is none.
  BatchPtr batch(const std::string &text) {
    ReadResult result = read(text);
    EXPECT_TRUE(result.status.ok()) << result.status.message();
    return result.batches.empty() ? std::make_shared<Batch>(Batch{.tensors = std::vector<BatchTensor>(inputs_.size())})
                                  : result.batches.front();
  }
  std::vector<float> floats(const std::string &text, size_t tensor = 0) { return batch(text)->tensors[tensor].floats; }
  std::vector<int64_t> ids(const std::string &text, size_t tensor = 0) { return batch(text)->tensors[tensor].integers; }

  /// The error, the file's folder left out.
  std::string error(const std::string &text) {
    std::string message = read(text).status.message(), path = folder_.path("lines");
    if (size_t at = message.find(path); at != std::string::npos)
      message.replace(at, path.size(), "lines");
    return message;
  }

  TempFolder folder_;
  DataOptions options_;
  package::DataSource source_ = source({});
  std::vector<package::Input> inputs_;
};

/// What the front end makes of col["name"] under a header line, of a slot key, and of a fixed number of its values.
inline package::DataExpression named(const std::string &name) { return expression("column", {}, {-1}, {name}); }
inline package::DataExpression keyed(const std::string &name) { return expression("key", {}, {-1}, {name}); }
inline package::DataExpression spread(package::DataExpression list, double count) {
  return expression("spread", {std::move(list)}, {count});
}
/// A column with the bare name that `columns` gives it.
inline package::DataExpression called(int index, const std::string &name) {
  return expression("column", {}, {static_cast<double>(index)}, {name});
}
inline package::Input number1(const std::string &name) { return input(name, package::ElementType::F32); }
inline package::Input numbers(const std::string &name, int64_t count) {
  return input(name, package::ElementType::F32, {count});
}
inline package::Input idList(const std::string &name, const std::string &length = "") {
  return input(name, package::ElementType::I64, {}, package::ValueKind::RAGGED, length);
}
inline package::Input fixedIds(const std::string &name, int64_t count) {
  return input(name, package::ElementType::I64, {count});
}

} // namespace heter::runtime::testing

#endif // HETER_TESTS_RUNTIME_DATA_READERTESTING_H
