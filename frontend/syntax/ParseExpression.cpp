// Expressions and argument lists, by precedence climbing.
#include "frontend/syntax/ParserImpl.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>

namespace heter::frontend {

using ast::Expr;
using ast::ExprKind;
using ast::ExprPtr;

const std::vector<std::string> &unitNames() {
  static const std::vector<std::string> units = {"KiB", "MiB",   "GiB",  "TiB",   "ms",      "s",
                                                 "min", "hours", "days", "steps", "examples"};
  return units;
}

/// What a unit of another system or spelling is here, or "".
static std::string unitHabit(std::string_view unit) {
  static const std::pair<std::string_view, std::string_view> habits[] = {
      {"KB", "KiB"},    {"kB", "KiB"},   {"K", "KiB"},       {"MB", "MiB"},          {"M", "MiB"},
      {"GB", "GiB"},    {"G", "GiB"},    {"TB", "TiB"},      {"T", "TiB"},           {"sec", "s"},
      {"seconds", "s"}, {"m", "min"},    {"minutes", "min"}, {"h", "hours"},         {"hour", "hours"},
      {"d", "days"},    {"day", "days"}, {"step", "steps"},  {"example", "examples"}};
  for (const auto &[from, to] : habits)
    if (unit == from)
      return std::string(to);
  return nearest(unit, unitNames());
}

/// Binding strength of a binary operator from loosest 1 to tightest 6, or 0.
static int strength(const Token &token) {
  static const std::pair<std::string_view, int> operators[] = {{"or", 1}, {"and", 2}, {"==", 3}, {"!=", 3}, {"<", 3},
                                                               {"<=", 3}, {">", 3},   {">=", 3}, {"..", 4}, {"+", 5},
                                                               {"-", 5},  {"*", 6},   {"/", 6}};
  for (const auto &[text, level] : operators)
    if (token.is(text))
      return level;
  return 0;
}

ExprPtr Parser::make(ExprKind kind, const Token &token) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->range = token.range;
  expr->spot = token.range;
  expr->text = token.text;
  return expr;
}

/// Sets the depth; false, after an error, if the expression is too deep.
bool Parser::measure(Expr &expr) {
  for (const ExprPtr &item : expr.items)
    expr.depth = std::max(expr.depth, item->depth + 1);
  for (const ast::Option &option : expr.options)
    expr.depth = std::max(expr.depth, option.value->depth + 1);
  if (expr.depth <= maxExpressionDepth)
    return true;
  diagnostics_
      .error(expr.spot,
             "this expression is too long: more than " + std::to_string(maxExpressionDepth) + " operations deep")
      .help("bind parts of it to names");
  return false;
}

ExprPtr Parser::expression(int loosest) {
  if (!enter(peek().range))
    return nullptr;
  ExprPtr left = prefix();
  while (left) {
    int level = strength(peek());
    if (level == 0 || level <= loosest)
      break;
    ExprPtr binary = make(ExprKind::Binary, take());
    ExprPtr right = expression(level);
    if (!right) {
      left = nullptr;
      break;
    }
    binary->range = join(left->range, right->range);
    binary->items.push_back(std::move(left));
    binary->items.push_back(std::move(right));
    left = measure(*binary) ? std::move(binary) : nullptr;
  }
  --nesting_;
  return left;
}

ExprPtr Parser::prefix() {
  if (!peek().is("-") && !peek().is("not"))
    return postfix();
  if (!enter(peek().range))
    return nullptr;
  ExprPtr unary = make(ExprKind::Unary, take());
  ExprPtr item = prefix();
  --nesting_;
  if (!item)
    return nullptr;
  unary->range = join(unary->range, item->range);
  unary->items.push_back(std::move(item));
  return measure(*unary) ? std::move(unary) : nullptr;
}

ExprPtr Parser::postfix() {
  ExprPtr base = value();
  while (base && peek().is("[")) {
    ExprPtr index = make(ExprKind::Index, take());
    ExprPtr at = expression();
    if (!at || !close("]", "after an index", index->spot))
      return nullptr;
    index->range = from(base->range.begin);
    index->items.push_back(std::move(base));
    index->items.push_back(std::move(at));
    base = measure(*index) ? std::move(index) : nullptr;
  }
  return base;
}

