// RowProgram at work: fields of one line to values of every input.
#include "runtime/data/RowProgram.h"

#include "runtime/base/Hash.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>

namespace heter::runtime {

namespace {

/// std::from_chars of the whole text.
template <typename T> bool parseWhole(std::string_view text, T &value) {
  const char *begin = std::to_address(text.begin()), *end = std::to_address(text.end());
  auto [stop, code] = std::from_chars(begin, end, value);
  return code == std::errc() && stop == end;
}

/// Parses a finite decimal number. Whole numbers of up to 15 digits, by far the most common, are exact without the
/// general routine.
bool parseNumber(std::string_view text, double &value) {
  constexpr size_t exactDigits = 15;
  bool negative = text.front() == '-';
  std::string_view digits = text.substr(negative ? 1 : 0);
  if (!digits.empty() && digits.size() <= exactDigits) {
    int64_t whole = 0;
    bool plain = true;
    for (char c : digits) {
      auto digit = static_cast<unsigned>(c - '0');
      plain &= digit <= 9;
      whole = whole * 10 + static_cast<int64_t>(digit & 15);
    }
    if (plain) {
      value = static_cast<double>(negative ? -whole : whole);
      return true;
    }
  }
  return parseWhole(text, value) && std::isfinite(value);
}

/// Parses a signed or unsigned 64-bit integer; both have the same bits.
bool parseInteger(std::string_view text, int64_t &value) {
  if (parseWhole(text, value))
    return true;
  uint64_t wide = 0;
  if (!parseWhole(text, wide))
    return false;
  value = static_cast<int64_t>(wide);
  return true;
}

/// The text of a field as an error shows it: short, and without control characters.
std::string quoted(std::string_view text) {
  constexpr size_t longest = 40;
  std::string result = "`";
  for (char c : text.substr(0, longest)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
      result += escape;
    } else {
      result += c;
    }
  }
  return result + (text.size() > longest ? "...`" : "`");
}

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

bool RowProgram::execute(std::span<const std::string_view> fields, RowError &error) {
  for (const Instruction &instruction : code_) {
    Register &target = registers_[instruction.target];
    if (instruction.op == Op::Parse) {
      std::string_view text = fields[instruction.a];
      target.missing = text.empty();
      if (!target.missing && !parseNumber(text, target.value)) {
        error = {instruction.a, "expected a number, got " + quoted(text)};
        return false;
      }
      continue;
    }
    if (instruction.op == Op::Constant) {
      target = {instruction.constant, false};
      continue;
    }
    const Register &a = registers_[instruction.a];
    const Register &b = registers_[instruction.b];
    bool binary = instruction.op <= Op::Div;
    target.missing = a.missing || (binary && b.missing);
    if (target.missing)
      continue;
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
      target.value = std::log1p(a.value);
      break;
    case Op::Parse:
    case Op::Constant:
      break;
    }
  }
  return true;
}

bool RowProgram::appendFloats(const InputPlan &plan, BatchTensor &tensor, RowError &error) const {
  bool ragged = plan.kind == package::ValueKind::RAGGED;
  for (size_t i = 0; i < plan.elements.size(); ++i) {
    const Register &reg = registers_[plan.elements[i].index];
    if (reg.missing && ragged)
      continue;
    float value = reg.missing ? 0.0f : static_cast<float>(reg.value);
    if (!std::isfinite(value)) {
      error = {-1, "value " + std::to_string(i) + " of `" + plan.name + "` is not a finite number"};
      return false;
    }
    tensor.floats.push_back(value);
  }
  return true;
}

bool RowProgram::appendIntegers(const InputPlan &plan, std::span<const std::string_view> fields, BatchTensor &tensor,
                                RowError &error) const {
  bool ragged = plan.kind == package::ValueKind::RAGGED;
  for (const Element &element : plan.elements) {
    int64_t value = 0;
    if (element.from == From::Register) {
      const Register &reg = registers_[element.index];
      if (reg.missing && ragged)
        continue;
      double number = reg.missing ? 0.0 : reg.value;
      if (!(std::abs(number) < 0x1p63) || number != std::trunc(number)) {
        error = {-1, "`" + plan.name + "` expects a whole number, got " + std::to_string(number)};
        return false;
      }
      value = static_cast<int64_t>(number);
    } else {
      std::string_view text = fields[element.index];
      if (text.empty() && ragged)
        continue;
      if (element.from == From::Hash) {
        uint64_t hash = hashBytes(text, element.seed);
        value = static_cast<int64_t>(element.buckets ? hash % element.buckets : hash);
      } else if (element.from == From::Python2Hash) {
        value = python2Hash(text, element.seed, element.saltLength, element.buckets);
      } else if (!text.empty() && !parseInteger(text, value)) {
        error = {element.index, "expected a whole number of 64 bits, got " + quoted(text)};
        return false;
      }
    }
    tensor.integers.push_back(value);
  }
  return true;
}

bool RowProgram::append(std::span<const std::string_view> fields, Batch &batch, RowError &error) {
  if (!execute(fields, error))
    return false;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const InputPlan &plan = inputs_[i];
    BatchTensor &tensor = batch.tensors[i];
    bool isFloat = plan.element == package::ElementType::F32;
    if (!(isFloat ? appendFloats(plan, tensor, error) : appendIntegers(plan, fields, tensor, error)))
      return false;
    if (plan.kind != package::ValueKind::RAGGED)
      continue;
    tensor.offsets.push_back(tensor.elementCount());
    if (plan.sameLengthAs < 0)
      continue;
    auto lengthOf = [](const BatchTensor &t) { return t.offsets.back() - t.offsets[t.offsets.size() - 2]; };
    int64_t other = lengthOf(batch.tensors[plan.sameLengthAs]), own = lengthOf(tensor);
    if (other != own) {
      error = {-1, "`" + inputs_[plan.sameLengthAs].name + "` and `" + plan.name +
                       "` share one length, but this line gives " + std::to_string(other) + " and " +
                       std::to_string(own) + " values"};
      return false;
    }
  }
  ++batch.examples;
  return true;
}

} // namespace heter::runtime
