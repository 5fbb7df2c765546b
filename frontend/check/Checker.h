// The checker's class. Its parts: Declarations.cpp (files, imports, inputs, tables, constants), Statements.cpp,
// Branches.cpp and Loops.cpp (run-time regions), Expressions.cpp, Calls.cpp (functions and built-ins), Pairing.cpp
// (operators and broadcasting), Options.cpp (options and the calls they take), Rules.cpp (optimizers),
// RowRules.cpp (admission, eviction), Goals.cpp, Data.cpp, and the built-ins in Builtins*.cpp.
//
// A name is checked where it is used; after an error its value is poison, which makes everything that follows silent.
#ifndef HETER_FRONTEND_CHECK_CHECKER_H
#define HETER_FRONTEND_CHECK_CHECKER_H

#include "frontend/check/Value.h"
#include "frontend/syntax/Ast.h"
#include "frontend/syntax/Diagnostics.h"

#include <memory>
#include <optional>

namespace heter::frontend {

class Checker;
struct CallSite;

/// A declared name and where it stands.
struct Declaration {
  enum class Kind { Input, Table, Const, Function, Import, Data };
  Kind kind;
  size_t index; ///< In its file's list.
  SourceRange range;
  struct Unit *unit; ///< The file that declares it.
};

/// One file.
struct Unit {
  std::string path;
  ast::File file;
  std::map<std::string, Declaration> declarations;
  std::map<std::string, Unit *> imports; ///< By alias.
  struct Constant {
    enum class State { Fresh, Running, Done } state = State::Fresh;
    Value value;
  };
  std::vector<Constant> constants;
};

/// A function's copy, or the file's own statements.
struct Frame {
  Unit *unit = nullptr;
  const ast::Function *function = nullptr;
  Scope scope;
  std::map<std::string, int> lengths;       ///< Length names bound by parameter types.
  std::optional<std::string> prefix;        ///< The path of the name that the copy is bound to; none: it has no name.
  std::vector<std::string> suffixes;        ///< Rounds of `for` and branches around the statement.
  std::map<std::string, SourceRange> inner; ///< Names that only the body of a run-time loop bound.
  std::set<std::string> frozen;             ///< Compile-time names that a run-time region must not change.
};

/// A built-in function: how many arguments, which options, and what checks it.
struct Builtin {
  std::string_view name;
  int least;
  int most;
  std::vector<std::string> options;
  Value (*check)(Checker &, CallSite &);
  bool firstIsTable = false; ///< The first argument names a table and is not evaluated.
};

/// A call being checked: no argument is poison.
struct CallSite {
  const ast::Expr &expr;
  std::string name;
  std::vector<Value> arguments;

  SourceRange argumentRange(size_t i) const { return expr.items[i]->range; }
  const ast::Option *option(std::string_view name) const;
};

/// One argument of a call that an option takes, as `uniform(0.01)` or `adam(lr: 1e-3)`.
struct SpecArgument {
  /// Rate: a number or a schedule; Label: the name of a label.
  enum class Kind { Number, Rate, Steps, Time, Label };
  std::string name;
  Kind kind = Kind::Number;
  bool required = false;
  bool positional = false;
  const optimizers::Option *bounds = nullptr; ///< What the number may be, if not any.
};

/// A call that an option takes.
struct CallSpec {
  std::string name;
  std::vector<SpecArgument> arguments;
};

using ReadCall = StoreRule;

class Checker {
public:
  Checker(SourceManager &sources, DiagnosticEngine &diagnostics) : sources_(sources), diagnostics_(diagnostics) {}

  std::optional<Model> run(int file);

  //===-- Services for built-ins --------------------------------------------------------------------------------===//

  Diagnostic &error(SourceRange range, std::string message) { return diagnostics_.error(range, std::move(message)); }
  Model &model() { return model_; }
  std::string show(const Type &type) const { return toString(type, model_.lengths); }
  /// "f32[13]", "a scalar of the whole batch", "the number 3", "a list".
  std::string show(const Value &value) const;
  std::string text(SourceRange range) const { return std::string(diagnostics_.sources().text(range)); }

