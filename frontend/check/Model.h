// The checked model: every name resolved, every function copied, every loop over a list unrolled, every type known.
// Plain data without any compiler library, so that the checker can be built, tested and fuzzed alone; frontend/emit
// turns it into the nn dialect.
#ifndef HETER_FRONTEND_CHECK_MODEL_H
#define HETER_FRONTEND_CHECK_MODEL_H

#include "frontend/check/Type.h"
#include "optimizers/Rules.h"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace heter::frontend {

/// Index into Model::values.
using ValueId = int;

/// A value of the flat program.
struct ValueInfo {
  Type type;
  std::string name; ///< The name it was bound to last, or "".
  SourceRange range;
};

using Attribute = std::variant<int64_t, double, std::string, std::vector<int64_t>>;

struct Op;

/// The nested program of `if`, `while`, `switch` and `scan`. `results` are what it hands to the next round or outward.
struct Region {
  std::vector<ValueId> arguments;
  std::vector<Op> ops;
  std::vector<ValueId> results;
};

/// One operation. Names are those of docs/spec-language.md's table of operations, plus broadcast, constant, and the
/// operators add, sub, mul, div, neg, and, or, not, eq, ne, lt, le, gt, ge.
struct Op {
  std::string name;
  std::vector<ValueId> operands;
  std::vector<ValueId> results;
  std::map<std::string, Attribute> attributes;
  SourceRange range;
  int mark = -1; ///< Index into Model::marks: the innermost `on`.
  std::vector<Region> regions;
};

/// An `on CLASS` as written.
struct Mark {
  std::string deviceClass; ///< cpu, heter, gpu, xpu or auto.
  std::string precision;   ///< f32, bf16 or "": its own or else that of the `on` around it.
  SourceRange range;
};

struct Input {
  std::string name;
  Type type;
  bool label = false;
  ValueId value = -1;
  SourceRange range;
};

/// How first values are made: zeros, ones, constant, uniform, normal; `scale` is the constant, the bound or the
/// standard deviation.
struct Initializer {
  std::string kind = "zeros";
  double scale = 0;
};

/// An optimizer with its numbers, defaults included.
struct Optimizer {
  optimizers::Call call;
  SourceRange range;
};

/// A rule about a table's rows: its name, numbers and texts.
struct StoreRule : optimizers::Call {
  std::map<std::string, std::string> texts;
};

struct TablePart {
  std::string name; ///< "" if the table has no named parts.
  int64_t dim = 0;
  Initializer init;
  Optimizer optimizer;            ///< Empty name: the model's.
  std::optional<StoreRule> admit; ///< When a key gets this part; none: at once.
  SourceRange range;
};

struct Table {
  std::string name;
  std::vector<TablePart> parts;
  std::vector<StoreRule> policy; ///< How rows are scored, and which are kept; show_click comes first.
  SourceRange range;
  SourceRange memoryRange; ///< Of the rule `memory`, if there is one.
};

/// A dense parameter under its path.
struct Parameter {
  std::string path;
  Type type; ///< Spread::Same, fixed.
  Initializer init;
  ValueId value = -1;
  SourceRange range; ///< The layer that makes it.
  int mark = -1;
};

/// Something the language has and the compiler does not lower yet.
struct Unsupported {
  SourceRange range;
  std::string what; ///< "`clip`", "a schedule".
  std::string need; ///< The kind of model that needs it.
};

struct Report {
  std::string metric; ///< auc, recall or value.
  std::string name;
  std::vector<ValueId> operands;
  SourceRange range;
  int mark = -1;
  bool grouped = false; ///< auc with `by:`; its last operand is the group.
};

struct Prediction {
  std::string name;
  ValueId value = -1;
  SourceRange range;
};

/// A data expression, resolved; docs/formats/package.md lists the ops.
struct DataExpression {
  std::string op;
  std::vector<DataExpression> arguments;
  std::vector<double> numbers;
  std::vector<std::string> texts;
  SourceRange range;
};

struct DataBinding {
  std::string input;
  DataExpression expression;
};

using DataOption = std::variant<bool, double, std::string, std::vector<std::string>>;

struct DataSource {
  std::string name;
  std::string format; ///< tsv, csv, slot, libsvm or libfm.
  std::map<std::string, DataOption> options;
  std::vector<DataBinding> bindings; ///< In the order of the inputs.
  SourceRange range;
};

struct Model {
  std::string name;
  int64_t seed = 0;
  SourceRange range;
  std::vector<Length> lengths;
  std::vector<ValueInfo> values;
  std::vector<Input> inputs;
  std::vector<Table> tables;
  std::vector<Parameter> parameters;
  std::vector<Mark> marks;
  std::vector<Op> ops; ///< In order; parameters and inputs are defined before the first.
  ValueId loss = -1;
  Optimizer optimizer;
  std::optional<optimizers::Call> average; ///< Of the dense parameters, in tests and predictions.
  double clip = 0;                         ///< The global norm of the dense gradients at most; 0 if it is not clipped.
  double clipValue = 0;                    ///< The magnitude of each of their elements at most; 0 if not clipped.
  SourceRange minimizeRange;
  std::vector<Report> reports;
  std::vector<Prediction> predictions;
  std::vector<DataSource> data;
  std::vector<Unsupported> unsupported; ///< In the order met; the emitter reports the first.
};

} // namespace heter::frontend

#endif // HETER_FRONTEND_CHECK_MODEL_H
