// What this processor offers beyond the instruction sets that the compiler of the runtime knows.
#ifndef HETER_RUNTIME_BASE_PROCESSOR_H
#define HETER_RUNTIME_BASE_PROCESSOR_H

namespace heter::runtime {

/// Whether this process may multiply tiles of bf16 (AMX): the processor can, converts to bf16 (AVX-512), and the system
/// has given the permission, which is asked for once. Threads that exist already have it too. Thread-safe.
bool mayUseTiles();

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_PROCESSOR_H
