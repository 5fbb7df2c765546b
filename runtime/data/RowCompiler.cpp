// RowProgram::compile: columns and keys, lists, arithmetic, and what becomes of the values.
#include "runtime/data/RowCompiler.h"

#include "runtime/data/Labels.h"
#include "runtime/data/Numbers.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace heter::runtime {

using package::DataExpression;

namespace {

/// The most fields, lists or registers that a binding may need.
constexpr size_t maxParts = size_t{1} << 22;

int64_t elementsPerExample(const package::Input &input) {
  int64_t count = 1;
  for (int64_t extent : input.type.shape)
    count *= extent;
  return count;
}

} // namespace

Status invalidAt(const DataExpression &expression, std::string message) {
  if (!expression.location.empty())
    message = expression.location + ": " + message;
  return Status::invalidArgument(std::move(message));
}

Status unsupportedAt(const DataExpression &expression, std::string message) {
  if (!expression.location.empty())
    message = expression.location + ": " + message;
  return Status::unimplemented(message + " is not supported yet");
}

//===-- Parts of the program --------------------------------------------------------------------------------------===//

int32_t RowCompiler::emit(RowProgram::Op op, int32_t a, int32_t b) {
  auto target = static_cast<int32_t>(program_.registers_.size());
  program_.registers_.emplace_back();
  program_.code_.push_back({op, target, a, b});
  return target;
}

int32_t RowCompiler::addField(std::string name) {
  program_.parts_.fields.emplace_back();
  program_.fieldNames_.push_back(std::move(name));
  return static_cast<int32_t>(program_.fieldNames_.size() - 1);
}

int32_t RowCompiler::addList(std::string name) {
  program_.parts_.lists.emplace_back();
  program_.listNames_.push_back(std::move(name));
  return static_cast<int32_t>(program_.listNames_.size() - 1);
}

int32_t RowCompiler::columnField(const PartName &name) {
  auto [found, isNew] = parts_.try_emplace({name.number, name.name}, -1);
  if (isNew) {
    found->second = addField(name.name.empty() ? "col[" + std::to_string(name.number) + "]" : "column " + name.name);
    PartName inLine = name;
    inLine.number -= std::lower_bound(leftOut_.begin(), leftOut_.end(), name.number) - leftOut_.begin();
    wanted_.push_back({inLine, found->second});
  }
  return found->second;
}

int32_t RowCompiler::keyList(const PartName &name) {
  std::string key = name.number >= 0 ? std::to_string(name.number) : name.name;
  auto [found, isNew] = parts_.try_emplace({-1, key}, -1);
  if (isNew) {
    bool isIndex = format_ != "slot" && name.number >= 0;
    found->second = addList(format_ == "slot" ? "key " + key : isIndex ? "index " + key : key);
    wanted_.push_back({{-1, key}, found->second});
  }
  return found->second;
}

/// New fields for the values of a list; the first of them.
int32_t RowCompiler::emitSpread(int32_t list, int32_t count, bool optional) {
  auto first = static_cast<int32_t>(program_.fieldNames_.size());
  for (int32_t i = 0; i < count; ++i)
    addField(program_.listNames_[static_cast<size_t>(list)]);
  program_.spreads_.push_back({count, optional});
  program_.code_.push_back({RowProgram::Op::Spread, first, list, static_cast<int32_t>(program_.spreads_.size() - 1)});
  return first;
}

//===-- Expressions -----------------------------------------------------------------------------------------------===//

