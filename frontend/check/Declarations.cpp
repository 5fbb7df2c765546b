// Files and imports, the names they declare and constants; and the order in which a model is checked.
#include "frontend/check/Check.h"
#include "frontend/check/Checker.h"
#include "frontend/check/DataChecker.h"
#include "frontend/syntax/Lexer.h"
#include "frontend/syntax/Parser.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <utility>

namespace heter::frontend {

/// Whether a text may be meant as a model or a file of functions, by how its first statement begins. Other texts (data,
/// programs, prose) would give an error a line.
static bool mayBeModel(std::string_view text) {
  auto isNameChar = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  while (!text.empty() && (std::isspace(static_cast<unsigned char>(text[0])) || text[0] == '#'))
    text.remove_prefix(text[0] == '#' ? std::min(text.find('\n'), text.size()) : 1);
  size_t length = std::find_if_not(text.begin(), text.end(), isNameChar) - text.begin();
  std::string word(text.substr(0, length));
  text.remove_prefix(length);
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  char next = text.empty() ? '\n' : text[0];
  if (word.empty() || std::isdigit(static_cast<unsigned char>(word[0])))
    return word.empty() && next == '\n';
  if (word == "import")
    return next == '"';
  bool isKeyword = std::find(keywords().begin(), keywords().end(), word) != keywords().end();
  return isKeyword || !nearest(word, keywords()).empty() ||
         std::string_view(":=,").find(next) != std::string_view::npos;
}

std::optional<Model> checkFile(const std::string &path, SourceManager &sources, DiagnosticEngine &diagnostics) {
  std::string reason;
  int file = sources.load(path, reason);
  if (file < 0) {
    diagnostics.error({}, "cannot read " + path + ": " + reason);
    return std::nullopt;
  }
  if (!mayBeModel(sources.file(file).text())) {
    diagnostics.error({}, "cannot read " + path + ": it is no model, which begins with `model NAME`");
    return std::nullopt;
  }
  return checkSource(file, sources, diagnostics);
}

std::optional<Model> checkSource(int file, SourceManager &sources, DiagnosticEngine &diagnostics) {
  return Checker(sources, diagnostics).run(file);
}

std::optional<Model> Checker::run(int file) {
  main_ = loadUnit(file, /*main=*/true, {});
  bool complete = main_;
  for (const auto &unit : units_)
    complete &= unit->file.complete;
  if (!complete)
    return std::nullopt;
  for (const auto &unit : units_)
    findRecursion(*unit);
  if (diagnostics_.isFull())
    return std::nullopt;

  Frame frame;
  frame.unit = main_;
  frame.prefix = "";
  frame_ = &frame;
  ops_ = &model_.ops;
  model_.name = main_->file.model.text;
  model_.range = main_->file.model.range;
  checkModelOptions(main_->file);
  checkInputs(*main_);
  checkTables(*main_);
  for (const auto &unit : units_)
    for (size_t i = 0; i < unit->constants.size(); ++i)
      constantValue(*unit, i);
  runBlock(main_->file.steps);
  checkGoals();
  for (const ast::Data &data : main_->file.data)
    checkData(data);
  if (main_->file.data.empty())
    model_.data.push_back(defaultData(model_));
  if (diagnostics_.hasErrors())
    return std::nullopt;
  return std::move(model_);
}

//===-- Files -----------------------------------------------------------------------------------------------------===//

static std::string canonicalPath(const std::string &path) {
  std::error_code code;
  std::filesystem::path canonical = std::filesystem::weakly_canonical(path, code);
  return code ? path : canonical.string();
}

Unit *Checker::loadUnit(int file, bool main, SourceRange from) {
  const std::string &path = sources_.file(file).path();
  std::string key = canonicalPath(path);
  loaded_[key] = nullptr;
  units_.push_back(std::make_unique<Unit>());
  Unit *unit = units_.back().get();
  unit->path = path;
  unit->file = parse(file, sources_, diagnostics_);
  unit->constants.resize(unit->file.constants.size());
  if (main && !unit->file.hasModel) {
    error(unit->file.first, "a model's file begins with `model`").help("model NAME");
    return nullptr;
  }
  if (!main && unit->file.hasModel) {
    error(from, "an imported file holds functions and constants, and this one is a model")
        .note(unit->file.model.range, "its model");
    return nullptr;
  }
  if (!main) {
    const ast::File &ast = unit->file;
    SourceRange wrong = !ast.inputs.empty()   ? ast.inputs.front().name.range
                        : !ast.tables.empty() ? ast.tables.front().name.range
                        : !ast.data.empty()   ? ast.data.front().name.range
                        : !ast.steps.empty()  ? ast.steps.front().range
                                              : SourceRange();
    if (wrong.isValid())
      error(wrong, "a file without `model` holds functions and constants only");
  }
  declareAll(*unit);
  loaded_[key] = unit;
  return unit;
}

void Checker::importFile(Unit &unit, const ast::Import &import) {
  std::string path = (std::filesystem::path(unit.path).parent_path() / import.path).string();
  std::string key = canonicalPath(path);
  Unit *imported = nullptr;
  if (auto known = loaded_.find(key); known != loaded_.end()) {
    imported = known->second;
    if (!imported && !diagnostics_.isFull())
      error(import.range, "`" + import.path + "` imports itself, perhaps through another file");
  } else if (units_.size() >= 100) {
    error(import.range, "too many files are imported: more than 100");
  } else {
    std::string reason;
    int file = sources_.load(path, reason);
    if (file < 0)
      error(import.range, "cannot read `" + path + "`: " + reason).help("the path is relative to this file");
    else
      imported = loadUnit(file, /*main=*/false, import.range);
  }
  if (!imported) {
    unit.file.complete = false;
    return;
  }
  if (!import.as.text.empty()) {
    unit.imports[import.as.text] = imported;
    return;
  }
  for (const auto &[name, declaration] : imported->declarations)
    if (auto [at, isNew] = unit.declarations.try_emplace(name, declaration); !isNew && at->second.unit != imported)
      error(import.range, "`" + name + "` is declared twice")
          .note(at->second.range, "first here")
          .note(declaration.range, "and in the imported file")
          .help("import \"" + import.path + "\" as NAME");
}

//===-- Names -----------------------------------------------------------------------------------------------------===//

void Checker::declare(Unit &unit, const ast::Name &name, Declaration::Kind kind, size_t index) {
  auto [at, isNew] = unit.declarations.try_emplace(name.text, Declaration{kind, index, name.range, &unit});
  if (isNew)
    return;
  SourceRange first = at->second.range, second = name.range;
  if (first.file == second.file && second.begin < first.begin)
    std::swap(first, second);
  error(second, "`" + name.text + "` is declared twice").note(first, "first here");
}

void Checker::declareAll(Unit &unit) {
  const ast::File &file = unit.file;
  using Kind = Declaration::Kind;
  for (size_t i = 0; i < file.inputs.size(); ++i)
    declare(unit, file.inputs[i].name, Kind::Input, i);
  for (size_t i = 0; i < file.tables.size(); ++i)
    declare(unit, file.tables[i].name, Kind::Table, i);
  for (size_t i = 0; i < file.constants.size(); ++i)
    declare(unit, file.constants[i].name, Kind::Const, i);
  for (size_t i = 0; i < file.functions.size(); ++i)
    declare(unit, file.functions[i].name, Kind::Function, i);
  for (size_t i = 0; i < file.imports.size(); ++i)
    if (!file.imports[i].as.text.empty())
      declare(unit, file.imports[i].as, Kind::Import, i);
  // A data block's name is used by the run only: `data criteo` may stand beside an input `criteo`.
  std::map<std::string, SourceRange> blocks;
  for (const ast::Data &data : file.data)
    if (auto [at, isNew] = blocks.try_emplace(data.name.text, data.name.range); !isNew)
      error(data.name.range, "`" + data.name.text + "` is declared twice").note(at->second, "first here");
  for (const ast::Import &import : file.imports)
    importFile(unit, import);
}

namespace {

/// Collects the functions that a function's body calls by plain name.
struct CallCollector {
  std::vector<const ast::Expr *> calls;

