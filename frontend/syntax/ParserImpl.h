// The parser's class, shared by Parser.cpp (tokens and declarations), ParseStatement.cpp and ParseExpression.cpp. Every
// parse function that can fail returns false or null after it has reported the error; the statement loop then skips the
// statement.
#ifndef HETER_FRONTEND_SYNTAX_PARSERIMPL_H
#define HETER_FRONTEND_SYNTAX_PARSERIMPL_H

#include "frontend/syntax/Lexer.h"
#include "frontend/syntax/Parser.h"

namespace heter::frontend {

class Parser {
public:
  Parser(int file, const SourceManager &sources, DiagnosticEngine &diagnostics)
      : tokens_(lex(file, sources, diagnostics)), diagnostics_(diagnostics) {
    file_.number = file;
  }

  ast::File run();

private:
  // Tokens.
  const Token &peek(size_t ahead = 0) const { return tokens_[std::min(position_ + ahead, tokens_.size() - 1)]; }
  const Token &take() { return tokens_[position_ < tokens_.size() - 1 ? position_++ : position_]; }
  bool accept(std::string_view text);
  bool expect(std::string_view text, std::string_view where);
  bool close(std::string_view text, std::string_view where, SourceRange open);
  bool atName() const { return peek().kind == TokenKind::Name; }
  bool name(ast::Name &result, std::string_view what);
  bool hasDash();
  void skipNewlines();
  bool unexpected(std::string_view wanted, std::string help = "");
  SourceRange from(uint32_t begin) const;
  bool enter(SourceRange range);

  // Declarations (Parser.cpp).
  void header();
  bool declaration();
  bool import();
  bool constant();
  bool input();
  bool table();
  bool data();
  bool dataBind(ast::Data &data);
  bool function();
  bool parameter(ast::Function &function);
  bool type(ast::Type &result);
  bool size(ast::Size &result);

  // Options: `{ a: 1, b: 2 }` and `(x, a: 1)`.
  bool optionBlock(std::vector<ast::Option> &options);
  bool optionSeparator();
  bool option(std::vector<ast::Option> &options);
  bool arguments(std::vector<ast::ExprPtr> &items, std::vector<ast::Option> &options);
  bool atOption() const;

  // Statements (ParseStatement.cpp).
  bool step(ast::Block &block);
  bool bind(ast::Block &block);
  bool on(ast::Step &step);
  bool forLoop(ast::Step &step);
  bool ifElse(ast::Step &step);
  bool whileLoop(ast::Step &step);
  bool switchCase(ast::Step &step);
  bool scan(ast::Step &step);
  bool goal(ast::Block &block);
  bool block(ast::Block &block);
  bool statements(ast::Block &block, std::initializer_list<std::string_view> stops);
  bool endOfStatement();
  bool unknownStatement();
  void misplaced(SourceRange open);
  void synchronize();

  // Expressions (ParseExpression.cpp).
  ast::ExprPtr expression(int loosest = 0);
  ast::ExprPtr prefix();
  ast::ExprPtr postfix();
  ast::ExprPtr value();
  ast::ExprPtr number();
  ast::ExprPtr nameOrCall();
  ast::ExprPtr list();
  bool expressions(std::vector<ast::ExprPtr> &items);
  bool measure(ast::Expr &expr);
  ast::ExprPtr make(ast::ExprKind kind, const Token &token);

  ast::File file_;
  std::vector<Token> tokens_;
  DiagnosticEngine &diagnostics_;
  size_t position_ = 0;
  int nesting_ = 0;
  bool unclosed_ = false; ///< A `}` is missing, which was reported: the rest of the file is not read.
};

} // namespace heter::frontend

#endif // HETER_FRONTEND_SYNTAX_PARSERIMPL_H
