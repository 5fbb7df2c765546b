// Tokens to syntax tree, by recursive descent with two tokens of look-ahead. A statement with an error is reported once
// and skipped; nesting is bounded.
#ifndef HETER_FRONTEND_SYNTAX_PARSER_H
#define HETER_FRONTEND_SYNTAX_PARSER_H

#include "frontend/syntax/Ast.h"
#include "frontend/syntax/Diagnostics.h"

namespace heter::frontend {

/// The deepest nesting of expressions and blocks that is read.
inline constexpr int maxNesting = 120;
/// The longest chain of operators, and so the deepest expression.
inline constexpr int maxExpressionDepth = 250;

/// Reads a whole file. Errors go to `diagnostics`; see ast::File::complete.
ast::File parse(int file, const SourceManager &sources, DiagnosticEngine &diagnostics);

/// The units a number may carry.
const std::vector<std::string> &unitNames();

} // namespace heter::frontend

#endif // HETER_FRONTEND_SYNTAX_PARSER_H
