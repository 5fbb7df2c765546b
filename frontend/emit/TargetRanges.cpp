// From each loss back to the input that it compares with, through what moves numbers and does not change them. A slice
// is where that ends: what it leaves out may be anything.
#include "frontend/emit/TargetRanges.h"

#include "frontend/emit/Supported.h"

#include <optional>
#include <set>

namespace heter::frontend {

/// What the second operand of `op` may be, if it is a loss.
static std::optional<TargetRange> rangeOf(const Model &model, const Op &op) {
  if (op.name == "sigmoid_cross_entropy" || op.name == "log_loss")
    return TargetRange{0, 1, op.name};
  if (op.name == "softmax_cross_entropy")
    return TargetRange{0, static_cast<double>(model.values[op.operands[0]].type.shape.back().size - 1), op.name};
  return std::nullopt;
}

std::map<std::string, TargetRange> targetRanges(const Model &model) {
  static const std::set<std::string> moves = {"reshape", "broadcast", "transpose", "cast"};
  std::map<ValueId, const Op *> makers;
  for (const Op &op : model.ops)
    if (moves.count(op.name))
      makers[op.results[0]] = &op;
  std::map<ValueId, std::string> inputs;
  for (const Input &input : model.inputs)
    inputs[input.value] = input.name;
  std::map<std::string, TargetRange> ranges;
  const std::vector<bool> needed = neededOps(model, {model.loss}, /*inferring=*/false);
  for (size_t i = 0; i < model.ops.size(); ++i) {
    std::optional<TargetRange> range = needed[i] ? rangeOf(model, model.ops[i]) : std::nullopt;
    if (!range)
      continue;
    ValueId target = model.ops[i].operands[1];
    while (makers.count(target))
      target = makers[target]->operands[0];
    if (auto input = inputs.find(target); input != inputs.end())
      if (auto [known, isNew] = ranges.try_emplace(input->second, *range); !isNew && range->most < known->second.most)
        known->second = *range;
  }
  return ranges;
}

} // namespace heter::frontend
