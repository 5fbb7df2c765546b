// zlib's CRC.
#include "runtime/export/Crc.h"

#include <zlib.h>

namespace heter::runtime::exports {

uint32_t crcOf(std::string_view bytes, uint32_t before) {
  return static_cast<uint32_t>(crc32_z(before, reinterpret_cast<const Bytef *>(bytes.data()), bytes.size()));
}

} // namespace heter::runtime::exports
