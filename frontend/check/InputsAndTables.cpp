// A model's options, its inputs and its tables.
#include "frontend/check/Checker.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>
#include <utility>

namespace heter::frontend {

void Checker::checkModelOptions(const ast::File &file) {
  checkOptionNames(file.options, {"seed"}, "a model");
  for (const ast::Option &option : file.options)
    if (option.name.text == "seed")
      if (auto seed = wantInteger(evaluate(*option.value), option.value->range, "`seed`", 0, int64_t(1) << 53))
        model_.seed = *seed;
}

std::optional<Element> Checker::elementOf(const ast::Name &name) {
  static const std::pair<std::string_view, Element> elements[] = {{"f32", Element::F32},
                                                                  {"i64", Element::I64},
                                                                  {"bool", Element::Bool},
                                                                  {"id", Element::Id},
                                                                  {"label", Element::F32}};
  for (const auto &[text, element] : elements)
    if (name.text == text)
      return element;
  error(name.range, "no type is called `" + name.text + "`")
      .help(didYouMean(name.text, {"f32", "i64", "bool", "id", "label"}));
  return std::nullopt;
}

/// The length that a `*` of an input's type stands for: its own, or the one of that name.
int Checker::lengthOf(const ast::Size &size, const ast::Input &input) {
  for (size_t i = 0; i < model_.lengths.size(); ++i)
    if (!size.length.empty() && model_.lengths[i].name == size.length)
      return static_cast<int>(i);
  std::string symbol = size.length.empty() ? input.name.text : size.length;
  auto taken = [&] {
    for (const Length &length : model_.lengths)
      if (length.symbol == symbol)
        return true;
    return false;
  };
  while (taken())
    symbol += "_";
  model_.lengths.push_back({size.length, symbol, input.name.range});
  return static_cast<int>(model_.lengths.size() - 1);
}

void Checker::checkInputs(Unit &unit) {
  for (const ast::Input &input : unit.file.inputs)
    checkInput(input);
}

void Checker::checkInput(const ast::Input &input) {
  Binding &binding = frame_->scope[input.name.text];
  binding.range = input.name.range;
  std::optional<Element> element = elementOf(input.type.name);
  if (!element)
    return;
  Type type;
  type.element = *element;
  bool label = input.type.name.text == "label", ragged = false;
  for (const ast::Size &size : input.type.sizes) {
    if (size.ragged) {
      if (ragged || label) {
        error(size.range, label ? "a label has no `*`" : "a type has at most one `*`");
        return;
      }
      ragged = true;
      type.shape.push_back(Dim::ragged(lengthOf(size, input)));
      continue;
    }
    if (size.value->kind == ast::ExprKind::Name && size.value->text == "batch") {
      error(size.range, "an input has no batch axis: a type describes one example").help("across(x) sees the batch");
      return;
    }
    auto extent = wantInteger(evaluate(*size.value), size.range, "a size", 1, maxCount);
    if (!extent)
      return;
    type.shape.push_back(Dim::fixed(*extent));
  }
  if (!checkCount(type.shape, input.type.range))
    return;
  Input result{input.name.text, type, label, newValue(type, input.name.range), input.name.range};
  model_.values[result.value].name = result.name;
  binding.value.kind = Value::Kind::Tensor;
  binding.value.type = type;
  binding.value.id = result.value;
  if (label)
    binding.value.label = static_cast<int>(model_.inputs.size());
  model_.inputs.push_back(std::move(result));
}

//===-- Tables ----------------------------------------------------------------------------------------------------===//

static const std::vector<std::string> partOptions = {"dim", "init", "optimizer", "admit"};
static const std::vector<std::string> storeOptions = {"score", "evict", "period", "memory", "beyond"};

void Checker::checkTables(Unit &unit) {
  for (const ast::Table &table : unit.file.tables)
    checkTable(table);
}

void Checker::checkTable(const ast::Table &table) {
  Table result;
  result.name = table.name.text;
  result.range = table.name.range;
  checkSymbol(result.name, result.range);
  std::vector<std::string> known = storeOptions;
  known.insert(known.begin(), partOptions.begin(), partOptions.end());
  checkOptionNames(table.options, known, "a table");
  if (table.parts.empty()) {
    if (auto part = checkPart("table `" + table.name.text + "`", {"", table.name.range}, table.options))
      result.parts.push_back(*part);
  } else {
    for (const ast::Option &option : table.options)
      if (std::find(partOptions.begin(), partOptions.end(), option.name.text) != partOptions.end())
        error(option.name.range, "`" + option.name.text + "` belongs to the parts of `" + table.name.text + "`")
            .help("part " + table.parts.front().name.text + " { " + option.name.text + ": ... }");
  }
  std::map<std::string, SourceRange> names;
  for (const ast::Part &part : table.parts) {
    if (auto [at, isNew] = names.try_emplace(part.name.text, part.name.range); !isNew)
      error(part.name.range, "`" + part.name.text + "` is declared twice").note(at->second, "first here");
    checkOptionNames(part.options, partOptions, "a part");
    if (auto checked = checkPart("part `" + part.name.text + "`", part.name, part.options))
      result.parts.push_back(*checked);
  }
  checkRowRules(table, result);
  model_.tables.push_back(std::move(result));
}

std::optional<TablePart> Checker::checkPart(const std::string &what, const ast::Name &name,
                                            const std::vector<ast::Option> &options) {
  TablePart part;
  part.name = name.text;
  part.range = name.range;
  part.init = {"uniform", 0.01};
  bool ok = true, hasDim = false;
  for (const ast::Option &option : options) {
    const std::string &word = option.name.text;
    if (word == "dim") {
      hasDim = true;
      auto dim = wantInteger(evaluate(*option.value), option.value->range, "`dim`", 1, 65536);
      ok &= dim.has_value();
      part.dim = dim.value_or(1);
    } else if (word == "init") {
      auto init = readInitializer(*option.value);
      ok &= init.has_value();
      part.init = init.value_or(part.init);
    } else if (word == "optimizer") {
      auto optimizer = readOptimizer(*option.value);
      ok &= optimizer.has_value();
      part.optimizer = optimizer.value_or(Optimizer());
    } else if (word == "admit") {
      part.admit = readAdmission(option);
    }
  }
  // A misspelt option is the likelier mistake than a forgotten one: it has been reported already.
  bool misspelt = options.size() > 0 && diagnostics_.hasErrors();
  if (!hasDim && !misspelt)
    error(name.range, what + " has no `dim`").help("dim: 9");
  if (!hasDim || !ok)
    return std::nullopt;
  return part;
}

} // namespace heter::frontend