StatusOr<RowCompiler::Operand> RowCompiler::compile(const DataExpression &expression) {
  using Op = RowProgram::Op;
  using Compile = StatusOr<Operand> (RowCompiler::*)(const DataExpression &);
  static const std::map<std::string, std::pair<Op, size_t>, std::less<>> arithmetic = {
      {"max", {Op::Max, 2}}, {"min", {Op::Min, 2}}, {"add", {Op::Add, 2}},
      {"sub", {Op::Sub, 2}}, {"mul", {Op::Mul, 2}}, {"div", {Op::Div, 2}},
      {"neg", {Op::Neg, 1}}, {"log", {Op::Log, 1}}, {"log1p", {Op::Log1p, 1}}};
  static const std::map<std::string, Compile, std::less<>> others = {{"column", &RowCompiler::compileColumns},
                                                                     {"key", &RowCompiler::compileKey},
                                                                     {"number", &RowCompiler::compileNumbers},
                                                                     {"list", &RowCompiler::compileList},
                                                                     {"hash", &RowCompiler::compileHash},
                                                                     {"id", &RowCompiler::compileId},
                                                                     {"spread", &RowCompiler::compileSpread},
                                                                     {"split", &RowCompiler::compileSplit},
                                                                     {"starts_with", &RowCompiler::compileStartsWith},
                                                                     {"bucket", &RowCompiler::compileBucket},
                                                                     {"cross", &RowCompiler::compileCross},
                                                                     {"within", &RowCompiler::compileWithin}};
  if (program_.fieldNames_.size() > maxParts || program_.registers_.size() > maxParts)
    return invalidAt(expression, "the data block is too large: its expressions name too many columns");
  if (auto found = arithmetic.find(expression.op); found != arithmetic.end())
    return compileArithmetic(expression, found->second.first, found->second.second);
  if (auto found = others.find(expression.op); found != others.end())
    return (this->*found->second)(expression);
  return unsupportedAt(expression, "`" + expression.op + "` in a data binding");
}

/// Column or key number i of a `column` or `key`: its number, or its name if the number is -1.
StatusOr<PartName> RowCompiler::partName(const DataExpression &expression, size_t i) const {
  double number = expression.numbers[i];
  std::string text = i < expression.texts.size() ? expression.texts[i] : std::string();
  constexpr double most = 0x1p53;
  if (number == -1 && !text.empty())
    return PartName{-1, text};
  if (!(number >= 0) || number > most || number != std::floor(number))
    return invalidAt(expression, "a column is a whole number from 0, or has a name");
  PartName name{static_cast<int64_t>(number), text};
  if (text == "col[" + std::to_string(name.number) + "]")
    name.name.clear();
  return name;
}

StatusOr<RowCompiler::Operand> RowCompiler::compileColumns(const DataExpression &expression) {
  Operand result{Kind::Text, {}};
  for (size_t i = 0; i < expression.numbers.size(); ++i) {
    HETER_ASSIGN_OR_RETURN(PartName name, partName(expression, i));
    Item item;
    item.column = name.number;
    item.salt = name.name.empty() ? "col[" + std::to_string(name.number) + "]" : name.name;
    if (keyed_) {
      int32_t list = keyList(name);
      auto [found, isNew] = single_.try_emplace(list, -1);
      // An index that a line of libsvm form leaves out is missing; a slot line has every key that is asked for.
      if (isNew)
        found->second = emitSpread(list, 1, format_ != "slot" && name.number >= 0);
      item.index = found->second;
    } else {
      item.index = columnField(name);
    }
    result.items.push_back(std::move(item));
  }
  if (result.items.empty())
    return invalidAt(expression, "`column` names no column");
  return result;
}

StatusOr<RowCompiler::Operand> RowCompiler::compileKey(const DataExpression &expression) {
  if (!keyed_ || expression.numbers.size() != 1)
    return invalidAt(expression, "`key` wants one key of a slot, libsvm or libfm line");
  HETER_ASSIGN_OR_RETURN(PartName name, partName(expression, 0));
  Item item;
  item.index = keyList(name);
  item.isList = true;
  item.column = name.number;
  item.salt = name.name.empty() ? "col[" + std::to_string(name.number) + "]" : name.name;
  return Operand{Kind::Text, {std::move(item)}};
}

StatusOr<RowCompiler::Operand> RowCompiler::compileNumbers(const DataExpression &expression) {
  Operand result;
  for (double number : expression.numbers) {
    Item item;
    item.index = static_cast<int32_t>(program_.registers_.size());
    item.salt = shortest(number);
    program_.registers_.push_back({number, false});
    result.items.push_back(std::move(item));
  }
  return result;
}

