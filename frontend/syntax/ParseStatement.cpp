// Statements and goals.
#include "frontend/syntax/ParserImpl.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>

namespace heter::frontend {

using ast::ExprPtr;
using ast::Step;
using ast::StepKind;

/// Whether a token begins what no block can hold.
static bool standsAtTop(const Token &token) {
  constexpr std::string_view words[] = {"minimize", "report", "predict", "model", "import",
                                        "const",    "table",  "data",    "fn"};
  return std::any_of(std::begin(words), std::end(words), [&](std::string_view word) { return token.is(word); });
}

/// Reports a statement of the top of the file in the block that `open` opens. If the file lacks a `}`, that is where it
/// should have stood, and all that follows would be as misplaced.
void Parser::misplaced(SourceRange open) {
  const auto count = [&](std::string_view brace) {
    return std::count_if(tokens_.begin(), tokens_.end(), [&](const Token &token) { return token.is(brace); });
  };
  unclosed_ = count("{") > count("}");
  diagnostics_.error(peek().range, "`" + peek().text + "` stands at the top of the file, in no block")
      .note(open, "in this block")
      .help(unclosed_ ? "the block lacks its `}`" : "");
  while (unclosed_ && peek().kind != TokenKind::End)
    take();
  synchronize();
}

/// Statements up to `}` (taken) or one of the words `stops` (not taken). Wrong statements are reported and skipped.
bool Parser::statements(ast::Block &block, std::initializer_list<std::string_view> stops) {
  auto stopped = [&] {
    return std::any_of(stops.begin(), stops.end(), [&](std::string_view stop) { return peek().is(stop); });
  };
  if (!enter(peek().range))
    return false;
  int level = nesting_;
  const SourceRange open = tokens_[position_ - 1].range;
  skipNewlines();
  while (!stopped() && !peek().is("}")) {
    if (unclosed_)
      return false;
    if (peek().kind == TokenKind::End || diagnostics_.isFull())
      return close("}", "at the end of the block", open);
    nesting_ = level;
    if (standsAtTop(peek()))
      misplaced(open);
    else if (!step(block) || !(stopped() || endOfStatement()))
      synchronize();
    skipNewlines();
  }
  nesting_ = level - 1;
  if (!stopped())
    return stops.size() == 1 && *stops.begin() == "return" ? true : (take(), true);
  return true;
}

bool Parser::block(ast::Block &block) { return expect("{", "before the statements") && statements(block, {}); }

bool Parser::step(ast::Block &block) {
  const Token &token = peek();
  if (token.kind == TokenKind::Name)
    return bind(block);
  Step step;
  step.range = token.range;
  bool ok = token.is("on")       ? on(step)
            : token.is("for")    ? forLoop(step)
            : token.is("if")     ? ifElse(step)
            : token.is("while")  ? whileLoop(step)
            : token.is("switch") ? switchCase(step)
            : token.is("scan")   ? scan(step)
                                 : unknownStatement();
  if (ok)
    block.push_back(std::move(step));
  return ok;
}

bool Parser::unknownStatement() {
  const Token &token = peek();
  if (token.is("return") || token.is("yield") || token.is("else") || token.is("case")) {
    static const std::pair<std::string_view, std::string_view> places[] = {{"return", "stands last in a function"},
                                                                           {"yield", "stands last in a `scan`"},
                                                                           {"else", "follows the block of an `if`"},
                                                                           {"case", "stands in a `switch`"}};
    for (const auto &[word, place] : places)
      if (token.is(word))
        diagnostics_.error(token.range, "`" + token.text + "` " + std::string(place));
    return false;
  }
  return unexpected("a statement", token.kind == TokenKind::Keyword ? "`" + token.text + "` is a reserved word" : "");
}

bool Parser::bind(ast::Block &block) {
  Step step;
  step.range = peek().range;
  if (!peek(1).is("=") && !peek(1).is(",")) {
    if (hasDash())
      return false;
    const Token word = take();
    std::string mend = habit(word.text);
    if (mend.empty())
      mend = nearest(word.text, keywords());
    if (peek().is("(")) {
      diagnostics_.error(word.range, "a value must be bound to a name").help("name = " + word.text + "(...)");
    } else if (peek().is(":")) {
      diagnostics_.error(peek().range, "a value is computed with `=`").help(word.text + " = ...");
    } else {
      diagnostics_.error(word.range, "no statement begins with `" + word.text + "`")
          .help(mend.empty() ? "name = VALUE" : "did you mean `" + mend + "`?");
    }
    return false;
  }
  do {
    step.names.emplace_back();
    if (!name(step.names.back(), "a name"))
      return false;
  } while (accept(","));
  if (!expect("=", "after the names bound"))
    return false;
  if (peek().is("scan")) {
    if (!scan(step))
      return false;
  } else {
    ExprPtr value = expression();
    if (!value)
      return false;
    if (peek().is("if")) {
      diagnostics_.error(peek().range, "`if` is a statement").help("where(CONDITION, A, B) chooses between values");
      return false;
    }
    step.values.push_back(std::move(value));
  }
  block.push_back(std::move(step));
  return true;
}

bool Parser::on(Step &step) {
  step.kind = StepKind::On;
  take();
  if (!name(step.device, "a device class") || (peek().is("(") && !arguments(step.arguments, step.options)))
    return false;
  step.branches.emplace_back();
  return block(step.branches.back().block);
}

bool Parser::forLoop(Step &step) {
  step.kind = StepKind::For;
  take();
  step.variables.emplace_back();
  if (!name(step.variables.back(), "the loop's name") || !expect("in", "after the loop's name"))
    return false;
  step.values.push_back(expression());
  if (!step.values.back())
    return false;
  step.branches.emplace_back();
  return block(step.branches.back().block);
}

bool Parser::ifElse(Step &step) {
  step.kind = StepKind::If;
  step.branches.emplace_back();
  step.branches.back().range = take().range;
  step.values.push_back(expression());
  if (!step.values.back() || !block(step.branches.back().block))
    return false;
  // `else` may stand on the line after the brace.
  size_t before = position_;
  skipNewlines();
  if (!peek().is("else")) {
    position_ = before;
    return true;
  }
  step.branches.emplace_back();
  step.branches.back().range = take().range;
  if (!peek().is("if"))
    return block(step.branches.back().block);
  Step inner;
  inner.range = peek().range;
  if (!enter(inner.range))
    return false;
  bool ok = ifElse(inner);
  --nesting_;
  if (ok)
    step.branches.back().block.push_back(std::move(inner));
  return ok;
}

bool Parser::whileLoop(Step &step) {
  step.kind = StepKind::While;
  take();
  step.values.push_back(expression());
  if (!step.values.back())
    return false;
  if (accept("limit")) {
    step.with = expression();
    if (!step.with)
      return false;
  } else if (peek().is("{")) {
    diagnostics_.error(step.range, "a run-time loop needs a limit").help("while CONDITION limit 8 { ... }");
  }
  step.branches.emplace_back();
  return block(step.branches.back().block);
}

bool Parser::switchCase(Step &step) {
  step.kind = StepKind::Switch;
  take();
  step.values.push_back(expression());
  if (!step.values.back() || !expect("{", "before the cases"))
    return false;
  skipNewlines();
  while (!peek().is("}")) {
    ast::Branch branch;
    branch.range = peek().range;
    bool isElse = accept("else");
    if (!isElse && (!expect("case", "in a switch") || !expressions(branch.labels)))
      return false;
    if (!block(branch.block))
      return false;
    step.branches.push_back(std::move(branch));
    skipNewlines();
    if (isElse)
      break;
  }
  if (step.branches.empty() || !step.branches.back().labels.empty()) {
    diagnostics_.error(step.range, "a switch needs an `else`").help("else { ... } after the cases");
    return false;
  }
  return expect("}", "after `else`: it comes last");
}

bool Parser::scan(Step &step) {
  step.kind = StepKind::Scan;
  step.range = take().range;
  do {
    step.variables.emplace_back();
    if (!name(step.variables.back(), "the element's name") || !expect("in", "after the element's name"))
      return false;
    step.values.push_back(expression());
    if (!step.values.back())
      return false;
  } while (accept(","));
  step.branches.emplace_back();
  if (!expect("{", "before the statements") || !statements(step.branches.back().block, {"yield"}))
    return false;
  if (!accept("yield"))
    return true;
  if (!expressions(step.yields))
    return false;
  skipNewlines();
  return expect("}", "after `yield`: it comes last");
}

bool Parser::goal(ast::Block &block) {
  Step step;
  step.range = peek().range;
  step.kind = peek().is("minimize") ? StepKind::Minimize : peek().is("report") ? StepKind::Report : StepKind::Predict;
  take();
  if (step.kind == StepKind::Predict) {
    if (!expressions(step.values))
      return false;
  } else {
    step.values.push_back(expression());
    if (!step.values.back())
      return false;
  }
  if (step.kind == StepKind::Minimize) {
    if (!accept("with"))
      return unexpected("`with` and an optimizer", "minimize LOSS with adam(lr: 1e-3)");
    step.with = expression();
    if (!step.with || (peek().is("{") && !optionBlock(step.options)))
      return false;
  }
  if (step.kind == StepKind::Report && accept("as") && !name(step.as, "a name after `as`"))
    return false;
  block.push_back(std::move(step));
  return true;
}

} // namespace heter::frontend
