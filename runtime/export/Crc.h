// CRC-32 as in gzip and zlib: every language has it at hand.
#ifndef HETER_RUNTIME_EXPORT_CRC_H
#define HETER_RUNTIME_EXPORT_CRC_H

#include <cstdint>
#include <string_view>

namespace heter::runtime::exports {

/// The CRC of some bytes behind those whose CRC is `before`.
uint32_t crcOf(std::string_view bytes, uint32_t before = 0);

} // namespace heter::runtime::exports

#endif // HETER_RUNTIME_EXPORT_CRC_H
