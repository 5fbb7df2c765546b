// XXH64, as libxxhash has it.
#include "runtime/base/Hash.h"

#include <xxhash.h>

namespace heter::runtime {

uint64_t hashBytes(std::string_view bytes, uint64_t seed) { return XXH64(bytes.data(), bytes.size(), seed); }

} // namespace heter::runtime