  void visit(const ast::Expr *expr) {
    if (!expr)
      return;
    if (expr->kind == ast::ExprKind::Call)
      calls.push_back(expr);
    for (const auto &item : expr->items)
      visit(item.get());
    for (const auto &option : expr->options)
      visit(option.value.get());
  }
  void visit(const ast::Block &block) {
    for (const ast::Step &step : block) {
      for (const auto &value : step.values)
        visit(value.get());
      visit(step.with.get());
      for (const auto &value : step.yields)
        visit(value.get());
      for (const ast::Branch &branch : step.branches)
        visit(branch.block);
    }
  }
};

} // namespace

/// Reports each function that reaches itself. Calls between files cannot make a cycle: imports have none.
void Checker::findRecursion(Unit &unit) {
  const auto &functions = unit.file.functions;
  std::map<std::string, size_t> numbers;
  for (size_t i = 0; i < functions.size(); ++i)
    numbers.try_emplace(functions[i].name.text, i);
  std::vector<std::vector<std::pair<size_t, const ast::Expr *>>> edges(functions.size());
  for (size_t i = 0; i < functions.size(); ++i) {
    CallCollector collector;
    collector.visit(functions[i].block);
    for (const auto &result : functions[i].results)
      collector.visit(result.get());
    for (const ast::Expr *call : collector.calls)
      if (auto at = numbers.find(call->text); at != numbers.end())
        edges[i].push_back({at->second, call});
  }
  enum { Fresh, Open, Done };
  std::vector<int> state(functions.size(), Fresh);
  for (size_t root = 0; root < functions.size(); ++root) {
    std::vector<std::pair<size_t, size_t>> stack; // function, next edge
    if (state[root] == Fresh)
      stack.push_back({root, 0});
    while (!stack.empty()) {
      auto &[at, next] = stack.back();
      state[at] = Open;
      if (next == edges[at].size()) {
        state[at] = Done;
        stack.pop_back();
        continue;
      }
      auto [to, call] = edges[at][next++];
      if (state[to] == Open) {
        std::string through;
        if (to != at)
          through = " through `" + functions[at].name.text + "`";
        error(call->spot, "`" + call->text + "` calls itself" + through + ", but a call is a copy: this never ends")
            .help("repeat with `for`, `while` or `scan`");
      } else if (state[to] == Fresh) {
        stack.push_back({to, 0});
      }
    }
  }
}

Value Checker::constantValue(Unit &unit, size_t index) {
  Unit::Constant &constant = unit.constants[index];
  const ast::Const &source = unit.file.constants[index];
  if (constant.state == Unit::Constant::State::Running) {
    error(source.name.range, "constant `" + source.name.text + "` is defined by itself");
    return {};
  }
  if (constant.state == Unit::Constant::State::Done)
    return constant.value;
  constant.state = Unit::Constant::State::Running;
  Frame frame;
  frame.unit = &unit;
  Frame *outer = std::exchange(frame_, &frame);
  Value value = evaluate(*source.value);
  frame_ = outer;
  if (value.isTensor()) {
    error(source.value->range, "a constant is known to the compiler, and this is " + show(value));
    value = {};
  }
  constant.state = Unit::Constant::State::Done;
  return constant.value = std::move(value);
}

} // namespace heter::frontend
