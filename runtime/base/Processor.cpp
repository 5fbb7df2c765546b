// cpuid, and Linux's permission for the tiles' 8 KB of state.
#include "runtime/base/Processor.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace heter::runtime {
namespace {

bool processorHasTiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
    return false;
  constexpr unsigned amxBf16 = 1U << 22, amxTile = 1U << 24, avx512Bf16 = 1U << 5;
  if ((d & amxBf16) == 0 || (d & amxTile) == 0)
    return false;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & avx512Bf16) != 0;
}

bool askForTiles() {
  constexpr int requestPermission = 0x1023, tileData = 18; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return processorHasTiles() && syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}

} // namespace

bool mayUseTiles() {
  static const bool may = askForTiles();
  return may;
}

} // namespace heter::runtime
