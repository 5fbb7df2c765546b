// Lexer and parser: where statements end, how operators bind, what the tree keeps, and that trees are bounded.
#include "frontend/syntax/Parser.h"
#include "frontend/syntax/Lexer.h"
#include "frontend/syntax/Suggest.h"

#include <gtest/gtest.h>

#include <sstream>

namespace heter::frontend {
namespace {

struct Parsed {
  SourceManager sources;
  DiagnosticEngine diagnostics{sources};
  ast::File file;

  explicit Parsed(std::string text) { file = parse(sources.add("m.heter", std::move(text)), sources, diagnostics); }
};

std::vector<std::string> spellings(std::string text) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  std::vector<std::string> result;
  for (const Token &token : lex(sources.add("m.heter", std::move(text)), sources, diagnostics))
    result.push_back(token.kind == TokenKind::Newline ? "NL" : token.kind == TokenKind::End ? "END" : token.text);
  return result;
}

/// An expression with all brackets written.
std::string show(const ast::Expr &expr) {
  using ast::ExprKind;
  std::string text;
  switch (expr.kind) {
  case ExprKind::Binary:
    return "(" + show(*expr.items[0]) + expr.text + show(*expr.items[1]) + ")";
  case ExprKind::Unary:
    return "(" + expr.text + show(*expr.items[0]) + ")";
  case ExprKind::Index:
    return show(*expr.items[0]) + "[" + show(*expr.items[1]) + "]";
  case ExprKind::Number:
    return std::to_string(static_cast<int>(expr.number)) + expr.unit;
  case ExprKind::Call:
    text = expr.text + "(";
    break;
  case ExprKind::List:
    text = "[";
    break;
  default:
    return expr.text;
  }
  for (const auto &item : expr.items)
    text += show(*item) + ",";
  for (const auto &option : expr.options)
    text += option.name.text + ":" + show(*option.value) + ",";
  return text + (expr.kind == ExprKind::Call ? ")" : "]");
}

std::string showBound(const std::string &source) {
  Parsed parsed("model m\nx = " + source + "\n");
  std::ostringstream errors;
  parsed.diagnostics.print(errors);
  EXPECT_TRUE(parsed.diagnostics.errors().empty()) << errors.str();
  return parsed.file.steps.empty() ? "" : show(*parsed.file.steps[0].values[0]);
}

TEST(Lexer, NewlinesEndStatementsOnlyWhereTheyCan) {
  EXPECT_EQ(spellings("a = 1\nb"), (std::vector<std::string>{"a", "=", "1", "NL", "b", "NL", "END"}));
  EXPECT_EQ(spellings("a = f(1,\n 2)"),
            (std::vector<std::string>{"a", "=", "f", "(", "1", ",", "2", ")", "NL", "END"}));
  EXPECT_EQ(spellings("a = 1 +\n 2"), (std::vector<std::string>{"a", "=", "1", "+", "2", "NL", "END"}));
  EXPECT_EQ(spellings("a; b"), (std::vector<std::string>{"a", "NL", "b", "NL", "END"}));
  EXPECT_EQ(spellings("\n\n# only a comment\n"), (std::vector<std::string>{"END"}));
}

TEST(Lexer, NumbersStopBeforeRangesAndUnits) {
  EXPECT_EQ(spellings("1..3"), (std::vector<std::string>{"1", "..", "3", "NL", "END"}));
  EXPECT_EQ(spellings("1.5e-3"), (std::vector<std::string>{"1.5e-3", "NL", "END"}));
  EXPECT_EQ(spellings("2GiB"), (std::vector<std::string>{"2", "GiB", "NL", "END"}));
}

TEST(Lexer, WindowsLineEndsAreBlank) {
  EXPECT_EQ(spellings("a = 1\r\nb\r\n"), (std::vector<std::string>{"a", "=", "1", "NL", "b", "NL", "END"}));
}

TEST(Parser, OperatorsBindFromOrToProduct) {
  EXPECT_EQ(showBound("1 + 2 * 3"), "(1+(2*3))");
  EXPECT_EQ(showBound("1 - 2 - 3"), "((1-2)-3)");
  EXPECT_EQ(showBound("a or b and c == d"), "(aor(band(c==d)))");
  EXPECT_EQ(showBound("1..n + 1"), "(1..(n+1))");
  EXPECT_EQ(showBound("-a * b"), "((-a)*b)");
  EXPECT_EQ(showBound("not a and b"), "((nota)andb)");
  EXPECT_EQ(showBound("(1 + 2) * 3"), "((1+2)*3)");
  EXPECT_EQ(showBound("f(x)[0][1..2]"), "f(x,)[0][(1..2)]");
}

TEST(Parser, CallsKeepArgumentsAndOptions) {
  EXPECT_EQ(showBound("b.mlp(x, [1, 2], name: n)"), "b.mlp(x,[1,2,],name:n,)");
  EXPECT_EQ(showBound("f(30 days, 10000 steps)"), "f(30days,10000steps,)");
}

TEST(Parser, RangesAreKept) {
  Parsed parsed("model m\nlogit = linear(x, 1)\n");
  const ast::Expr &call = *parsed.file.steps[0].values[0];
  EXPECT_EQ(parsed.sources.text(call.range), "linear(x, 1)");
  EXPECT_EQ(parsed.sources.text(call.spot), "linear");
  EXPECT_EQ(parsed.sources.location(call.range), "m.heter:2:9");
}

TEST(Parser, ColumnsCountCharacters) {
  Parsed parsed("model m\nx = f(\"\xC3\xA9\xC3\xA9\", y)\n");
  EXPECT_EQ(parsed.sources.location(parsed.file.steps[0].values[0]->items[1]->range), "m.heter:2:13");
}

TEST(Parser, ElseMayStandOnItsOwnLine) {
  Parsed parsed("model m\nif c { x = 1 }\nelse if d { x = 2 }\nelse { x = 3 }\ny = 1\n");
  ASSERT_EQ(parsed.file.steps.size(), 2u);
  ASSERT_EQ(parsed.file.steps[0].branches.size(), 2u);
  EXPECT_EQ(parsed.file.steps[0].branches[1].block[0].branches.size(), 2u);
}

TEST(Parser, GoesOnAfterAWrongStatement) {
  Parsed parsed("model m\nx = = 1\ny = 2\nz = )\nw = 3\n");
  EXPECT_EQ(parsed.diagnostics.errors().size(), 2u);
  EXPECT_FALSE(parsed.file.complete);
  EXPECT_EQ(parsed.file.steps.size(), 2u);
}

TEST(Source, WhatNeverEndsIsRefused) {
  SourceManager sources;
  std::string reason;
  EXPECT_EQ(sources.load("/dev/zero", reason), -1);
  EXPECT_EQ(reason, "it is larger than 16 MiB");
}

TEST(Parser, DeepNestingIsOneError) {
  for (const char *open : {"(", "[", "f(", "-", "not "}) {
    std::string text = "model m\nx = ";
    for (int i = 0; i < 100000; ++i)
      text += open;
    Parsed parsed(text);
    EXPECT_EQ(parsed.diagnostics.errors().size(), 1u) << open;
  }
  std::string blocks = "model m\n";
  for (int i = 0; i < 50000; ++i)
    blocks += "on gpu {\n";
  EXPECT_GE(Parsed(blocks).diagnostics.errors().size(), 1u);
  std::string chain = "model m\nif a { }\n";
  for (int i = 0; i < 50000; ++i)
    chain += "else if a { }\n";
  EXPECT_GE(Parsed(chain).diagnostics.errors().size(), 1u);
}

TEST(Suggest, FollowsDistanceHabitsAndTies) {
  EXPECT_EQ(nearest("hiden", {"hidden", "dense"}), "hidden");
  EXPECT_EQ(nearest("ab", {"cd"}), "");
  EXPECT_EQ(nearest("cart", {"card", "care"}), "");
  EXPECT_EQ(didYouMean("True", {"true", "false"}), "did you mean `true`?");
  EXPECT_EQ(didYouMean("embedding", {"lookup", "linear"}), "did you mean `lookup`?");
  EXPECT_EQ(didYouMean("embedding", {"linear"}), "");
}

} // namespace
} // namespace heter::frontend