ExprPtr Parser::value() {
  const Token &token = peek();
  if (token.kind == TokenKind::Number)
    return number();
  if (token.kind == TokenKind::Text)
    return make(ExprKind::Text, take());
  if (token.is("true") || token.is("false"))
    return make(ExprKind::Flag, take());
  if (token.kind == TokenKind::Name)
    return nameOrCall();
  if (token.is("(")) {
    SourceRange open = take().range;
    ExprPtr inner = expression();
    if (!inner || !close(")", "after an expression", open))
      return nullptr;
    inner->range = from(open.begin);
    return inner;
  }
  if (token.is("["))
    return list();
  if (token.kind == TokenKind::Keyword)
    unexpected("a value", token.is("scan") ? "name = scan x in VALUE { ... yield ... }"
                                           : "`" + token.text + "` is a reserved word");
  else
    unexpected("a value");
  return nullptr;
}

ExprPtr Parser::number() {
  const Token &token = take();
  ExprPtr expr = make(ExprKind::Number, token);
  expr->number = token.number;
  const Token &unit = peek();
  if (unit.kind != TokenKind::Name)
    return expr;
  const auto &units = unitNames();
  bool known = std::find(units.begin(), units.end(), unit.text) != units.end();
  if (!known && !unit.glued && unitHabit(unit.text).empty())
    return expr; // two values side by side; the caller says what it wanted instead
  expr->unit = unit.text;
  expr->spot = unit.range;
  if (!known) {
    std::string mend = unitHabit(unit.text);
    diagnostics_.error(unit.range, "unknown unit `" + unit.text + "`")
        .help(mend.empty() ? "KiB MiB GiB TiB, ms s min hours days, steps examples"
                           : "did you mean `" + token.text + (unit.glued ? "" : " ") + mend + "`?");
    expr->unit = "?";
  }
  take();
  expr->range = from(expr->range.begin);
  return expr;
}

ExprPtr Parser::nameOrCall() {
  ExprPtr expr = make(ExprKind::Name, take());
  while (peek().is(".")) {
    take();
    if (!atName()) {
      unexpected("a name after `.`");
      return nullptr;
    }
    expr->text += "." + take().text;
    expr->spot = expr->range = from(expr->range.begin);
  }
  if (!peek().is("("))
    return expr;
  expr->kind = ExprKind::Call;
  if (!arguments(expr->items, expr->options))
    return nullptr;
  expr->range = from(expr->range.begin);
  return measure(*expr) ? std::move(expr) : nullptr;
}

ExprPtr Parser::list() {
  ExprPtr expr = make(ExprKind::List, take());
  if (!peek().is("]")) {
    ExprPtr first = expression();
    if (!first)
      return nullptr;
    expr->items.push_back(std::move(first));
    if (accept("for")) {
      expr->kind = ExprKind::Comprehension;
      ast::Name variable;
      if (!name(variable, "the loop's name") || !expect("in", "after the loop's name"))
        return nullptr;
      expr->text = variable.text;
      expr->spot = variable.range;
      expr->items.push_back(expression());
      if (!expr->items.back())
        return nullptr;
    } else if (accept(",") && !peek().is("]") && !expressions(expr->items)) {
      return nullptr;
    }
  }
  if (!close("]", "at the end of a list", {expr->range.file, expr->range.begin, expr->range.begin + 1}))
    return nullptr;
  expr->range = from(expr->range.begin);
  return measure(*expr) ? std::move(expr) : nullptr;
}

/// expr { "," expr }; a comma before a closing bracket is allowed.
bool Parser::expressions(std::vector<ExprPtr> &items) {
  do {
    ExprPtr item = expression();
    if (!item)
      return false;
    items.push_back(std::move(item));
  } while (accept(",") && !peek().is("]") && !peek().is(")"));
  return true;
}

bool Parser::atOption() const {
  return (peek().kind == TokenKind::Name || peek().kind == TokenKind::Keyword) && (peek(1).is(":") || peek(1).is("="));
}

/// NAME ":" expr. REQUIRES: atOption().
bool Parser::option(std::vector<ast::Option> &options) {
  const Token &word = take();
  if (peek().is("="))
    diagnostics_.error(peek().range, "an option is written with `:`")
        .help(word.text + ": ... (`:` describes, `=` computes)");
  take();
  ExprPtr value = expression();
  if (!value)
    return false;
  options.push_back({{word.text, word.range}, std::move(value)});
  return true;
}

/// "(" [ arg { "," arg } ] ")".
bool Parser::arguments(std::vector<ExprPtr> &items, std::vector<ast::Option> &options) {
  SourceRange open = take().range;
  while (!peek().is(")")) {
    if (atOption()) {
      if (!option(options))
        return false;
    } else {
      ExprPtr item = expression();
      if (!item)
        return false;
      if (!options.empty()) {
        diagnostics_.error(item->range, "options come last")
            .help("move this before `" + options.front().name.text + ":`");
        return false;
      }
      items.push_back(std::move(item));
    }
    if (!accept(","))
      break;
  }
  return close(")", "after the arguments", open);
}

} // namespace heter::frontend
