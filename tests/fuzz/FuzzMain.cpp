// A fuzz target as libFuzzer calls it.
#include "tests/fuzz/Fuzz.h"

#include <cstddef>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  heter::fuzz::accepts({reinterpret_cast<const char *>(data), size});
  return 0;
}
