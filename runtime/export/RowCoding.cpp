// The three codings.
#include "runtime/export/RowCoding.h"

#include "runtime/base/Half.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>

namespace heter::runtime::exports {

static_assert(std::endian::native == std::endian::little, "exports hold little-endian numbers");

static constexpr std::array<std::string_view, 3> names = {"f32", "f16", "int8"};
static constexpr int mostSteps = 255;

std::string_view codingName(RowCoding coding) { return names[static_cast<size_t>(coding)]; }

StatusOr<RowCoding> parseCoding(std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    return Status::invalidArgument("rows are stored as f32, f16 or int8, not as `" + std::string(name) + "`");
  return static_cast<RowCoding>(found - names.begin());
}

/// What a part of so many values is really stored as.
static RowCoding codingFor(RowCoding asked, size_t values) {
  return asked == RowCoding::Int8 && values <= 4 ? RowCoding::F16 : asked;
}

size_t codedBytes(RowCoding asked, int64_t dim) {
  const auto values = static_cast<size_t>(dim);
  switch (codingFor(asked, values)) {
  case RowCoding::F32:
    return values * sizeof(float);
  case RowCoding::F16:
    return values * sizeof(uint16_t);
  case RowCoding::Int8:
    return 2 * sizeof(uint16_t) + values;
  }
  return 0;
}

template <typename T> static void append(std::string &out, T value) {
  out.append(reinterpret_cast<const char *>(&value), sizeof(T));
}

template <typename T> static T takeAt(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

static Status cannotHold(RowCoding coding, float value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return Status::invalidArgument("the value " + std::string(digits.data(), end.ptr) + " does not fit into " +
                                 std::string(codingName(coding)) + ", which holds -65504 to 65504");
}

static void encodeBytes(std::span<const float> values, std::string &out) {
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  const uint16_t offset = toHalfBelow(*min);
  const double low = fromHalf(offset);
  uint16_t scale = toHalf(static_cast<float>((*max - low) / mostSteps));
  while (low + mostSteps * static_cast<double>(fromHalf(scale)) < *max)
    ++scale; // the next larger one
  append(out, scale);
  append(out, offset);
  const double step = fromHalf(scale);
  for (const float value : values) {
    const double steps = step > 0 ? std::nearbyint((value - low) / step) : 0;
    append(out, static_cast<uint8_t>(std::clamp<double>(steps, 0, mostSteps)));
  }
}

Status encodeValues(RowCoding asked, std::span<const float> values, std::string &out) {
  const RowCoding coding = codingFor(asked, values.size());
  if (coding == RowCoding::F32) {
    out.append(reinterpret_cast<const char *>(values.data()), values.size_bytes());
    return {};
  }
  for (const float value : values)
    if (!(std::fabs(value) <= largestHalf))
      return cannotHold(asked, value);
  if (coding == RowCoding::Int8)
    encodeBytes(values, out);
  else
    for (const float value : values)
      append(out, toHalf(value));
  return {};
}

void decodeValues(RowCoding asked, std::string_view bytes, std::span<float> values) {
  const RowCoding coding = codingFor(asked, values.size());
  assert(bytes.size() == codedBytes(asked, static_cast<int64_t>(values.size())));
  if (coding == RowCoding::F32) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return;
  }
  if (coding == RowCoding::F16) {
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = fromHalf(takeAt<uint16_t>(bytes, i * sizeof(uint16_t)));
    return;
  }
  // A scale has 11 significant bits and a byte 8, so the product is exact, and a fused sum the same.
  const float scale = fromHalf(takeAt<uint16_t>(bytes, 0));
  const float offset = fromHalf(takeAt<uint16_t>(bytes, sizeof(uint16_t)));
  const std::string_view steps = bytes.substr(2 * sizeof(uint16_t));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = offset + scale * static_cast<float>(static_cast<uint8_t>(steps[i]));
}

} // namespace heter::runtime::exports
