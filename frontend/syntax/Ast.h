// The syntax tree of one `.heter` file, as written: no name is resolved and no type is known. Each node keeps the range
// it was read from; expressions also keep their depth, which the parser bounds so that every later walk may recurse.
#ifndef HETER_FRONTEND_SYNTAX_AST_H
#define HETER_FRONTEND_SYNTAX_AST_H

#include "frontend/syntax/Source.h"

#include <memory>
#include <string>
#include <vector>

namespace heter::frontend::ast {

struct Name {
  std::string text;
  SourceRange range;
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

/// `name: value`.
struct Option {
  Name name;
  ExprPtr value;
};

enum class ExprKind {
  Number,        ///< `number`, `unit`
  Text,          ///< `text`
  Flag,          ///< `true` or `false` in `text`
  Name,          ///< dotted `text`
  Call,          ///< dotted `text`; `items` are the arguments, then `options`
  List,          ///< `items`
  Comprehension, ///< [items[0] for text in items[1]]
  Unary,         ///< `text` is `-` or `not`; items[0]
  Binary,        ///< `text` is the operator; items[0], items[1]
  Index          ///< items[0][items[1]]
};

struct Expr {
  ExprKind kind = ExprKind::Number;
  SourceRange range;
  SourceRange spot; ///< Call: the name; Binary and Unary: the operator; Number: the unit; Comprehension: the variable.
  std::string text;
  std::string unit;
  double number = 0;
  int depth = 1;
  std::vector<ExprPtr> items;
  std::vector<Option> options;
};

/// One size of a type: an expression, or `*` with an optional length name.
struct Size {
  SourceRange range;
  bool ragged = false;
  std::string length;
  ExprPtr value;
};

struct Type {
  Name name;
  SourceRange range;
  std::vector<Size> sizes;
};

struct Step;
using Block = std::vector<Step>;

enum class StepKind { Bind, On, For, If, While, Switch, Scan, Minimize, Report, Predict };

/// One branch of `if` or `switch`.
struct Branch {
  std::vector<ExprPtr> labels; ///< Switch cases only; empty for `else`.
  SourceRange range;           ///< The word `case`, `else` or `if`.
  Block block;
};

struct Step {
  StepKind kind = StepKind::Bind;
  SourceRange range;              ///< The step's first word.
  std::vector<Name> names;        ///< Bind: the names bound. Scan: the names that collect `yields` (may be empty).
  std::vector<Name> variables;    ///< For, Scan.
  std::vector<ExprPtr> values;    ///< Bind: the value; For, Scan: the lists; If, While: the condition; Switch: the
                                  ///< subject; goals: what is minimized, reported or predicted.
  Name device;                    ///< On.
  std::vector<ExprPtr> arguments; ///< On.
  std::vector<Option> options;    ///< On; Minimize.
  ExprPtr with;                   ///< Minimize: the optimizer; While: the limit.
  std::vector<Branch> branches;   ///< If: then, and else if written; Switch: the cases, then else. Others: one.
  std::vector<ExprPtr> yields;    ///< Scan.
  Name as;                        ///< Report.
};

struct Import {
  SourceRange range; ///< The text.
  std::string path;
  Name as; ///< Empty text: none.
};

struct Const {
  Name name;
  ExprPtr value;
};

struct Input {
  Name name;
  Type type;
};

struct Part {
  Name name;
  std::vector<Option> options;
};

struct Table {
  Name name;
  std::vector<Option> options;
  std::vector<Part> parts;
};

struct DataBind {
  std::vector<Name> names;
  ExprPtr value;
};

struct Data {
  Name name;
  Name format;
  std::vector<ExprPtr> arguments;
  std::vector<Option> options;
  std::vector<DataBind> binds;
};

struct Parameter {
  Name name;
  bool hasType = false;
  Type type;
  ExprPtr fallback;
};

struct Function {
  Name name;
  std::vector<Parameter> parameters;
  Block block;
  std::vector<ExprPtr> results;
};

struct File {
  int number = -1;   ///< In the SourceManager.
  SourceRange first; ///< The first token.
  bool hasModel = false;
  /// Whether every statement was read: after a statement that was skipped, checking would only report what follows
  /// from the skip.
  bool complete = true;
  Name model;
  std::vector<Option> options;
  std::vector<Import> imports;
  std::vector<Const> constants;
  std::vector<Input> inputs;
  std::vector<Table> tables;
  std::vector<Data> data;
  std::vector<Function> functions;
  Block steps; ///< With the goals, in the order written.
};

} // namespace heter::frontend::ast

#endif // HETER_FRONTEND_SYNTAX_AST_H
