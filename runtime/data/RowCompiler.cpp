// RowProgram::compile: flattens the expressions of a data binding into instructions.
#include "runtime/base/Hash.h"
#include "runtime/data/RowProgram.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

namespace heter::runtime {

using package::DataExpression;

/// What an expression gives for a line: a list of texts (columns as they stand), of ids or of numbers in registers.
class RowCompiler {
public:
  explicit RowCompiler(RowProgram &program) : program_(program) {}

  Status compileInput(const package::Input &input, const DataExpression &expression);

private:
  enum class Kind { Text, Ids, Numbers };
  struct Item {
    int32_t column = -1;           ///< Text.
    std::string salt;              ///< Text: what `hash` salts with unless told otherwise.
    int32_t reg = -1;              ///< Numbers.
    RowProgram::Element element{}; ///< Ids.
  };
  struct Operand {
    Kind kind = Kind::Numbers;
    std::vector<Item> items;
  };

  StatusOr<Operand> compile(const DataExpression &expression);
  StatusOr<Operand> compileColumns(const DataExpression &expression);
  StatusOr<Operand> compileList(const DataExpression &expression);
  StatusOr<Operand> compileHash(const DataExpression &expression);
  StatusOr<Operand> compileId(const DataExpression &expression);
  StatusOr<Operand> compileArithmetic(const DataExpression &expression, RowProgram::Op op, size_t arity);
  Status toNumbers(Operand &operand, const DataExpression &expression);
  Status store(const package::Input &input, const Operand &operand, const DataExpression &expression,
               RowProgram::InputPlan &plan);

  int32_t emit(RowProgram::Op op, int32_t a, int32_t b = 0, double constant = 0);

