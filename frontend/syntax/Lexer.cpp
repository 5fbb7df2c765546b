// Text to tokens, one pass.
#include "frontend/syntax/Lexer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace heter::frontend {

const std::vector<std::string> &keywords() {
  static const std::vector<std::string> words = {
      "model",  "import", "as",      "const", "table", "part",  "data", "fn",   "return", "minimize",
      "with",   "report", "predict", "on",    "for",   "in",    "if",   "else", "while",  "limit",
      "switch", "case",   "scan",    "yield", "true",  "false", "and",  "or",   "not"};
  return words;
}

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool isNameChar(char c) { return isNameStart(c) || isDigit(c); }

class Lexer {
public:
  Lexer(int file, const SourceManager &sources, DiagnosticEngine &diagnostics)
      : file_(file), text_(sources.file(file).text()), diagnostics_(diagnostics) {}

  std::vector<Token> run() {
    while (position_ < text_.size())
      next();
    newline("\n");
    if (!tokens_.empty())
      position_ = tokens_.back().range.end;
    push(TokenKind::End, position_).text.clear();
    return std::move(tokens_);
  }

private:
  char at(size_t ahead = 0) const { return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0'; }
  SourceRange range(size_t begin) const {
    return {file_, static_cast<uint32_t>(begin), static_cast<uint32_t>(position_)};
  }

  Token &push(TokenKind kind, size_t begin) {
    Token token;
    token.kind = kind;
    token.range = range(begin);
    token.text = std::string(text_.substr(begin, position_ - begin));
    token.glued = !tokens_.empty() && tokens_.back().range.end == begin;
    tokens_.push_back(std::move(token));
    return tokens_.back();
  }

  bool insideBrackets() const { return !open_.empty() && open_.back() != '{'; }

  bool newlineIsBlank() const {
    if (tokens_.empty() || insideBrackets())
      return true;
    const Token &last = tokens_.back();
    if (last.kind == TokenKind::Newline)
      return true;
    static const std::string_view open[] = {"+",  "-", "*", "/", "..", "==",  "!=", "<",   "<=",   ">",
                                            ">=", ",", "=", ":", ".",  "and", "or", "not", "with", "in"};
    return std::any_of(std::begin(open), std::end(open), [&](std::string_view text) { return last.is(text); });
  }

  void newline(std::string_view text) {
    if (newlineIsBlank())
      return;
    Token token;
    token.kind = TokenKind::Newline;
    token.range = {file_, static_cast<uint32_t>(position_), static_cast<uint32_t>(position_)};
    token.text = std::string(text);
    tokens_.push_back(std::move(token));
  }

  void next() {
    char c = at();
    if (c == '\n') {
      newline("\n");
      ++position_;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++position_;
    } else if (c == '#') {
      skipLine();
    } else if (c == '/' && at(1) == '/') {
      size_t begin = position_;
      position_ += 2;
      diagnostics_.error(range(begin), "a comment begins with `#`").help("# ...");
      skipLine();
    } else if (isNameStart(c)) {
      name();
    } else if (isDigit(c)) {
      number();
    } else if (c == '"' || c == '\'') {
      quoted();
    } else {
      symbol();
    }
  }

  void skipLine() {
    while (position_ < text_.size() && text_[position_] != '\n')
      ++position_;
  }

  void name() {
    size_t begin = position_;
    while (isNameChar(at()))
      ++position_;
    Token &token = push(TokenKind::Name, begin);
    if (std::find(keywords().begin(), keywords().end(), token.text) != keywords().end())
      token.kind = TokenKind::Keyword;
  }

  void number() {
    size_t begin = position_;
    auto digits = [&] {
      while (isDigit(at()))
        ++position_;
    };
    digits();
    if (at() == '.' && isDigit(at(1))) {
      ++position_;
      digits();
    }
    size_t sign = at(1) == '-' || at(1) == '+';
    if ((at() == 'e' || at() == 'E') && isDigit(at(1 + sign))) {
      position_ += 1 + sign;
      digits();
    }
    Token &token = push(TokenKind::Number, begin);
    token.number = std::strtod(token.text.c_str(), nullptr);
    if (!std::isfinite(token.number)) {
      diagnostics_.error(token.range, "this number is too large").help("the largest is about 1.8e308");
      token.number = 1;
    }
  }

  void quoted() {
    size_t begin = position_;
    char quote = at();
    ++position_;
    std::string content;
    while (position_ < text_.size() && at() != quote && at() != '\n') {
      if (at() == '\\' && at(1) != '\n' && position_ + 1 < text_.size())
        content += escape();
      else
        content += text_[position_++];
    }
    if (at() == quote && position_ < text_.size())
      ++position_;
    else
      diagnostics_.error(range(begin), "this text has no end").help("close it with `\"` on the same line");
    if (quote == '\'')
      diagnostics_.error(range(begin), "a text stands in double quotes").help("\"" + content + "\"");
    push(TokenKind::Text, begin).text = content;
  }

  std::string escape() {
    char c = at(1);
    position_ += 2;
    switch (c) {
    case 'n':
      return "\n";
    case 't':
      return "\t";
    case '"':
    case '\\':
    case '\'':
      return std::string(1, c);
    default:
      break;
    }
    diagnostics_
        .error({file_, static_cast<uint32_t>(position_ - 2), static_cast<uint32_t>(position_)},
               "a text knows no such escape")
        .help("\\n, \\t, \\\" and \\\\");
    return std::string(1, c);
  }

  void symbol() {
    static const std::string_view pairs[] = {"..", "==", "!=", "<=", ">="};
    static const std::string_view singles = "()[]{},:=.+-*/<>";
    size_t begin = position_;
    if (at() == ';') {
      newline(";");
      ++position_;
      return;
    }
    for (std::string_view pair : pairs)
      if (text_.substr(position_, 2) == pair) {
        position_ += 2;
        push(TokenKind::Symbol, begin);
        return;
      }
    if (singles.find(at()) == std::string_view::npos) {
      unknown();
      return;
    }
    brackets(at());
    ++position_;
    push(TokenKind::Symbol, begin);
  }

  void brackets(char c) {
    if (c == '(' || c == '[' || c == '{') {
      open_.push_back(c);
    } else if (c == ')' || c == ']' || c == '}') {
      // A closing brace ends whatever was left open inside it, so that one forgotten `)` costs one error.
      if (c == '}')
        while (insideBrackets())
          open_.pop_back();
      if (!open_.empty() && (c == '}') == (open_.back() == '{'))
        open_.pop_back();
    }
  }

  void unknown() {
    static const std::pair<std::string_view, std::string_view> habits[] = {
        {"&&", "and"}, {"||", "or"},          {"!", "not"},           {"%", ""},
        {"^", ""},     {"@", "matmul(a, b)"}, {"?", "where(c, a, b)"}};
    size_t begin = position_;
    std::string message = "this character has no meaning here", mend;
    for (const auto &[text, meant] : habits)
      if (position_ == begin && text_.substr(begin, text.size()) == text) {
        position_ += text.size();
        message = "there is no `" + std::string(text) + "`";
        mend = meant.empty() ? "" : "did you mean `" + std::string(meant) + "`?";
      }
    if (position_ == begin)
      ++position_;
    while (position_ < text_.size() && (static_cast<unsigned char>(at()) & 0xC0) == 0x80)
      ++position_;
    push(TokenKind::Wrong, begin);
    diagnostics_.error(range(begin), message).help(mend);
  }

  int file_;
  std::string_view text_;
  DiagnosticEngine &diagnostics_;
  size_t position_ = 0;
  std::vector<char> open_;
  std::vector<Token> tokens_;
};

} // namespace

std::vector<Token> lex(int file, const SourceManager &sources, DiagnosticEngine &diagnostics) {
  return Lexer(file, sources, diagnostics).run();
}

} // namespace heter::frontend