  /// Adds an operation with one result.
  Value add(const std::string &name, std::vector<Value> operands, Type type, SourceRange range,
            std::map<std::string, Attribute> attributes = {});
  /// The operation itself, to give it regions or several results.
  Op &addOp(const std::string &name, std::vector<ValueId> operands, SourceRange range);
  ValueId newValue(Type type, SourceRange range);

  /// A compile-time number as a run-time constant.
  Value constant(double number, Element element, std::vector<Dim> shape, Spread spread, SourceRange range);
  /// A value for a type it pairs with (an operation `broadcast` unless it has that type).
  Value broadcast(const Value &value, const Type &type, SourceRange range);
  /// The type of two values side by side; nothing, after an error at `spot`, if they do not pair.
  std::optional<Type> pair(const Value &a, const Value &b, SourceRange spot, const std::string &op);
  /// Both values brought to their common type; numbers become constants.
  bool pairOperands(Value &a, Value &b, SourceRange spot, const std::string &op, SourceRange rangeA,
                    SourceRange rangeB);
  /// Elementwise unary and binary operators.
  Value unary(const std::string &op, const Value &value, SourceRange range, SourceRange spot);
  bool checkOperand(const std::string &op, Value &value, SourceRange range);
  Value binary(const std::string &op, Value a, Value b, const ast::Expr &expr);

  /// Argument `i` as an f32 tensor; nothing, after an error, for anything else. Numbers become constants.
  bool wantNumbers(CallSite &call, size_t i);
  bool wantExampleOrSame(CallSite &call, size_t i);
  bool wantTensor(CallSite &call, size_t i, std::string_view wanted);
  std::optional<int64_t> wantInteger(const Value &value, SourceRange range, const std::string &what, int64_t least,
                                     int64_t most);
  /// Option or argument that names an axis of `type`; negative counts from the end.
  std::optional<int> axis(const Value &value, SourceRange range, const Type &type);
  std::optional<int> axisOption(CallSite &call, const Type &type, int fallback);
  /// Sizes from a number or a list of numbers.
  std::optional<std::vector<Dim>> sizes(const Value &value, SourceRange range);
  /// Whether the shape's element count is within bounds; reports otherwise.
  bool checkCount(const std::vector<Dim> &shape, SourceRange range);
  std::optional<double> numberOption(CallSite &call, std::string_view name, double fallback);
  std::optional<bool> flagOption(CallSite &call, std::string_view name, bool fallback);
  /// An option that is one word (`pool: mean`); "" if absent, nothing after an error.
  std::optional<std::string> wordOption(CallSite &call, std::string_view name,
                                        const std::vector<std::string> &words = {});
  /// Reports if the batch may not be looked across here.
  bool mayCrossBatch(SourceRange range, const std::string &what);

  /// The path of a layer: of the name bound, or of its `name:`; nothing, after an error, if there is none.
  std::optional<std::string> layerPath(CallSite &call);
  /// Makes (or, with `share:`, finds) the parameter `path.leaf`.
  std::optional<Value> parameter(CallSite &call, const std::string &path, const std::string &leaf,
                                 std::vector<Dim> shape, Initializer init);
  /// Reports a table or parameter whose name another symbol of the compiled module has.
  bool checkSymbol(const std::string &name, SourceRange range);
  /// Claims a path without a parameter (dropout masks).
  bool claimPath(CallSite &call, const std::string &path, const std::string &what);