StatusOr<RowCompiler::Operand> RowCompiler::compileList(const DataExpression &expression) {
  Operand result;
  std::vector<Operand> parts;
  std::set<Kind> kinds;
  for (const DataExpression &argument : expression.arguments) {
    HETER_ASSIGN_OR_RETURN(Operand part, compile(argument));
    kinds.insert(part.kind);
    parts.push_back(std::move(part));
  }
  if (kinds.size() > 1 && kinds.count(Kind::Ids))
    return invalidAt(expression, "a list cannot mix ids with texts or numbers");
  result.kind = kinds.size() == 1 ? *kinds.begin() : Kind::Numbers;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (result.kind == Kind::Numbers)
      HETER_RETURN_IF_ERROR(toNumbers(parts[i], expression.arguments[i]));
    result.items.insert(result.items.end(), parts[i].items.begin(), parts[i].items.end());
  }
  return result;
}

StatusOr<RowCompiler::Operand> RowCompiler::compileArithmetic(const DataExpression &expression, RowProgram::Op op,
                                                              size_t arity) {
  if (expression.arguments.size() != arity)
    return invalidAt(expression, "`" + expression.op + "` wants " + std::to_string(arity) + " arguments, got " +
                                     std::to_string(expression.arguments.size()));
  std::vector<Operand> operands;
  size_t width = 1;
  for (const DataExpression &argument : expression.arguments) {
    HETER_ASSIGN_OR_RETURN(Operand operand, compile(argument));
    HETER_RETURN_IF_ERROR(toNumbers(operand, argument));
    if (operand.items.size() != 1) {
      if (width != 1 && width != operand.items.size())
        return invalidAt(expression, "`" + expression.op + "` cannot pair " + std::to_string(width) + " values with " +
                                         std::to_string(operand.items.size()));
      width = operand.items.size();
    }
    operands.push_back(std::move(operand));
  }
  auto at = [](const Operand &operand, size_t i) -> const Item & {
    return operand.items[operand.items.size() == 1 ? 0 : i];
  };
  Operand result;
  for (size_t i = 0; i < width; ++i) {
    const Item &a = at(operands[0], i);
    Item item;
    item.index = emit(op, a.index, arity > 1 ? at(operands[1], i).index : 0);
    item.salt = expression.op + "(" + a.salt + (arity > 1 ? "," + at(operands[1], i).salt : "") + ")";
    result.items.push_back(std::move(item));
  }
  return result;
}

/// numbers: the least and the most; texts: the input, and the loss that takes no others.
StatusOr<RowCompiler::Operand> RowCompiler::compileWithin(const DataExpression &expression) {
  if (expression.arguments.size() != 1 || expression.numbers.size() != 2 || expression.texts.size() != 2)
    return invalidAt(expression, "`within` wants one argument, two numbers and two texts");
  HETER_ASSIGN_OR_RETURN(Operand operand, compile(expression.arguments[0]));
  HETER_RETURN_IF_ERROR(toNumbers(operand, expression.arguments[0]));
  program_.ranges_.push_back({expression.numbers[0], expression.numbers[1], expression.texts[0], expression.texts[1]});
  for (Item &item : operand.items)
    item.index = emit(RowProgram::Op::Within, item.index, static_cast<int32_t>(program_.ranges_.size() - 1));
  return operand;
}

Status RowCompiler::toNumbers(Operand &operand, const DataExpression &expression) {
  if (operand.kind == Kind::Ids)
    return invalidAt(expression, "ids cannot be used as numbers");
  if (operand.kind == Kind::Numbers)
    return {};
  for (Item &item : operand.items) {
    if (item.isList)
      return unsupportedAt(expression, "arithmetic on lists of varying length");
    if (item.joined)
      return invalidAt(expression, "a `cross` is a text, no number");
    auto [found, inserted] = parsed_.try_emplace(item.index, -1);
    if (inserted)
      found->second = emit(RowProgram::Op::Parse, item.index);
    item.index = found->second;
  }
  operand.kind = Kind::Numbers;
  return {};
}

//===-- Inputs ----------------------------------------------------------------------------------------------------===//

