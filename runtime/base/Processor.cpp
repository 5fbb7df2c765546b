// cpuid, and Linux's permission for the tiles' 8 KB of state.
#include "runtime/base/Processor.h"

#include <algorithm>
#include <cpuid.h>
#include <cstdlib>
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace heter::runtime {
namespace {

bool processorHasTiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned amxBf16 = 1U << 22, amxTile = 1U << 24;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & amxBf16) != 0 && (d & amxTile) != 0;
}

bool processorHasBf16Vectors() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned avx512Bf16 = 1U << 5;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & avx512Bf16) != 0;
}

bool askForTiles() {
  constexpr int requestPermission = 0x1023, tileData = 18; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  if (tilesAreEmulated())
    return true;
  return processorHasTiles() && syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}

} // namespace

std::vector<std::string> processorLevels() {
  static const bool tiles = askForTiles();
  __builtin_cpu_init();
  std::vector<std::string> levels;
  const bool v4 = __builtin_cpu_supports("x86-64-v4"), vectors = v4 && processorHasBf16Vectors();
  if (vectors && tiles)
    levels.emplace_back(tileLevel);
  if (vectors)
    levels.emplace_back(vectorLevel);
  if (v4)
    levels.emplace_back("x86-64-v4");
  if (__builtin_cpu_supports("x86-64-v3"))
    levels.emplace_back("x86-64-v3");
  return levels;
}

const std::vector<std::string> &usableLevels() {
  static const std::vector<std::string> usable = [] {
    std::vector<std::string> levels = processorLevels();
    if (const char *most = std::getenv("HETER_CPU_LEVEL"); most && *most)
      levels.erase(levels.begin(), std::find(levels.begin(), levels.end(), most));
    return levels;
  }();
  return usable;
}

bool tilesAreEmulated() {
  // The library is known by its function, so that nothing of it is in programs; without it a name is looked up once.
  static const bool emulated = !processorHasTiles() && dlsym(RTLD_DEFAULT, "heterTileEmulator") != nullptr;
  return emulated;
}

bool mayUseTiles() {
  const std::vector<std::string> &levels = usableLevels();
  return !levels.empty() && levels.front() == tileLevel;
}

} // namespace heter::runtime