  std::optional<Initializer> readInitializer(const ast::Expr &expr);
  std::optional<Initializer> initializerOption(CallSite &call, std::string_view name, Initializer fallback);
  Value evaluate(const ast::Expr &expr);
  /// The table and part that an expression names.
  const TablePart *findPart(const ast::Expr &expr, std::string &table);
  void unsupported(SourceRange range, std::string what, std::string need);

private:
  // Declarations.cpp
  Unit *loadUnit(int file, bool main, SourceRange from);
  void importFile(Unit &unit, const ast::Import &import);
  void declare(Unit &unit, const ast::Name &name, Declaration::Kind kind, size_t index);
  void declareAll(Unit &unit);
  void findRecursion(Unit &unit);
  void checkModelOptions(const ast::File &file);
  void checkInputs(Unit &unit);
  void checkInput(const ast::Input &input);
  std::optional<Element> elementOf(const ast::Name &name);
  int lengthOf(const ast::Size &size, const ast::Input &input);
  void checkTables(Unit &unit);
  void checkTable(const ast::Table &table);
  std::optional<TablePart> checkPart(const std::string &what, const ast::Name &name,
                                     const std::vector<ast::Option> &options);
  Value constantValue(Unit &unit, size_t index);

  // Statements.cpp
  void runBlock(const ast::Block &block);
  void runStep(const ast::Step &step);
  void runBind(const ast::Step &step);
  void runOn(const ast::Step &step);
  void runFor(const ast::Step &step);
  void assign(const ast::Name &name, Value value);
  bool spend(SourceRange range);
  bool mayNest(SourceRange range);
  std::optional<std::string> pathOf(const std::string &name) const;
  struct PathScope;

  // Branches.cpp
  void runIf(const ast::Step &step);
  void runSwitch(const ast::Step &step);
  struct BranchRun;
  void runBranches(const ast::Step &step, const Value &subject, std::vector<BranchRun> &branches);
  void mergeBranches(const ast::Step &step, Op &op, std::vector<BranchRun> &branches, const Scope &outer, int label);
  void mergeName(const std::string &name, const ast::Step &step, Op &op, std::vector<BranchRun> &branches,
                 const Scope &outer, int label);
  void spreadConstants(std::vector<Binding *> &all, std::vector<BranchRun> &branches);
  std::optional<bool> eachExample(const Value &condition, SourceRange range, const std::string &word);

  // Loops.cpp
  struct Carried;
  /// What a region changes in the checker, to be put back behind it.
  struct RegionState {
    Scope scope;
    std::set<std::string> frozen;
    SourceRange eachExample;
    std::vector<Op> *ops;
  };
  RegionState enterRegion(SourceRange each);
  void leaveRegion(RegionState state);
  void freeze();
  std::vector<Carried> carriedNames(const ast::Block &block, bool eachExample, SourceRange range);
  void enterCarried(std::vector<Carried> &carried, Region &region);
  void leaveCarried(std::vector<Carried> &carried, Region &region);
  void handOut(std::vector<Carried> &carried, Op &op, int label);
  Value loopCondition(const ast::Expr &source);
  bool tryCondition(const ast::Expr &source);
  void runWhile(const ast::Step &step);
  std::optional<std::vector<Value>> scannedLists(const ast::Step &step, const std::optional<std::string> &path);
  void bindElements(const ast::Step &step, const std::optional<std::vector<Value>> &lists, Op &op);
  void bindCollected(const ast::Step &step, const std::vector<Value> &yields,
                     const std::optional<std::vector<Value>> &lists, Op &op);
  void runScan(const ast::Step &step);

  // Expressions.cpp
  Value evaluateAny(const ast::Expr &expr);
  Value evaluateInner(const ast::Expr &expr);
  Value evaluateNumber(const ast::Expr &expr);
  Value evaluateName(const ast::Expr &expr);
  Value useBinding(const std::string &name, const Binding &binding, SourceRange range);
  Value unknownName(const ast::Expr &expr);
  Value makeList(std::vector<Value> items, SourceRange range);
  Value evaluateRange(const Value &low, const Value &high, const ast::Expr &expr);
  Value evaluateComprehension(const ast::Expr &expr);
  Value evaluateIndex(const ast::Expr &expr);

