// RowCompiler's functions of texts: the hashes and what is made to be hashed.
#include "runtime/data/RowCompiler.h"

#include "runtime/base/Hash.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace heter::runtime {

using package::DataExpression;

//===-- Ids -------------------------------------------------------------------------------------------------------===//

/// texts: nothing, a space, or the kind of hash ("" is XXH64) and a space. numbers: nothing, or how many buckets.
StatusOr<RowCompiler::HashOptions> RowCompiler::hashOptions(const DataExpression &expression) const {
  HashOptions options;
  std::string kind;
  if (expression.texts.size() == 1)
    options.space = expression.texts[0];
  if (expression.texts.size() >= 2) {
    kind = expression.texts[0];
    options.space = expression.texts[1];
  }
  if (!kind.empty() && kind != "python2")
    return unsupportedAt(expression, "`hash` of the kind `" + kind + "`");
  options.python2 = kind == "python2";
  if (!expression.numbers.empty()) {
    constexpr double most = 0x1p53;
    double number = expression.numbers[0];
    if (!(number >= 1) || number > most || number != std::floor(number))
      return invalidAt(expression, "`buckets` is a whole number from 1 to 2^53");
    options.buckets = static_cast<uint64_t>(number);
  }
  return options;
}

StatusOr<RowProgram::Element> RowCompiler::hashElement(const Item &item, const HashOptions &options,
                                                       const DataExpression &expression) const {
  RowProgram::Element element{RowProgram::From::Hash, item.index, item.isList};
  element.buckets = options.buckets;
  if (!options.python2) {
    element.seed = hashBytes(options.space.empty() ? item.salt : options.space, 0);
    return element;
  }
  if (options.space.empty() && item.column < 0)
    return invalidAt(expression, "`hash` with `kind: python2` salts with the column's number, and `" + item.salt +
                                     "` has none; give it a `space`");
  std::string salt = options.space.empty() ? std::to_string(item.column) : options.space;
  element.from = RowProgram::From::Python2Hash;
  element.saltLength = salt.size();
  element.seed = static_cast<uint64_t>(static_cast<unsigned char>(salt[0])) << 7;
  for (char c : salt)
    element.seed = 1000003 * element.seed ^ static_cast<unsigned char>(c);
  return element;
}

StatusOr<RowCompiler::Operand> RowCompiler::compileHash(const DataExpression &expression) {
  HETER_ASSIGN_OR_RETURN(HashOptions options, hashOptions(expression));
  Operand result{Kind::Ids, {}};
  for (const DataExpression &argument : expression.arguments) {
    HETER_ASSIGN_OR_RETURN(Operand operand, compile(argument));
    if (operand.kind != Kind::Text)
      return invalidAt(argument, "`hash` wants columns, `bucket` or `cross`");
    for (Item &item : operand.items) {
      HETER_ASSIGN_OR_RETURN(item.element, hashElement(item, options, expression));
      result.items.push_back(std::move(item));
    }
  }
  return result;
}

StatusOr<RowCompiler::Operand> RowCompiler::compileId(const DataExpression &expression) {
  Operand result{Kind::Ids, {}};
  for (const DataExpression &argument : expression.arguments) {
    HETER_ASSIGN_OR_RETURN(Operand operand, compile(argument));
    bool isPlain = operand.kind == Kind::Text && std::none_of(operand.items.begin(), operand.items.end(),
                                                              [](const Item &item) { return item.joined; });
    if (!isPlain)
      return invalidAt(argument, "`id` wants columns that hold whole numbers");
    for (Item &item : operand.items) {
      item.element = {RowProgram::From::Integer, item.index, item.isList};
      result.items.push_back(std::move(item));
    }
  }
  return result;
}

//===-- Texts -----------------------------------------------------------------------------------------------------===//

/// The argument of a function that wants one text a line.
StatusOr<RowCompiler::Item> RowCompiler::oneText(const DataExpression &parent, size_t argument) {
  if (parent.arguments.size() <= argument)
    return invalidAt(parent, "`" + parent.op + "` wants more arguments, got " + std::to_string(argument));
  HETER_ASSIGN_OR_RETURN(Operand operand, compile(parent.arguments[argument]));
  if (operand.kind != Kind::Text || operand.items.size() != 1 || operand.items[0].isList)
    return invalidAt(parent.arguments[argument], "`" + parent.op + "` wants one column");
  return std::move(operand.items[0]);
}

