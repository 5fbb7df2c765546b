// Numbers: whole ones by hand, all others by std::from_chars.
#include "runtime/data/Numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>

namespace heter::runtime {

namespace {

/// std::from_chars of the whole text.
template <typename T> std::errc parseWhole(std::string_view text, T &value) {
  const char *begin = std::to_address(text.begin()), *end = std::to_address(text.end());
  auto [stop, code] = std::from_chars(begin, end, value);
  return stop == end ? code : std::errc::invalid_argument;
}

bool parseFraction(std::string_view text, double &value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-')
    text.remove_prefix(1);
  std::errc code = parseWhole(text, value);
  // from_chars leaves what is too small and what is too large to the caller.
  if (code == std::errc::result_out_of_range)
    value = std::strtod(std::string(text).c_str(), nullptr);
  else if (code != std::errc())
    return false;
  return std::isfinite(value);
}

} // namespace

bool parseNumber(std::string_view text, double &value) {
  // Whole numbers of up to 15 digits, by far the most common, are exact without the general routine.
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
  return parseFraction(text, value);
}

bool parseInteger(std::string_view text, int64_t &value) {
  if (parseWhole(text, value) == std::errc())
    return true;
  uint64_t wide = 0;
  if (parseWhole(text, wide) != std::errc())
    return false;
  value = static_cast<int64_t>(wide);
  return true;
}

std::string shortest(double number) {
  char text[32];
  auto [end, code] = std::to_chars(text, text + sizeof text, number);
  return {text, end};
}

} // namespace heter::runtime
