// Data blocks: formats with their options, and what binds the inputs.
#include "frontend/check/DataChecker.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>

namespace heter::frontend {

using ast::ExprKind;

std::string countText(int64_t count, const std::string &what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

void Checker::checkData(const ast::Data &data) { DataChecker(*this, data).run(); }

DataSource defaultData(const Model &model) {
  DataSource source;
  source.name = source.format = "slot";
  source.range = model.range;
  for (const Input &input : model.inputs) {
    DataExpression value;
    value.op = "key";
    value.numbers = {-1};
    value.texts = {input.name};
    value.range = input.range;
    auto wrap = [&](const std::string &op, std::vector<double> numbers) {
      DataExpression outer;
      outer.op = op;
      outer.numbers = std::move(numbers);
      outer.range = input.range;
      outer.arguments.push_back(std::move(value));
      value = std::move(outer);
    };
    if (auto count = input.type.count())
      wrap("spread", {static_cast<double>(*count)});
    if (input.type.element == Element::Id)
      wrap("id", {});
    source.bindings.push_back({input.name, std::move(value)});
  }
  return source;
}

void DataChecker::run() {
  static const std::vector<std::string> formats = {"tsv", "csv", "slot", "libsvm", "libfm"};
  source_.name = data_.name.text;
  source_.format = data_.format.text;
  source_.range = data_.name.range;
  if (std::find(formats.begin(), formats.end(), source_.format) == formats.end()) {
    std::string mend = didYouMean(source_.format, formats);
    c_.error(data_.format.range, "no data format is called `" + source_.format + "`")
        .help(mend.empty() ? "one of: tsv csv slot libsvm libfm" : mend);
  }
  readOptions();
  for (const ast::DataBind &bind : data_.binds)
    this->bind(bind);
  for (const Input &input : c_.model_.inputs) {
    auto at = std::find_if(source_.bindings.begin(), source_.bindings.end(),
                           [&](const DataBinding &binding) { return binding.input == input.name; });
    if (at == source_.bindings.end() && !bound_.count(input.name))
      c_.error(data_.name.range, "data `" + source_.name + "` does not bind input `" + input.name + "`")
          .help(input.name + (input.type.element == Element::Id ? " = hash(col[...])" : " = col[...]"));
  }
  auto order = [&](const DataBinding &binding) {
    for (size_t i = 0; i < c_.model_.inputs.size(); ++i)
      if (c_.model_.inputs[i].name == binding.input)
        return i;
    return c_.model_.inputs.size();
  };
  std::stable_sort(source_.bindings.begin(), source_.bindings.end(),
                   [&](const DataBinding &a, const DataBinding &b) { return order(a) < order(b); });
  c_.model_.data.push_back(std::move(source_));
}

void DataChecker::readOptions() {
  if (!data_.arguments.empty())
    c_.error(data_.arguments.front()->range, "a format takes options only").help(source_.format + "(columns: [...])");
  std::vector<std::string> known;
  if (source_.format == "tsv" || source_.format == "csv")
    known = {"columns", "header", "trim", "missing"};
  if (source_.format == "csv")
    known.push_back("separator");
  c_.checkOptionNames(data_.options, known, "`" + source_.format + "`");
  for (const ast::Option &option : data_.options) {
    const ast::Expr &value = *option.value;
    const std::string &word = option.name.text;
    if (word == "columns") {
      readColumns(value);
    } else if (word == "header" || word == "trim") {
      if (value.kind != ExprKind::Flag)
        c_.error(value.range, "`" + word + "` wants true or false");
      header_ |= word == "header" && value.text == "true";
      source_.options[word] = value.text == "true";
    } else if (word == "missing") {
      if (value.kind != ExprKind::Text)
        c_.error(value.range, "`missing` wants a text").help("missing: \"?\"");
      source_.options[word] = value.text;
    } else if (word == "separator") {
      readSeparator(value);
    }
  }
}

void DataChecker::readColumns(const ast::Expr &value) {
  if (value.kind != ExprKind::List)
    c_.error(value.range, "`columns` wants a list of names").help("columns: [age, work]");
  for (const ast::ExprPtr &item : value.items) {
    if (item->kind != ExprKind::Name && item->kind != ExprKind::Text)
      c_.error(item->range, "a column is a name");
    else if (std::find(columnNames_.begin(), columnNames_.end(), item->text) != columnNames_.end())
      c_.error(item->range, "column `" + item->text + "` stands twice");
    columnNames_.push_back(item->text);
  }
  source_.options["columns"] = columnNames_;
}

void DataChecker::readSeparator(const ast::Expr &value) {
  static const std::string_view never = "\"\r\n";
  if (value.kind != ExprKind::Text || value.text.size() != 1 || never.find(value.text[0]) != std::string_view::npos)
    c_.error(value.range, "`separator` wants one character that is no quote").help("separator: \";\"");
  source_.options["separator"] = value.text;
}

//===-- Bindings --------------------------------------------------------------------------------------------------===//

void DataChecker::bind(const ast::DataBind &bind) {
  const ast::Name &name = bind.names.front();
  if (bind.names.size() > 1) {
    c_.error(bind.names[1].range, "a binding in a data block has one name");
    return;
  }
  if (auto [at, isNew] = bound_.try_emplace(name.text, name.range); !isNew) {
    c_.error(name.range, "`" + name.text + "` is bound twice").note(at->second, "first here");
    return;
  }
  DataValue value = evaluate(*bind.value);
  for (const Input &input : c_.model_.inputs)
    if (input.name == name.text && !value.isPoison())
      return bindInput(input, bind, std::move(value));
  helpers_[name.text] = std::move(value);
}

void DataChecker::bindInput(const Input &input, const ast::DataBind &bind, DataValue value) {
  SourceRange range = bind.value->range;
  std::string type = input.label && input.type.rank() == 0 ? "a label" : c_.show(input.type);
  bool wantsId = input.type.element == Element::Id, isId = value.kind == DataValue::Kind::Id;
  if (wantsId != isId) {
    c_.error(range, "`" + input.name + "` is " + type + ", but a line gives " +
                        (isId                                    ? "ids"
                         : value.kind == DataValue::Kind::Number ? "numbers"
                                                                 : "columns as they stand"))
        .help(wantsId ? "hash(...), or id(...) if the columns hold ids already" : "");
    return;
  }
  if (!isId && value.joined) {
    c_.error(range, "`" + input.name + "` is " + type + ", but a line gives texts: a `cross` is no number")
        .help("hash(...) makes ids of it");
    return;
  }
  auto count = input.type.count();
  if (count && value.count < 0 && !fix(value, *count, range))
    return;
  if (count && value.count != *count) {
    c_.error(range, "`" + input.name + "` is " + type + ", but a line gives " + countText(value.count, "value"));
    return;
  }
  source_.bindings.push_back({input.name, std::move(value.expression)});
}

} // namespace heter::frontend
