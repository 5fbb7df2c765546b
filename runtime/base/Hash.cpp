// XXH64, as xxhash.h has it: compiled into this file, because what is hashed is short and the way to a library long.
#include "runtime/base/Hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace heter::runtime {

uint64_t hashBytes(std::string_view bytes, uint64_t seed) { return XXH64(bytes.data(), bytes.size(), seed); }

} // namespace heter::runtime