  // Calls.cpp
  Value evaluateCall(const ast::Expr &expr);
  Value callBuiltin(const Builtin &builtin, const ast::Expr &expr);
  Value callFunction(Unit &unit, const ast::Function &function, const ast::Expr &expr);
  bool bindParameters(const ast::Function &function, const ast::Expr &expr, Frame &frame);
  bool matchType(const ast::Parameter &parameter, const Value &value, SourceRange range, const ast::Function &function,
                 Frame &frame);
  bool matchSize(const ast::Size &size, const Dim &dim, Frame &frame);
  bool checkOptionNames(const std::vector<ast::Option> &options, const std::vector<std::string> &known,
                        const std::string &what);
  std::pair<Unit *, const ast::Function *> findFunction(const std::string &name);

  // Options.cpp
  std::optional<ReadCall> readCall(const ast::Expr &expr, const std::string &what, const std::vector<CallSpec> &specs);
  bool readArgument(const ast::Expr &expr, const SpecArgument &argument, const CallSpec &spec, ReadCall &result);
  bool readLabel(const ast::Expr &expr, const std::string &what, std::string &name);
  std::optional<double> measured(const ast::Expr &expr, const std::string &what, const std::vector<std::string> &units);

  // Rules.cpp
  std::optional<Optimizer> readOptimizer(const ast::Expr &expr);
  std::optional<ReadCall> readSchedule(const ast::Expr &expr);
  void readAverage(const ast::Expr &expr);

  // RowRules.cpp
  std::optional<StoreRule> readAdmission(const ast::Option &option);
  void checkOneAdmission(const ast::Table &table, const Table &checked);
  void checkRowRules(const ast::Table &table, Table &checked);
  void checkMemory(const Table &table);

  // Goals.cpp
  void runMinimize(const ast::Step &step);
  void readMinimizeOption(const ast::Option &option);
  void runReport(const ast::Step &step);
  void runPredict(const ast::Step &step);
  bool checkMetric(const ast::Step &step, const ast::Expr &call, Report &report);
  bool checkNoLabel(const Value &value, SourceRange range);
  void checkGoals();

  // Data.cpp
  void checkData(const ast::Data &data);

  friend class DataChecker;
  friend class RowRules;

  SourceManager &sources_;
  DiagnosticEngine &diagnostics_;
  Model model_;
  std::vector<std::unique_ptr<Unit>> units_;
  std::map<std::string, Unit *> loaded_; ///< By canonical path; null while it is being loaded.
  Unit *main_ = nullptr;
  Frame *frame_ = nullptr;
  std::vector<Op> *ops_ = nullptr; ///< Where operations are added.
  int mark_ = -1;
  std::optional<std::string> path_; ///< Of the name being bound.
  std::string binder_;              ///< The word that binds no name, while there is no path.
  SourceRange eachExample_;         ///< The condition that sends each example its own way, if one does.
  struct Made {
    SourceRange range;
    int parameter;
  };
  std::map<std::string, Made> made_; ///< By path.
  std::vector<const ast::Function *> calls_;
  int depth_ = 0;
  int64_t spent_ = 0;
  int64_t listed_ = 0;
  bool stopped_ = false;
};

/// The built-in of that name, or null; and all their names.
const Builtin *findBuiltin(std::string_view name);
std::vector<std::string> builtinNames();
/// The tables of Builtins*.cpp.
const std::vector<Builtin> &shapeBuiltins();
const std::vector<Builtin> &mathBuiltins();
const std::vector<Builtin> &layerBuiltins();
const std::vector<Builtin> &lossBuiltins();

/// The longest list, and so the most rounds of a `for`.
inline constexpr int64_t maxList = 10000;
/// The deepest nesting of calls, blocks and expressions together.
inline constexpr int maxDepth = 400;
/// The most elements of all lists together.
inline constexpr int64_t maxListed = 1000000;
/// The most statements that copying may make.
inline constexpr int64_t maxSpent = 100000;

} // namespace heter::frontend

#endif // HETER_FRONTEND_CHECK_CHECKER_H