  RowProgram &program_;
  std::map<int32_t, int32_t> parsed_; ///< Column to the register that holds it as a number.
};

namespace {

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

int64_t elementsPerExample(const package::Input &input) {
  int64_t count = 1;
  for (int64_t extent : input.type.shape)
    count *= extent;
  return count;
}

} // namespace

int32_t RowCompiler::emit(RowProgram::Op op, int32_t a, int32_t b, double constant) {
  auto target = static_cast<int32_t>(program_.registers_.size());
  program_.registers_.emplace_back();
  program_.code_.push_back({op, target, a, b, constant});
  return target;
}

StatusOr<RowCompiler::Operand> RowCompiler::compile(const DataExpression &expression) {
  using Op = RowProgram::Op;
  static const std::map<std::string, std::pair<Op, size_t>, std::less<>> arithmetic = {
      {"max", {Op::Max, 2}}, {"min", {Op::Min, 2}}, {"add", {Op::Add, 2}},
      {"sub", {Op::Sub, 2}}, {"mul", {Op::Mul, 2}}, {"div", {Op::Div, 2}},
      {"neg", {Op::Neg, 1}}, {"log", {Op::Log, 1}}, {"log1p", {Op::Log1p, 1}}};
  if (auto found = arithmetic.find(expression.op); found != arithmetic.end())
    return compileArithmetic(expression, found->second.first, found->second.second);
  if (expression.op == "column")
    return compileColumns(expression);
  if (expression.op == "list")
    return compileList(expression);
  if (expression.op == "hash")
    return compileHash(expression);
  if (expression.op == "id")
    return compileId(expression);
  if (expression.op == "number") {
    Operand result;
    for (double number : expression.numbers) {
      Item item;
      item.reg = emit(Op::Constant, 0, 0, number);
      result.items.push_back(std::move(item));
    }
    return result;
  }
  return unsupportedAt(expression, "`" + expression.op + "` in a data binding");
}

StatusOr<RowCompiler::Operand> RowCompiler::compileColumns(const DataExpression &expression) {
  // A column that only the header line can place has the number -1.
  if (expression.numbers.empty() || expression.numbers.front() == -1)
    return unsupportedAt(expression, "`col[\"" + (expression.texts.empty() ? std::string() : expression.texts.front()) +
                                         "\"]`, a column named by a header line,");
  Operand result{Kind::Text, {}};
  for (size_t i = 0; i < expression.numbers.size(); ++i) {
    double number = expression.numbers[i];
    constexpr double maxColumn = 1 << 20;
    if (!(number >= 0) || number > maxColumn || number != static_cast<double>(static_cast<int32_t>(number)))
      return invalidAt(expression, "a column is a whole number from 0 to " + std::to_string(1 << 20));
    Item item;
    item.column = static_cast<int32_t>(number);
    bool named = i < expression.texts.size() && !expression.texts[i].empty();
    item.salt = named ? expression.texts[i] : "col[" + std::to_string(item.column) + "]";
    program_.columnCount_ = std::max(program_.columnCount_, item.column + 1);
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

StatusOr<RowCompiler::Operand> RowCompiler::compileHash(const DataExpression &expression) {
  // texts: nothing, a space, or the kind of hash ("" is XXH64) and a space. numbers: nothing, or how many buckets.
  std::string space, kind;
  if (expression.texts.size() == 1)
    space = expression.texts[0];
  if (expression.texts.size() >= 2) {
    kind = expression.texts[0];
    space = expression.texts[1];
  }
  if (!kind.empty() && kind != "python2")
    return unsupportedAt(expression, "`hash` of the kind `" + kind + "`");
  uint64_t buckets = 0;
  if (!expression.numbers.empty()) {
    constexpr double most = 0x1p53;
    double number = expression.numbers[0];
    if (!(number >= 1) || number > most || number != std::floor(number))
      return invalidAt(expression, "`buckets` is a whole number from 1 to 2^53");
    buckets = static_cast<uint64_t>(number);
  }
  Operand result{Kind::Ids, {}};
  for (const DataExpression &argument : expression.arguments) {
    HETER_ASSIGN_OR_RETURN(Operand operand, compile(argument));
    if (operand.kind != Kind::Text)
      return unsupportedAt(argument, "`hash` of anything but columns");
    for (Item &item : operand.items) {
      if (kind == "python2") {
        std::string salt = space.empty() ? std::to_string(item.column) : space;
        uint64_t state = static_cast<uint64_t>(static_cast<unsigned char>(salt[0])) << 7;
        for (char c : salt)
          state = 1000003 * state ^ static_cast<unsigned char>(c);
        item.element = {RowProgram::From::Python2Hash, item.column, state, salt.size(), buckets};
      } else {
        const std::string &salt = space.empty() ? item.salt : space;
        item.element = {RowProgram::From::Hash, item.column, hashBytes(salt, 0), 0, buckets};
      }
      result.items.push_back(std::move(item));
    }
  }
  return result;
}

StatusOr<RowCompiler::Operand> RowCompiler::compileId(const DataExpression &expression) {
  Operand result{Kind::Ids, {}};
  for (const DataExpression &argument : expression.arguments) {
    HETER_ASSIGN_OR_RETURN(Operand operand, compile(argument));
    if (operand.kind != Kind::Text)
      return unsupportedAt(argument, "`id` of anything but columns");
    for (Item &item : operand.items) {
      item.element = {RowProgram::From::Integer, item.column, 0};
      result.items.push_back(std::move(item));
    }
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
  auto at = [](const Operand &operand, size_t i) { return operand.items[operand.items.size() == 1 ? 0 : i].reg; };
  Operand result;
  for (size_t i = 0; i < width; ++i) {
    Item item;
    item.reg = emit(op, at(operands[0], i), arity > 1 ? at(operands[1], i) : 0);
    result.items.push_back(std::move(item));
  }
  return result;
}

Status RowCompiler::toNumbers(Operand &operand, const DataExpression &expression) {
  if (operand.kind == Kind::Ids)
    return invalidAt(expression, "ids cannot be used as numbers");
  if (operand.kind == Kind::Text) {
    for (Item &item : operand.items) {
      auto [found, inserted] = parsed_.try_emplace(item.column, -1);
      if (inserted)
        found->second = emit(RowProgram::Op::Parse, item.column);
      item.reg = found->second;
    }
    operand.kind = Kind::Numbers;
  }
  return {};
}

Status RowCompiler::store(const package::Input &input, const Operand &operand, const DataExpression &expression,
                          RowProgram::InputPlan &plan) {
  for (const Item &item : operand.items) {
    if (operand.kind == Kind::Ids)
      plan.elements.push_back(item.element);
    else if (operand.kind == Kind::Text)
      plan.elements.push_back({RowProgram::From::Integer, item.column, 0});
    else
      plan.elements.push_back({RowProgram::From::Register, item.reg, 0});
  }
  int64_t expected = elementsPerExample(input);
  if (input.kind == package::ValueKind::TENSOR && expected != static_cast<int64_t>(plan.elements.size()))
    return invalidAt(expression, "`" + input.name + "` has " + std::to_string(expected) +
                                     " values an example, but a line gives " + std::to_string(plan.elements.size()));
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
  RowProgram::InputPlan plan{input.name, input.kind, input.type.element, {}, -1};
  HETER_RETURN_IF_ERROR(store(input, operand, expression, plan));
  program_.inputs_.push_back(std::move(plan));
  return {};
}

namespace {

/// The only options of a tsv binding that mean something here; the compiler has used `columns` already.
Status checkFormat(const package::DataSource &source) {
  if (source.format != "tsv")
    return Status::unimplemented("data `" + source.name + "` has the format `" + source.format +
                                 "`, which is not supported yet; `tsv` is");
  for (const auto &[name, value] : source.options) {
    bool off = value.__isset.flag && !value.flag;
    if (name != "columns" && !off)
      return Status::unimplemented("data `" + source.name + "`: the option `" + name +
                                   "` of a tsv binding is not supported yet");
  }
  return {};
}

} // namespace

StatusOr<RowProgram> RowProgram::compile(const package::DataSource &source, const std::vector<package::Input> &inputs) {
  HETER_RETURN_IF_ERROR(checkFormat(source));
  RowProgram program;
  RowCompiler compiler(program);
  std::map<std::string, int32_t> lengths;
  for (const package::Input &input : inputs) {
    auto binding = std::find_if(source.bindings.begin(), source.bindings.end(),
                                [&](const package::Binding &b) { return b.input == input.name; });
    if (binding == source.bindings.end())
      return Status::invalidArgument("data `" + source.name + "` does not bind input `" + input.name + "`");
    HETER_RETURN_IF_ERROR(compiler.compileInput(input, binding->expression));
    if (input.kind == package::ValueKind::RAGGED && !input.length.empty()) {
      auto index = static_cast<int32_t>(program.inputs_.size() - 1);
      auto [found, inserted] = lengths.try_emplace(input.length, index);
      if (!inserted)
        program.inputs_.back().sameLengthAs = found->second;
    }
  }
  return program;
}

} // namespace heter::runtime
