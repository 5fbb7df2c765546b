// A spec's data block at work: checked by the front end, read by the runtime, without a compiler between them. What the
// compiler carries from one to the other is a plain copy.
#ifndef HETER_TESTS_DATA_SPECDATA_H
#define HETER_TESTS_DATA_SPECDATA_H

#include "tests/frontend/CheckFixture.h"
#include "tests/runtime/data/DataTesting.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

namespace heter::runtime::testing {

inline package::DataExpression packed(const frontend::DataExpression &from) {
  package::DataExpression to;
  to.op = from.op;
  to.numbers = from.numbers;
  to.texts = from.texts;
  for (const frontend::DataExpression &argument : from.arguments)
    to.arguments.push_back(packed(argument));
  return to;
}

inline package::DataSource packed(const frontend::DataSource &from) {
  package::DataSource to;
  to.name = from.name;
  to.format = from.format;
  for (const auto &[name, value] : from.options) {
    if (const bool *flag = std::get_if<bool>(&value))
      to.options[name].__set_flag(*flag);
    else if (const std::string *text = std::get_if<std::string>(&value))
      to.options[name].__set_text(*text);
  }
  for (const frontend::DataBinding &binding : from.bindings) {
    to.bindings.emplace_back();
    to.bindings.back().input = binding.input;
    to.bindings.back().expression = packed(binding.expression);
  }
  return to;
}

inline package::Input packed(const frontend::Input &from, const frontend::Model &model) {
  package::Input to;
  to.name = from.name;
  to.label = from.label;
  to.kind = from.type.isRagged() ? package::ValueKind::RAGGED : package::ValueKind::TENSOR;
  to.type.element = from.type.element == frontend::Element::F32 ? package::ElementType::F32 : package::ElementType::I64;
  for (const frontend::Dim &dim : from.type.shape) {
    if (dim.isFixed())
      to.type.shape.push_back(dim.size);
    else
      to.length = model.lengths[static_cast<size_t>(dim.length)].symbol;
  }
  return to;
}

/// The data blocks and inputs of a spec.
class SpecData {
public:
  explicit SpecData(const std::string &spec) {
    frontend::Checked checked(spec);
    EXPECT_EQ(checked.errors(), "");
    if (!checked.model)
      return;
    for (const frontend::DataSource &source : checked.model->data)
      sources_.push_back(packed(source));
    for (const frontend::Input &input : checked.model->inputs)
      inputs_.push_back(packed(input, *checked.model));
  }

  /// Reads files through the data block of a name, in batches of `batchSize`.
  ReadResult read(const std::string &source, std::vector<std::string> files, int64_t batchSize = 1 << 20) const {
    DataOptions options;
    options.files = std::move(files);
    options.batchSize = batchSize;
    for (const package::DataSource &candidate : sources_)
      if (candidate.name == source)
        return readAll(candidate, inputs_, options);
    return {{}, Status::notFound("no data block is called " + source)};
  }
  /// All examples as one batch; the test has failed if they cannot be read.
  BatchPtr readWhole(const std::string &source, std::vector<std::string> files) const {
    ReadResult result = read(source, std::move(files));
    EXPECT_TRUE(result.status.ok()) << result.status.message();
    EXPECT_EQ(result.batches.size(), 1u);
    return result.batches.empty() ? nullptr : result.batches.front();
  }

  /// The tensor of an input.
  const BatchTensor &tensor(const Batch &batch, const std::string &input) const {
    size_t i = 0;
    while (i + 1 < inputs_.size() && inputs_[i].name != input)
      ++i;
    return batch.tensors[i];
  }

private:
  std::vector<package::DataSource> sources_;
  std::vector<package::Input> inputs_;
};

/// A model that uses inputs called `x` (numbers) or `ids`, under the declarations and data blocks of a test.
inline std::string specOf(const std::string &declarations, const std::string &data) {
  return "model m\n" + declarations +
         "\nclick : label\nbias = param([1], init: zeros)\n"
         "minimize mean(sigmoid_cross_entropy(bias, click)) with adam(lr: 1e-3)\n" +
         data;
}

/// The path of a file of real data, or "" after saying that the test is skipped.
inline std::string realFile(const std::string &name) {
  const char *folder = std::getenv("HETER_TEST_DATA");
  std::string path = folder && *folder ? std::string(folder) + "/" + name : "";
  return !path.empty() && std::filesystem::exists(path) ? path : "";
}

} // namespace heter::runtime::testing

/// Declares `path`, the file of real data; skips the test by name where there is none.
#define HETER_REAL_FILE(path, name)                                                                                    \
  std::string path = ::heter::runtime::testing::realFile(name);                                                        \
  if (path.empty())                                                                                                    \
  GTEST_SKIP() << "HETER_TEST_DATA names no folder with " name

#endif // HETER_TESTS_DATA_SPECDATA_H
