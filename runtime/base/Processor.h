// What this processor offers beyond the instruction sets that the compiler of the runtime knows.
#ifndef HETER_RUNTIME_BASE_PROCESSOR_H
#define HETER_RUNTIME_BASE_PROCESSOR_H

#include <string>
#include <vector>

namespace heter::runtime {

/// The instruction-set levels that kernels are compiled for: what the processor has, best first.
inline constexpr const char *tileLevel = "x86-64-v4-amx";    ///< Multiplies tiles of bf16.
inline constexpr const char *vectorLevel = "x86-64-v4-bf16"; ///< Multiplies vectors of bf16.
std::vector<std::string> processorLevels();

/// Those that this process may use: from the one that HETER_CPU_LEVEL in the environment names on down; all without it,
/// none if it names no level of this processor. Thread-safe.
const std::vector<std::string> &usableLevels();

/// Whether this process may multiply tiles of bf16 (AMX): the processor can, converts to bf16 (AVX-512), the system
/// has given the permission, which is asked for once, and the level is usable. Threads that exist already have it too.
/// Thread-safe.
bool mayUseTiles();

/// Whether tiles are those of a preloaded library for tests (tests/tiles), because the processor has no AMX: a thousand
/// times as slow, so that nothing measured with them means anything. Thread-safe.
bool tilesAreEmulated();

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_PROCESSOR_H
