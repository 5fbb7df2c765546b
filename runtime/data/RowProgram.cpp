// RowProgram at work: one line to values of every input.
#include "runtime/data/RowProgram.h"

#include "runtime/base/Hash.h"
#include "runtime/data/Numbers.h"

#include <algorithm>
#include <cmath>

namespace heter::runtime {

namespace {

/// Between the parts of a cross: what text files use for nothing else.
constexpr char crossSeparator = '\x1f';

/// Continues Python 2's 64-bit string hash behind a salt; `buckets` as Python's % takes it.
int64_t python2Hash(std::string_view text, uint64_t state, uint64_t saltLength, uint64_t buckets) {
  for (char c : text)
    state = 1000003 * state ^ static_cast<unsigned char>(c);
  auto hash = static_cast<int64_t>(state ^ (saltLength + text.size()));
  if (hash == -1)
    hash = -2;
  if (buckets == 0)
    return hash;
  auto size = static_cast<int64_t>(buckets);
  int64_t rest = hash % size;
  return rest < 0 ? rest + size : rest;
}

/// std::log1p, looked up for the small whole numbers that counts mostly are.
double log1pOf(double value) {
  constexpr int32_t known = 4096;
  static const std::vector<double> values = [] {
    std::vector<double> made;
    for (int32_t i = 0; i < known; ++i)
      made.push_back(std::log1p(i));
    return made;
  }();
  if (value >= 0 && value < known)
    if (const auto whole = static_cast<int32_t>(value); whole == value)
      return values[static_cast<size_t>(whole)];
  return std::log1p(value);
}

std::string valueCount(size_t count) { return count == 0 ? "none" : std::to_string(count); }

} // namespace

void RowProgram::begin(Batch &batch) const {
  batch.examples = 0;
  batch.tensors.resize(inputs_.size());
  for (size_t i = 0; i < inputs_.size(); ++i) {
    BatchTensor &tensor = batch.tensors[i];
    tensor.kind = inputs_[i].kind;
    tensor.element = inputs_[i].element;
    tensor.floats.clear();
    tensor.integers.clear();
    tensor.offsets.clear();
    if (tensor.kind == package::ValueKind::RAGGED)
      tensor.offsets.push_back(0);
  }
}

bool RowProgram::append(std::string_view line, Batch &batch, RowError &error) {
  if (!splitter_->split(line, parts_, error) || !execute(error))
    return false;
  if (!appendInputs(batch, error)) {
    rollBack(batch);
    return false;
  }
  ++batch.examples;
  return true;
}

//===-- Instructions ----------------------------------------------------------------------------------------------===//

inline void RowProgram::compute(const Instruction &instruction) {
  Register &target = registers_[instruction.target];
  const Register &a = registers_[instruction.a];
  const Register &b = registers_[instruction.b];
  bool binary = instruction.op <= Op::Div;
  target.missing = a.missing || (binary && b.missing);
  if (target.missing)
    return;
  switch (instruction.op) {
  case Op::Max:
    target.value = a.value < b.value ? b.value : a.value;
    break;
  case Op::Min:
    target.value = b.value < a.value ? b.value : a.value;
    break;
  case Op::Add:
    target.value = a.value + b.value;
    break;
  case Op::Sub:
    target.value = a.value - b.value;
    break;
  case Op::Mul:
    target.value = a.value * b.value;
    break;
  case Op::Div:
    target.value = a.value / b.value;
    break;
  case Op::Neg:
    target.value = -a.value;
    break;
  case Op::Log:
    target.value = std::log(a.value);
    break;
  case Op::Log1p:
    target.value = log1pOf(a.value);
    break;
  default:
    break;
  }
}

bool RowProgram::execute(RowError &error) {
  for (const Instruction &instruction : code_) {
    if (instruction.op == Op::Parse) {
      Register &target = registers_[instruction.target];
      const Text &text = parts_.fields[instruction.a];
      target.missing = text.view.empty();
      if (!target.missing && !parseNumber(text.view, target.value)) {
        error = {text.offset, fieldNames_[instruction.a] + ": expected a number, got " + quoted(text.view)};
        return false;
      }
    } else if (instruction.op >= Op::Max && instruction.op <= Op::Log1p) {
      compute(instruction);
    } else if (!executeText(instruction, error)) {
      return false;
    }
  }
  return true;
}

bool RowProgram::executeText(const Instruction &instruction, RowError &error) {
  switch (instruction.op) {
  case Op::StartsWith: {
    bool starts = parts_.fields[instruction.a].view.starts_with(texts_[instruction.b]);
    registers_[instruction.target] = {starts ? 1.0 : 0.0, false};
    return true;
  }
  case Op::Spread:
    return spread(instruction, error);
  case Op::Split:
    split(instruction);
    return true;
  case Op::Bucket:
    return bucket(instruction, error);
  case Op::Within:
    return within(instruction, error);
  default:
    cross(instruction);
    return true;
  }
}

bool RowProgram::spread(const Instruction &instruction, RowError &error) {
  const std::vector<Text> &list = parts_.lists[instruction.a];
  const Spread &wanted = spreads_[instruction.b];
  auto count = static_cast<size_t>(wanted.count);
  if (list.empty() && wanted.optional) {
    parts_.fields[instruction.target] = {};
    return true;
  }
  if (list.size() != count) {
    error = {list.size() > count ? list[count].offset : 0,
             listNames_[instruction.a] + ": expected " + std::to_string(count) + (count == 1 ? " value" : " values") +
                 ", got " + valueCount(list.size())};
    return false;
  }
  std::copy(list.begin(), list.end(), parts_.fields.begin() + instruction.target);
  return true;
}

void RowProgram::split(const Instruction &instruction) {
  std::vector<Text> &list = parts_.lists[instruction.target];
  const Text &whole = parts_.fields[instruction.a];
  const std::string &separator = texts_[instruction.b];
  list.clear();
  if (whole.view.empty())
    return;
  size_t begin = 0;
  while (true) {
    size_t end = std::min(whole.view.find(separator, begin), whole.view.size());
    list.push_back({whole.view.substr(begin, end - begin), whole.offset + begin});
    if (end == whole.view.size())
      return;
    begin = end + separator.size();
  }
}

bool RowProgram::bucket(const Instruction &instruction, RowError &error) {
  const Register &value = registers_[instruction.a];
  const std::vector<double> &bounds = bounds_[instruction.b];
  Text &field = parts_.fields[instruction.target];
  field.view = {};
  if (value.missing)
    return true;
  if (std::isnan(value.value)) {
    error = {0, "what `bucket` is to sort is not a number"};
    return false;
  }
  field.view = bucketNames_[std::upper_bound(bounds.begin(), bounds.end(), value.value) - bounds.begin()];
  return true;
}

bool RowProgram::within(const Instruction &instruction, RowError &error) {
  const Register &value = registers_[instruction.a];
  const Range &range = ranges_[instruction.b];
  registers_[instruction.target] = value;
  if (value.missing || (value.value >= range.least && value.value <= range.most))
    return true;
  error = {0, "`" + range.input + "` is " + shortest(value.value) + ", and `" + range.wanted + "` takes " +
                  shortest(range.least) + " to " + shortest(range.most)};
  return false;
}

void RowProgram::cross(const Instruction &instruction) {
  Cross &cross = crosses_[instruction.b];
  cross.joined.clear();
  for (size_t i = 0; i < cross.fields.size(); ++i) {
    if (i > 0)
      cross.joined += crossSeparator;
    cross.joined += parts_.fields[cross.fields[i]].view;
  }
  parts_.fields[instruction.target].view = cross.joined;
}

//===-- Inputs ----------------------------------------------------------------------------------------------------===//

bool RowProgram::appendFloats(const InputPlan &plan, BatchTensor &tensor, RowError &error) {
  bool ragged = plan.kind == package::ValueKind::RAGGED;
  for (size_t i = 0; i < plan.elements.size(); ++i) {
    const Register &reg = registers_[plan.elements[i].index];
    if (reg.missing && ragged)
      continue;
    if (reg.missing && plan.required) {
      error = {0, "`" + plan.name + "` is missing, and it is a label"};
      return false;
    }
    float value = reg.missing ? 0.0f : static_cast<float>(reg.value);
    if (!std::isfinite(value)) {
      error = {0, "value " + std::to_string(i) + " of `" + plan.name + "` is not a finite number"};
      return false;
    }
    tensor.floats.push_back(value);
  }
  return true;
}

RowError RowProgram::wrongInteger(const Element &element, const Text &text) const {
  const std::string &name = (element.isList ? listNames_ : fieldNames_)[element.index];
  return {text.offset, name + ": expected a whole number of 64 bits, got " + quoted(text.view)};
}

inline bool RowProgram::appendText(const Element &element, const Text &text, BatchTensor &tensor,
                                   RowError &error) const {
  int64_t value = 0;
  if (element.from == From::Hash) {
    uint64_t hash = hashBytes(text.view, element.seed);
    value = static_cast<int64_t>(element.buckets ? hash % element.buckets : hash);
  } else if (element.from == From::Python2Hash) {
    value = python2Hash(text.view, element.seed, element.saltLength, element.buckets);
  } else if (!text.view.empty() && !parseInteger(text.view, value)) {
    error = wrongInteger(element, text);
    return false;
  }
  tensor.integers.push_back(value);
  return true;
}

/// Texts of an input of fixed size: nothing is left out.
bool RowProgram::appendFixed(const InputPlan &plan, BatchTensor &tensor, RowError &error) const {
  for (const Element &element : plan.elements)
    if (!appendText(element, parts_.fields[element.index], tensor, error))
      return false;
  return true;
}

bool RowProgram::appendIntegers(InputPlan &plan, BatchTensor &tensor, RowError &error) {
  if (plan.fixedTexts)
    return appendFixed(plan, tensor, error);
  bool ragged = plan.kind == package::ValueKind::RAGGED;
  uint64_t place = 0;
  plan.gaps = 0;
  auto leaveOut = [&](bool missing) {
    ++place;
    if (!ragged || !missing)
      return false;
    plan.gaps = mixKey(plan.gaps + place);
    return true;
  };
  for (const Element &element : plan.elements) {
    if (element.from == From::Register) {
      const Register &reg = registers_[element.index];
      if (leaveOut(reg.missing))
        continue;
      double number = reg.missing ? 0.0 : reg.value;
      if (!(std::abs(number) < 0x1p63) || number != std::trunc(number)) {
        error = {0, "`" + plan.name + "` expects a whole number, got " + std::to_string(number)};
        return false;
      }
      tensor.integers.push_back(static_cast<int64_t>(number));
    } else if (element.isList) {
      for (const Text &text : parts_.lists[element.index])
        if (!leaveOut(text.view.empty()) && !appendText(element, text, tensor, error))
          return false;
    } else if (const Text &text = parts_.fields[element.index];
               !leaveOut(text.view.empty()) && !appendText(element, text, tensor, error)) {
      return false;
    }
  }
  return true;
}

/// Inputs that name one length have one, and what is left out of one is left out of all.
bool RowProgram::checkLength(const InputPlan &plan, const Batch &batch, RowError &error) const {
  const InputPlan &first = inputs_[plan.sameLengthAs];
  auto lengthOf = [&](const InputPlan &of) {
    const std::vector<int64_t> &offsets = batch.tensors[&of - inputs_.data()].offsets;
    return offsets.back() - offsets[offsets.size() - 2];
  };
  int64_t other = lengthOf(first), own = lengthOf(plan);
  if (other == own && first.gaps == plan.gaps)
    return true;
  error = {0, "`" + first.name + "` and `" + plan.name + "` share one length, but "};
  error.message += other != own ? "this line gives " + std::to_string(other) + " and " + std::to_string(own) + " values"
                                : "values at different places are missing";
  return false;
}

bool RowProgram::appendInputs(Batch &batch, RowError &error) {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    InputPlan &plan = inputs_[i];
    BatchTensor &tensor = batch.tensors[i];
    bool isFloat = plan.element == package::ElementType::F32;
    if (!(isFloat ? appendFloats(plan, tensor, error) : appendIntegers(plan, tensor, error)))
      return false;
    if (plan.kind != package::ValueKind::RAGGED)
      continue;
    tensor.offsets.push_back(tensor.elementCount());
    if (plan.sameLengthAs >= 0 && !checkLength(plan, batch, error))
      return false;
  }
  return true;
}

/// Takes back what the failing line has appended.
void RowProgram::rollBack(Batch &batch) const {
  auto examples = static_cast<size_t>(batch.examples);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    BatchTensor &tensor = batch.tensors[i];
    size_t size = examples * inputs_[i].elements.size();
    if (tensor.kind == package::ValueKind::RAGGED) {
      tensor.offsets.resize(examples + 1);
      size = static_cast<size_t>(tensor.offsets.back());
    }
    bool isFloat = tensor.element == package::ElementType::F32;
    tensor.floats.resize(isFloat ? std::min(size, tensor.floats.size()) : 0);
    tensor.integers.resize(isFloat ? 0 : std::min(size, tensor.integers.size()));
  }
}

} // namespace heter::runtime
