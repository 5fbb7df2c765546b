// Tokens and declarations.
#include "frontend/syntax/ParserImpl.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>

namespace heter::frontend {

using ast::ExprPtr;
using ast::Step;
using ast::StepKind;

static std::string describe(const Token &token) {
  switch (token.kind) {
  case TokenKind::End:
    return "the end of the file";
  case TokenKind::Newline:
    return "the end of the line";
  case TokenKind::Text:
    return "a text";
  default:
    return "`" + token.text + "`";
  }
}

//===-- Tokens --------------------------------------------------------------------------------------------------===//

bool Parser::accept(std::string_view text) {
  if (!peek().is(text))
    return false;
  take();
  return true;
}

bool Parser::expect(std::string_view text, std::string_view where) {
  return accept(text) || unexpected("`" + std::string(text) + "` " + std::string(where));
}

bool Parser::unexpected(std::string_view wanted, std::string help) {
  if (peek().kind == TokenKind::Wrong)
    return false;
  diagnostics_.error(peek().range, "expected " + std::string(wanted) + ", got " + describe(peek()))
      .help(std::move(help));
  return false;
}

/// The same for a closing bracket; its opening one is named, as the mistake may be far from where it shows.
bool Parser::close(std::string_view text, std::string_view where, SourceRange open) {
  if (accept(text))
    return true;
  if (peek().kind != TokenKind::Wrong)
    diagnostics_
        .error(peek().range, "expected `" + std::string(text) + "` " + std::string(where) + ", got " + describe(peek()))
        .note(open, "to close this");
  return false;
}

bool Parser::name(ast::Name &result, std::string_view what) {
  if (!atName())
    return unexpected(what, peek().kind == TokenKind::Keyword ? "`" + peek().text + "` is a reserved word"
                            : peek().kind == TokenKind::Text  ? "a name stands without quotes"
                                                              : "");
  if (hasDash())
    return false;
  const Token &token = take();
  result = {token.text, token.range};
  return true;
}

/// Whether the name that comes next is written with a `-`, as in `user-id`, which is then reported.
bool Parser::hasDash() {
  const Token &first = peek(), &dash = peek(1), &rest = peek(2);
  bool joined = dash.is("-") && dash.range.begin == first.range.end && rest.range.begin == dash.range.end;
  if (!joined || (rest.kind != TokenKind::Name && rest.kind != TokenKind::Number))
    return false;
  diagnostics_.error(dash.range, "a name has letters, digits and `_`, but no `-`").help(first.text + "_" + rest.text);
  return true;
}

void Parser::skipNewlines() {
  while (peek().kind == TokenKind::Newline)
    take();
}

/// From `begin` to the end of the token taken last.
SourceRange Parser::from(uint32_t begin) const {
  return {file_.number, begin, tokens_[position_ == 0 ? 0 : position_ - 1].range.end};
}

/// Counts one level of nesting; false, after an error, beyond the limit. The caller counts down.
bool Parser::enter(SourceRange range) {
  if (nesting_ >= maxNesting) {
    diagnostics_.error(range, "nested too deeply: more than " + std::to_string(maxNesting) + " levels")
        .help("bind inner parts to names");
    return false;
  }
  ++nesting_;
  return true;
}

/// Skips the rest of a wrong statement: up to its line's end or the brace that closes its block.
void Parser::synchronize() {
  file_.complete = false;
  int depth = 0;
  while (peek().kind != TokenKind::End) {
    if (depth == 0 && (peek().kind == TokenKind::Newline || peek().is("}")))
      return;
    if (peek().is("{"))
      ++depth;
    else if (peek().is("}"))
      --depth;
    take();
  }
}

bool Parser::endOfStatement() {
  if (peek().kind == TokenKind::Newline) {
    take();
    return true;
  }
  if (peek().kind == TokenKind::End || peek().is("}"))
    return true;
  return unexpected("the end of the statement", "one statement a line, or `;` between them");
}

//===-- Declarations --------------------------------------------------------------------------------------------===//

ast::File Parser::run() {
  skipNewlines();
  file_.first = peek().range;
  header();
  while (peek().kind != TokenKind::End && !diagnostics_.isFull()) {
    nesting_ = 0;
    if (!declaration() || !endOfStatement()) {
      synchronize();
      if (accept("}") && nesting_ == 0)
        endOfStatement();
    }
    skipNewlines();
  }
  file_.complete &= peek().kind == TokenKind::End;
  return std::move(file_);
}

void Parser::header() {
  if (!accept("model"))
    return;
  file_.hasModel = true;
  if (!name(file_.model, "the model's name") || (peek().is("{") && !optionBlock(file_.options)) || !endOfStatement())
    synchronize();
  skipNewlines();
}

bool Parser::declaration() {
  const Token &token = peek();
  if (token.is("import"))
    return import();
  if (token.is("const"))
    return constant();
  if (token.is("table"))
    return table();
  if (token.is("data"))
    return data();
  if (token.is("fn"))
    return function();
  if (token.is("minimize") || token.is("report") || token.is("predict"))
    return goal(file_.steps);
  if (token.is("model")) {
    diagnostics_.error(token.range, "`model` stands once, at the top of the file");
    return false;
  }
  if (token.is("}")) {
    diagnostics_.error(take().range, "this `}` closes nothing");
    file_.complete = false;
    return true;
  }
  if (token.kind == TokenKind::Name && peek(1).is(":"))
    return input();
  return step(file_.steps);
}

bool Parser::import() {
  take();
  if (peek().kind != TokenKind::Text)
    return unexpected("a file in double quotes", "import \"blocks.heter\" as b");
  ast::Import result;
  result.range = peek().range;
  result.path = take().text;
  if (accept("as") && !name(result.as, "a name after `as`"))
    return false;
  file_.imports.push_back(std::move(result));
  return true;
}

bool Parser::constant() {
  take();
  ast::Const result;
  if (!name(result.name, "the constant's name") || !expect("=", "after the constant's name"))
    return false;
  result.value = expression();
  if (!result.value)
    return false;
  file_.constants.push_back(std::move(result));
  return true;
}

bool Parser::input() {
  ast::Input result;
  result.name = {peek().text, peek().range};
  take();
  take();
  if (!type(result.type))
    return false;
  if (peek().is("(")) {
    diagnostics_.error(result.type.range, "`:` describes an input; a value is computed with `=`")
        .help(result.name.text + " = " + result.type.name.text + "(...)");
    return false;
  }
  file_.inputs.push_back(std::move(result));
  return true;
}

bool Parser::type(ast::Type &result) {
  if (!name(result.name, "a type"))
    return false;
  if (accept("[")) {
    do {
      result.sizes.emplace_back();
      if (!size(result.sizes.back()))
        return false;
    } while (accept(","));
    if (!expect("]", "after the sizes"))
      return false;
  }
  result.range = from(result.name.range.begin);
  return true;
}

bool Parser::size(ast::Size &result) {
  uint32_t begin = peek().range.begin;
  if (accept("*")) {
    result.ragged = true;
    if (atName())
      result.length = take().text;
  } else {
    result.value = expression();
    if (!result.value)
      return false;
  }
  result.range = from(begin);
  return true;
}

/// Options are separated by newline or comma.
bool Parser::optionSeparator() {
  bool separated = false;
  while (peek().kind == TokenKind::Newline || peek().is(",")) {
    separated = true;
    take();
  }
  return separated || peek().is("}") || unexpected("`,` or a new line between options");
}

bool Parser::optionBlock(std::vector<ast::Option> &options) {
  take();
  skipNewlines();
  while (!peek().is("}")) {
    if (!atOption())
      return unexpected("an option", "braces hold options here: name: value");
    if (!option(options) || !optionSeparator())
      return false;
  }
  take();
  return true;
}

bool Parser::table() {
  take();
  ast::Table result;
  if (!name(result.name, "the table's name") || !expect("{", "after the table's name"))
    return false;
  skipNewlines();
  while (!peek().is("}")) {
    if (accept("part")) {
      ast::Part part;
      if (!name(part.name, "the part's name"))
        return false;
      if (!peek().is("{"))
        return unexpected("`{` after the part's name");
      if (!optionBlock(part.options))
        return false;
      result.parts.push_back(std::move(part));
    } else if (!atOption()) {
      return unexpected("an option or `part`", "a table holds options: dim: 9");
    } else if (!option(result.options)) {
      return false;
    }
    if (!optionSeparator())
      return false;
  }
  take();
  file_.tables.push_back(std::move(result));
  return true;
}

bool Parser::data() {
  take();
  ast::Data result;
  if (!name(result.name, "the data block's name"))
    return false;
  if (!peek().is(":"))
    return unexpected("`:` and a format", "data " + result.name.text + " : tsv { ... }");
  take();
  if (!name(result.format, "a format") || (peek().is("(") && !arguments(result.arguments, result.options)) ||
      !expect("{", "before the bindings"))
    return false;
  skipNewlines();
  while (!peek().is("}")) {
    if (!dataBind(result) || !endOfStatement())
      return false;
    skipNewlines();
    if (peek().kind == TokenKind::End)
      return unexpected("`}` at the end of the data block");
  }
  take();
  file_.data.push_back(std::move(result));
  return true;
}

bool Parser::dataBind(ast::Data &data) {
  ast::DataBind bind;
  do {
    bind.names.emplace_back();
    if (!name(bind.names.back(), "an input's name"))
      return false;
  } while (accept(","));
  if (peek().is(":")) {
    diagnostics_.error(peek().range, "a value is computed with `=`")
        .help(bind.names.front().text + " = ... (`:` describes, `=` computes)");
    take();
  } else if (!expect("=", "after an input's name")) {
    return false;
  }
  bind.value = expression();
  if (!bind.value)
    return false;
  data.binds.push_back(std::move(bind));
  return true;
}

bool Parser::function() {
  take();
  ast::Function result;
  if (!name(result.name, "the function's name") || !expect("(", "after the function's name"))
    return false;
  while (!peek().is(")")) {
    if (!parameter(result))
      return false;
    if (!accept(","))
      break;
  }
  if (!expect(")", "after the parameters"))
    return false;
  if (accept("=")) {
    result.results.push_back(expression());
    if (!result.results.back())
      return false;
  } else {
    if (!expect("{", "or `=` before the function's body") || !statements(result.block, {"return"}))
      return false;
    if (!accept("return"))
      return unexpected("`return` at the end of the function", "a function ends with: return VALUE");
    if (!expressions(result.results))
      return false;
    skipNewlines();
    if (!expect("}", "after `return`"))
      return false;
  }
  file_.functions.push_back(std::move(result));
  return true;
}

bool Parser::parameter(ast::Function &function) {
  ast::Parameter parameter;
  if (!name(parameter.name, "a parameter's name"))
    return false;
  if (accept(":")) {
    parameter.hasType = true;
    if (!type(parameter.type))
      return false;
  }
  if (accept("=")) {
    parameter.fallback = expression();
    if (!parameter.fallback)
      return false;
  }
  function.parameters.push_back(std::move(parameter));
  return true;
}

ast::File parse(int file, const SourceManager &sources, DiagnosticEngine &diagnostics) {
  return Parser(file, sources, diagnostics).run();
}

} // namespace heter::frontend
