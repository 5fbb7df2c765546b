// Text to tokens. A newline (or `;`) is a token only where it can end a statement: not inside ( ) or [ ], and not after
// an operator or comma.
#ifndef HETER_FRONTEND_SYNTAX_LEXER_H
#define HETER_FRONTEND_SYNTAX_LEXER_H

#include "frontend/syntax/Diagnostics.h"

#include <string>
#include <vector>

namespace heter::frontend {

/// Wrong is a character without meaning, already reported: the parser skips its statement in silence.
enum class TokenKind { Name, Keyword, Number, Text, Symbol, Newline, Wrong, End };

struct Token {
  TokenKind kind = TokenKind::End;
  SourceRange range;
  std::string text; ///< The spelling; for Text the unescaped content.
  double number = 0;
  bool glued = false; ///< No blank between the token before and this one.

  /// Whether it is this keyword or symbol.
  bool is(std::string_view spelling) const {
    return (kind == TokenKind::Keyword || kind == TokenKind::Symbol) && text == spelling;
  }
};

/// All tokens of a file, ended by one End token. Unknown characters and open texts are reported.
std::vector<Token> lex(int file, const SourceManager &sources, DiagnosticEngine &diagnostics);

/// The reserved words.
const std::vector<std::string> &keywords();

} // namespace heter::frontend

#endif // HETER_FRONTEND_SYNTAX_LEXER_H