Status RowCompiler::store(const package::Input &input, const Operand &operand, const DataExpression &expression,
                          RowProgram::InputPlan &plan) {
  using From = RowProgram::From;
  bool varies = false;
  for (const Item &item : operand.items) {
    if (operand.kind == Kind::Text && item.joined)
      return invalidAt(expression, "a `cross` is a text, no number");
    if (operand.kind == Kind::Ids)
      plan.elements.push_back(item.element);
    else
      plan.elements.push_back({operand.kind == Kind::Text ? From::Integer : From::Register, item.index, item.isList});
    varies |= plan.elements.back().isList;
  }
  int64_t expected = elementsPerExample(input);
  if (input.kind == package::ValueKind::TENSOR && (varies || expected != static_cast<int64_t>(plan.elements.size())))
    return invalidAt(expression, "`" + input.name + "` has " + std::to_string(expected) +
                                     " values an example, but a line gives " +
                                     (varies ? "a list of varying length" : std::to_string(plan.elements.size())));
  if (input.kind == package::ValueKind::RAGGED && expected != 1)
    return unsupportedAt(expression, "a list of lists, `" + input.name + "`,");
  return {};
}

Status RowCompiler::compileInput(const package::Input &input, const DataExpression &expression) {
  if (input.type.element == package::ElementType::BOOL || input.kind == package::ValueKind::ROWS)
    return unsupportedAt(expression, "an input of this type, `" + input.name + "`,");
  HETER_ASSIGN_OR_RETURN(Operand operand, compile(expression));
  if (input.type.element == package::ElementType::F32)
    HETER_RETURN_IF_ERROR(toNumbers(operand, expression));
  RowProgram::InputPlan plan{input.name, input.kind, input.type.element, {}};
  HETER_RETURN_IF_ERROR(store(input, operand, expression, plan));
  plan.fixedTexts = input.kind == package::ValueKind::TENSOR && operand.kind != Kind::Numbers;
  program_.inputs_.push_back(std::move(plan));
  return {};
}

Status RowCompiler::requireNames(const DataExpression &expression) {
  for (const DataExpression &argument : expression.arguments)
    HETER_RETURN_IF_ERROR(requireNames(argument));
  if (expression.op != "column")
    return {};
  for (size_t i = 0; i < expression.numbers.size(); ++i) {
    HETER_ASSIGN_OR_RETURN(PartName name, partName(expression, i));
    if (name.number < 0)
      columnField(name);
  }
  return {};
}

StatusOr<RowProgram> RowProgram::compile(const package::DataSource &source, const std::vector<package::Input> &inputs,
                                         Labels labels) {
  RowProgram program;
  RowCompiler compiler(program, source,
                       labels == Labels::Absent ? labelColumns(source, inputs) : std::vector<int64_t>());
  std::map<std::string, int32_t> lengths;
  for (const package::Input &input : inputs) {
    auto binding = std::find_if(source.bindings.begin(), source.bindings.end(),
                                [&](const package::Binding &b) { return b.input == input.name; });
    if (binding == source.bindings.end())
      return Status::invalidArgument("data `" + source.name + "` does not bind input `" + input.name + "`");
    if (input.label && labels != Labels::Read) {
      program.inputs_.push_back({input.name, input.kind, input.type.element, {}});
      // The model's numbers of other columns count a label that the header names, so it must be there.
      if (numbersFeatures(source, inputs))
        HETER_RETURN_IF_ERROR(compiler.requireNames(binding->expression));
      continue;
    }
    HETER_RETURN_IF_ERROR(compiler.compileInput(input, binding->expression));
    // Lines of libsvm form leave zeros out.
    program.inputs_.back().required = input.label && source.format != "libsvm" && source.format != "libfm";
    if (input.kind == package::ValueKind::RAGGED && !input.length.empty()) {
      auto index = static_cast<int32_t>(program.inputs_.size() - 1);
      auto [found, inserted] = lengths.try_emplace(input.length, index);
      if (!inserted)
        program.inputs_.back().sameLengthAs = found->second;
    }
  }
  program.hasHeader_ = heter::runtime::hasHeader(source);
  HETER_ASSIGN_OR_RETURN(program.splitter_, LineSplitter::make(source, compiler.wanted()));
  return program;
}

} // namespace heter::runtime
