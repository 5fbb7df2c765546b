// Numbers as they stand in data files and in errors about these.
#ifndef HETER_RUNTIME_DATA_NUMBERS_H
#define HETER_RUNTIME_DATA_NUMBERS_H

#include <cstdint>
#include <string>
#include <string_view>

namespace heter::runtime {

/// Parses a decimal number, optionally with a sign, a fraction and an exponent, correctly rounded; one that is too
/// small becomes 0 or subnormal. False for anything else: a number that is too large, nan, inf, spaces. REQUIRES: not
/// empty.
bool parseNumber(std::string_view text, double &value);

/// Parses a signed or unsigned 64-bit integer; both have the same bits. REQUIRES: not empty.
bool parseInteger(std::string_view text, int64_t &value);

/// The fewest digits that read back as `number`.
std::string shortest(double number);

} // namespace heter::runtime

#endif // HETER_RUNTIME_DATA_NUMBERS_H
