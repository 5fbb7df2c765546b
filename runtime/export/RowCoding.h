// How the values of rows lie in an export: as they are, as 16-bit floats, or as bytes between a row's least and largest
// value. Every coding decodes to the same floats on every machine.
#ifndef HETER_RUNTIME_EXPORT_ROWCODING_H
#define HETER_RUNTIME_EXPORT_ROWCODING_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace heter::runtime::exports {

enum class RowCoding {
  F32, ///< Exact.
  F16, ///< The nearest f16: off by at most |x| / 2048, or 2^-25 below 2^-14.
  /// f16 scale, f16 offset, then a byte q a value, which stands for offset + scale * q in f32. Off by at most half the
  /// scale and an f32 rounding; the scale is at most (max - min) / 254 + |min| / 260,000 + 1e-7 of the row's part.
  /// Parts of 4 values or less are F16, which takes no more.
  Int8,
};

/// "f32", "f16", "int8".
std::string_view codingName(RowCoding coding);
StatusOr<RowCoding> parseCoding(std::string_view name);

/// Bytes that `dim` values of a row take.
size_t codedBytes(RowCoding coding, int64_t dim);

/// Appends the values of a part of a row. Values that the coding cannot hold, such as infinities in all but f32, are an
/// InvalidArgument that names the value.
Status encodeValues(RowCoding coding, std::span<const float> values, std::string &out);
/// REQUIRES: `bytes` are codedBytes(coding, values.size()).
void decodeValues(RowCoding coding, std::string_view bytes, std::span<float> values);

} // namespace heter::runtime::exports

#endif // HETER_RUNTIME_EXPORT_ROWCODING_H
