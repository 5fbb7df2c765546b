// Which operations a program needs, and which of them the compiler cannot lower yet. Free of MLIR.
#include "frontend/emit/Supported.h"

#include <algorithm>
#include <map>

namespace heter::frontend {

namespace {

/// Operations and the least that can be said of who needs those not lowered yet.
struct Gap {
  std::string_view op;
  std::string_view what;
  std::string_view need;
};

const Gap gaps[] = {
    {"prelu", "`prelu`", "target attention, as in DIN"},
    {"attention", "`attention`", "self-attention over a history"},
    {"scan", "`scan`", "recurrent models, as DIEN"},
    {"drop_first", "`drop_first`", "losses on sequences, as in DIEN"},
    {"drop_last", "`drop_last`", "losses on sequences, as in DIEN"},
    {"stack", "`stack` of lists", "models of several histories"},
    {"across", "`across`", "in-batch softmax, as in two-tower models"},
    {"row", "`row`", "in-batch softmax, as in two-tower models"},
    {"where", "`where`", "in-batch softmax, as in two-tower models"},
    {"l2_normalize", "`l2_normalize`", "two-tower models"},
    {"if", "a run-time `if`", "models with scenes or early exits"},
    {"switch", "`switch`", "models with scenes"},
    {"while", "`while`", "models with early exits"},
    {"eq", "a run-time comparison", "conditions"},
    {"ne", "a run-time comparison", "conditions"},
    {"lt", "a run-time comparison", "conditions"},
    {"le", "a run-time comparison", "conditions"},
    {"gt", "a run-time comparison", "conditions"},
    {"ge", "a run-time comparison", "conditions"},
    {"and", "a run-time condition", "conditions"},
    {"or", "a run-time condition", "conditions"},
    {"not", "a run-time condition", "conditions"},
};

/// Operations that work on i64 (or ids) as well as on f32.
bool takesIntegers(const Op &op) {
  return op.name == "lookup" || op.name == "hash" || op.name == "cast" || op.name == "softmax_cross_entropy";
}

struct Finding {
  SourceRange range;
  std::string what;
  std::string need;
};

const Op *definition(const Model &model, ValueId value) {
  for (const Op &op : model.ops)
    if (std::find(op.results.begin(), op.results.end(), value) != op.results.end())
      return &op;
  return nullptr;
}

std::optional<Finding> gapOf(const Model &model, const Op &op) {
  for (const Gap &gap : gaps)
    if (gap.op == op.name)
      return Finding{op.range, std::string(gap.what), std::string(gap.need)};
  std::vector<ValueId> values = op.operands;
  values.insert(values.end(), op.results.begin(), op.results.end());
  bool pooled = op.name == "lookup" && std::get<std::string>(op.attributes.at("pool")) != "none";
  for (ValueId value : values) {
    const Type &type = model.values[value].type;
    bool wholeList = pooled && type.rank() == 1;
    if (type.isRagged() && !wholeList && !pooledLookup(model, op))
      return Finding{op.range, "`" + op.name + "` of " + toString(type, model.lengths), "models of histories, as DIN"};
    if (type.element == Element::Bool && op.name != "cast")
      return Finding{op.range, "`" + op.name + "` of conditions", "conditions"};
  }
  for (ValueId value : op.operands)
    if (model.values[value].type.element != Element::F32 && !takesIntegers(op))
      return Finding{op.range, "`" + op.name + "` of " + toString(model.values[value].type, model.lengths),
                     "models that compute with ids and whole numbers"};
  return std::nullopt;
}

} // namespace

const Op *pooledLookup(const Model &model, const Op &op) {
  if ((op.name != "sum" && op.name != "mean") || op.attributes.count("batch"))
    return nullptr;
  const Type &type = model.values[op.operands[0]].type;
  const auto &axes = std::get<std::vector<int64_t>>(op.attributes.at("axes"));
  if (type.rank() != 2 || type.raggedAxis() != 0 || axes != std::vector<int64_t>{0})
    return nullptr;
  const Op *source = definition(model, op.operands[0]);
  return source && source->name == "lookup" ? source : nullptr;
}

std::vector<bool> neededOps(const Model &model, const std::vector<ValueId> &wanted, bool inferring) {
  std::vector<bool> values(model.values.size(), false), ops(model.ops.size(), false);
  for (ValueId value : wanted)
    values[value] = true;
  for (size_t i = model.ops.size(); i-- > 0;) {
    const Op &op = model.ops[i];
    if (std::none_of(op.results.begin(), op.results.end(), [&](ValueId value) { return value >= 0 && values[value]; }))
      continue;
    ops[i] = true;
    const Op *lookup = pooledLookup(model, op);
    for (ValueId operand : lookup ? lookup->operands : op.operands)
      values[operand] = true;
  }
  return ops;
}

bool checkSupported(const Model &model, DiagnosticEngine &diagnostics) {
  std::vector<Finding> findings;
  for (const Unsupported &item : model.unsupported)
    findings.push_back({item.range, item.what, item.need});
  std::vector<ValueId> wanted = {model.loss};
  for (const Report &report : model.reports)
    wanted.insert(wanted.end(), report.operands.begin(), report.operands.end());
  for (const Prediction &prediction : model.predictions)
    wanted.push_back(prediction.value);
  std::vector<bool> needed = neededOps(model, wanted, /*inferring=*/false);
  for (size_t i = 0; i < model.ops.size(); ++i)
    if (needed[i])
      if (auto found = gapOf(model, model.ops[i]))
        findings.push_back(*found);
  for (const Input &input : model.inputs)
    if (input.type.isRagged() && (input.type.rank() != 1 || input.type.element != Element::Id))
      findings.push_back(
          {input.range, "an input of type " + toString(input.type, model.lengths), "bags of several fields"});
  for (const Prediction &prediction : model.predictions)
    if (model.values[prediction.value].type.isRagged())
      findings.push_back({prediction.range, "a prediction of lists", "models that predict sequences"});
  std::stable_sort(findings.begin(), findings.end(), [](const Finding &a, const Finding &b) {
    return a.range.file != b.range.file ? a.range.file < b.range.file : a.range.begin < b.range.begin;
  });
  if (findings.empty())
    return true;
  const Finding &first = findings.front();
  diagnostics.error(first.range, "not supported yet: " + first.what + " (needed by: " + first.need + ")");
  return false;
}

} // namespace heter::frontend