StatusOr<int32_t> RowCompiler::textConstant(const DataExpression &expression) {
  if (expression.texts.size() != 1 || expression.texts[0].empty())
    return invalidAt(expression, "`" + expression.op + "` wants a text that is not empty");
  program_.texts_.push_back(expression.texts[0]);
  return static_cast<int32_t>(program_.texts_.size() - 1);
}

StatusOr<RowCompiler::Operand> RowCompiler::compileSpread(const DataExpression &expression) {
  constexpr double most = 1 << 20;
  if (expression.arguments.size() != 1 || expression.numbers.size() != 1 || !(expression.numbers[0] >= 1) ||
      expression.numbers[0] > most)
    return invalidAt(expression, "`spread` wants one list and a number of values");
  HETER_ASSIGN_OR_RETURN(Operand operand, compile(expression.arguments[0]));
  if (operand.kind != Kind::Text || operand.items.size() != 1 || !operand.items[0].isList)
    return invalidAt(expression, "`spread` wants one list of varying length");
  const Item &list = operand.items[0];
  auto count = static_cast<int32_t>(expression.numbers[0]);
  int32_t first = emitSpread(list.index, count, false);
  Operand result{Kind::Text, {}};
  for (int32_t i = 0; i < count; ++i) {
    Item item;
    item.index = first + i;
    item.column = list.column;
    item.salt = list.salt;
    result.items.push_back(std::move(item));
  }
  return result;
}

StatusOr<RowCompiler::Operand> RowCompiler::compileSplit(const DataExpression &expression) {
  HETER_ASSIGN_OR_RETURN(Item whole, oneText(expression, 0));
  HETER_ASSIGN_OR_RETURN(int32_t separator, textConstant(expression));
  Item item;
  item.index = addList(program_.fieldNames_[static_cast<size_t>(whole.index)]);
  item.isList = true;
  item.column = whole.column;
  item.salt = whole.salt;
  program_.code_.push_back({RowProgram::Op::Split, item.index, whole.index, separator});
  return Operand{Kind::Text, {std::move(item)}};
}

StatusOr<RowCompiler::Operand> RowCompiler::compileStartsWith(const DataExpression &expression) {
  HETER_ASSIGN_OR_RETURN(Item text, oneText(expression, 0));
  HETER_ASSIGN_OR_RETURN(int32_t prefix, textConstant(expression));
  Item item;
  item.index = emit(RowProgram::Op::StartsWith, text.index, prefix);
  item.salt = "starts_with(" + text.salt + ")";
  return Operand{Kind::Numbers, {std::move(item)}};
}

StatusOr<RowCompiler::Operand> RowCompiler::compileBucket(const DataExpression &expression) {
  const std::vector<double> &bounds = expression.numbers;
  if (expression.arguments.size() != 1 || bounds.empty() ||
      std::adjacent_find(bounds.begin(), bounds.end(), std::not_fn(std::less<>())) != bounds.end())
    return invalidAt(expression, "`bucket` wants one column and bounds that increase");
  HETER_ASSIGN_OR_RETURN(Operand operand, compile(expression.arguments[0]));
  HETER_RETURN_IF_ERROR(toNumbers(operand, expression.arguments[0]));
  if (operand.items.size() != 1)
    return invalidAt(expression, "`bucket` wants one column");
  for (size_t i = program_.bucketNames_.size(); i <= bounds.size(); ++i)
    program_.bucketNames_.push_back(std::to_string(i));
  program_.bounds_.push_back(bounds);
  Item item;
  item.salt = "bucket(" + operand.items[0].salt + ")";
  item.index = addField(item.salt);
  program_.code_.push_back(
      {RowProgram::Op::Bucket, item.index, operand.items[0].index, static_cast<int32_t>(program_.bounds_.size() - 1)});
  return Operand{Kind::Text, {std::move(item)}};
}

StatusOr<RowCompiler::Operand> RowCompiler::compileCross(const DataExpression &expression) {
  if (expression.arguments.size() < 2)
    return invalidAt(expression, "`cross` wants two columns or more");
  RowProgram::Cross cross;
  Item item;
  item.joined = true;
  for (size_t i = 0; i < expression.arguments.size(); ++i) {
    HETER_ASSIGN_OR_RETURN(Item part, oneText(expression, i));
    cross.fields.push_back(part.index);
    item.salt += (i == 0 ? "cross(" : ",") + part.salt;
  }
  item.salt += ")";
  item.index = addField(item.salt);
  program_.crosses_.push_back(std::move(cross));
  program_.code_.push_back({RowProgram::Op::Cross, item.index, 0, static_cast<int32_t>(program_.crosses_.size() - 1)});
  return Operand{Kind::Text, {std::move(item)}};
}

} // namespace heter::runtime
