// Which columns are labels' own, and which form a line has.
#include "runtime/data/Labels.h"

#include "runtime/base/Suggest.h"

#include <algorithm>
#include <set>

namespace heter::runtime {

namespace {

void collectColumns(const package::DataExpression &expression, std::set<int64_t> &columns) {
  if (expression.op == "column")
    for (double number : expression.numbers)
      if (number >= 0)
        columns.insert(static_cast<int64_t>(number));
  for (const package::DataExpression &argument : expression.arguments)
    collectColumns(argument, columns);
}

void collectNames(const package::DataExpression &expression, std::vector<std::string> &found) {
  if (expression.op == "column")
    for (size_t i = 0; i < expression.numbers.size() && i < expression.texts.size(); ++i)
      if (expression.numbers[i] < 0)
        found.push_back(expression.texts[i]);
  for (const package::DataExpression &argument : expression.arguments)
    collectNames(argument, found);
}

/// The columns of the inputs that are labels, or of those that are not.
std::set<int64_t> columnsOf(const package::DataSource &source, const std::vector<package::Input> &inputs, bool label) {
  std::set<int64_t> columns;
  for (const package::Input &input : inputs)
    for (const package::Binding &binding : source.bindings)
      if (input.label == label && binding.input == input.name)
        collectColumns(binding.expression, columns);
  return columns;
}

constexpr std::pair<Labels, const char *> names[] = {
    {Labels::Auto, "auto"}, {Labels::Present, "present"}, {Labels::Absent, "absent"}};

} // namespace

std::vector<int64_t> labelColumns(const package::DataSource &source, const std::vector<package::Input> &inputs) {
  if (isKeyed(source.format))
    return {};
  std::set<int64_t> labels = columnsOf(source, inputs, true), features = columnsOf(source, inputs, false);
  std::vector<int64_t> result;
  std::set_difference(labels.begin(), labels.end(), features.begin(), features.end(), std::back_inserter(result));
  return result;
}

/// The columns of labels that only a header can place.
static std::vector<std::string> namedLabels(const package::DataSource &source,
                                            const std::vector<package::Input> &inputs) {
  std::vector<std::string> result;
  for (const package::Input &input : inputs)
    for (const package::Binding &binding : source.bindings)
      if (input.label && binding.input == input.name)
        collectNames(binding.expression, result);
  return result;
}

bool numbersFeatures(const package::DataSource &source, const std::vector<package::Input> &inputs) {
  return !isKeyed(source.format) && !columnsOf(source, inputs, false).empty();
}

StatusOr<Labels> parseLabels(const std::string &text) {
  std::vector<std::string> known;
  for (const auto &[labels, name] : names) {
    if (text == name)
      return labels;
    known.emplace_back(name);
  }
  return Status::invalidArgument("expected auto, present or absent, got `" + text + "`" + didYouMean(text, known));
}

const char *labelsName(Labels labels) {
  for (const auto &[known, name] : names)
    if (labels == known)
      return name;
  return "read";
}

StatusOr<LineForms> LineForms::compile(const package::DataSource &source, const std::vector<package::Input> &inputs,
                                       Labels labels) {
  HETER_ASSIGN_OR_RETURN(RowProgram usual,
                         RowProgram::compile(source, inputs, labels == Labels::Auto ? Labels::Present : labels));
  LineForms forms(std::move(usual));
  if (labels != Labels::Read)
    forms.labelNames_ = namedLabels(source, inputs);
  if (labels != Labels::Auto)
    return StatusOr<LineForms>(std::move(forms));
  std::vector<int64_t> own = labelColumns(source, inputs);
  std::set<int64_t> features = columnsOf(source, inputs, false);
  // Labels behind all features: whether they are there makes no difference.
  if (own.empty() || features.empty() || *features.rbegin() < own.front())
    return StatusOr<LineForms>(std::move(forms));
  HETER_ASSIGN_OR_RETURN(forms.unlabelled_, RowProgram::compile(source, inputs, Labels::Absent));
  forms.columns_ = static_cast<size_t>(std::max(*features.rbegin(), own.back())) + 1;
  forms.remaining_ = forms.columns_ - own.size();
  return StatusOr<LineForms>(std::move(forms));
}

bool LineForms::readHeader(std::string_view line, RowError &error) {
  if (usual_.readHeader(line, error) && (!unlabelled_ || unlabelled_->readHeader(line, error)))
    return true;
  for (const std::string &name : labelNames_)
    if (error.message.ends_with("no column `" + name + "`"))
      error.message +=
          "; the model counts other columns with this label, so it must be there, with empty fields if need be";
  return false;
}

Status LineForms::choose(size_t columns) {
  if (columns < columns_ && columns != remaining_)
    return Status::invalidArgument("expected at least " + std::to_string(columns_) + " columns, or " +
                                   std::to_string(remaining_) + " without the label, got " + std::to_string(columns) +
                                   "; --labels present or absent says what the lines have");
  absent_ = columns < columns_;
  return {};
}

Status LineForms::check(size_t columns) const {
  if (!absent_ || columns == remaining_)
    return {};
  return Status::invalidArgument("expected " + std::to_string(remaining_) +
                                 " columns, as in the first line read of this file, which lacks the label, got " +
                                 std::to_string(columns));
}

} // namespace heter::runtime
