// A library for tests, to be preloaded (LD_PRELOAD) where the processor has no AMX: it executes tile instructions in
// software. To such a processor they are illegal instructions; the handler of that signal executes one, and the thread
// goes on behind it. Where there is AMX, no instruction traps, and the library does nothing. Who asks the processor
// itself, as oneDNN does, sees no tiles and uses none.
//
// The processor's registers come from the signal's context; tiles, which it knows nothing of, are thread-local. MXCSR
// and the vector registers may be used freely: the kernel restores the thread's when the handler returns. What a
// processor would refuse ends the process by the same signal as there, after a line that says why. Every other illegal
// instruction goes to whoever handled the signal before. The handler runs on the stack of the code with the tiles,
// which needs some 16 KB. Who installs a handler of the same signal later, as LLVM does when it writes files, comes
// behind it: the library stands in for sigaction and signal.
#include "tests/tiles/Decode.h"
#include "tests/tiles/Tiles.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <ucontext.h>
#include <unistd.h>

using namespace heter::test;

namespace {

/// Allocated with the thread: the handler must not allocate.
[[gnu::tls_model("initial-exec")]] thread_local constinit Tiles tiles{};

/// What other illegal instructions go to.
struct sigaction handlerBehind;

int realSigaction(int number, const struct sigaction *next, struct sigaction *before) {
  // Without the guard of a variable that is initialised once: sanitizers call this before they can lock.
  static decltype(&sigaction) real = nullptr;
  if (!real)
    real = reinterpret_cast<decltype(&sigaction)>(dlsym(RTLD_NEXT, "sigaction"));
  return real(number, next, before);
}

/// The process dies of the signal's default action when it meets it next.
void restoreDefault(int number) {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  realSigaction(number, &action, nullptr);
}

template <typename T> T *pointerTo(int64_t address) {
  return reinterpret_cast<T *>(address); // NOLINT(performance-no-int-to-ptr): as registers have it
}

int64_t registerValue(const ucontext_t &context, int number, int length) {
  constexpr int places[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8,
                            REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
  if (number == TileAddress::none)
    return 0;
  const int64_t value = context.uc_mcontext.gregs[places[number]];
  return number == TileAddress::instruction ? value + length : value;
}

bool execute(const TileInstruction &instruction, const ucontext_t &context, TileFault &fault) {
  const TileAddress &address = instruction.address;
  const int64_t index = registerValue(context, address.index, instruction.length) * address.scale;
  const int64_t base = registerValue(context, address.base, instruction.length) + address.displacement;
  // Rows of tiles lie as far apart as the scaled index; elsewhere it is part of the address.
  char *rows = pointerTo<char>(base), *memory = pointerTo<char>(base + index);
  switch (instruction.operation) {
  case TileOperation::LoadConfiguration:
    return tiles.loadConfiguration(memory, fault);
  case TileOperation::StoreConfiguration:
    tiles.storeConfiguration(memory);
    return true;
  case TileOperation::Release:
    tiles.release();
    return true;
  case TileOperation::Zero:
    return tiles.zero(instruction.tile, fault);
  case TileOperation::Load:
  case TileOperation::LoadPassing:
    return tiles.load(instruction.tile, rows, index, fault);
  case TileOperation::Store:
    return tiles.store(instruction.tile, rows, index, fault);
  case TileOperation::MultiplyBf16:
    return tiles.multiplyBf16(instruction.tile, instruction.left, instruction.right, fault);
  }
  return false;
}

[[noreturn]] void endProcess(const TileInstruction &instruction, const void *at, const TileFault &fault) {
  char operands[32] = "", text[512];
  if (instruction.operation == TileOperation::MultiplyBf16)
    snprintf(operands, sizeof(operands), " tmm%d, tmm%d, tmm%d", instruction.tile, instruction.left, instruction.right);
  else if (instruction.operation >= TileOperation::Zero)
    snprintf(operands, sizeof(operands), " tmm%d", instruction.tile);
  Dl_info place = {};
  const bool isKnown = dladdr(at, &place) != 0 && place.dli_fname;
  const int length =
      snprintf(text, sizeof(text), "tile emulator: %s%s at %p (%s+0x%zx): %s\n", nameOf(instruction.operation),
               operands, at, isKnown ? place.dli_fname : "?",
               isKnown ? static_cast<size_t>(static_cast<const char *>(at) - static_cast<char *>(place.dli_fbase)) : 0,
               fault.reason);
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, text, static_cast<size_t>(length));
  const int number = fault.isProtection ? SIGSEGV : SIGILL;
  restoreDefault(number);
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, number);
  pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
  raise(number);
  _exit(1);
}

/// An illegal instruction that is none of ours, or a signal that somebody sent.
void passOn(int number, siginfo_t *info, void *context) {
  const struct sigaction behind = handlerBehind;
  if (behind.sa_flags & SA_RESETHAND)
    handlerBehind = {};
  if (behind.sa_flags & SA_SIGINFO) {
    behind.sa_sigaction(number, info, context);
  } else if (behind.sa_handler != SIG_DFL && behind.sa_handler != SIG_IGN) {
    behind.sa_handler(number);
  } else {
    // The instruction is executed again, and the kernel ends the process at it.
    restoreDefault(number);
    if (info->si_code <= 0)
      raise(number);
  }
}

void handle(int number, siginfo_t *info, void *opaque) {
  auto &context = *static_cast<ucontext_t *>(opaque);
  auto &next = context.uc_mcontext.gregs[REG_RIP];
  TileInstruction instruction;
  if (info->si_code <= 0 || !decodeTileInstruction(pointerTo<const uint8_t>(next), instruction))
    return passOn(number, info, opaque);
  // Tile instructions that follow are executed at once: a signal takes some 5 us, an instruction a tenth of one.
  do {
    const auto *at = pointerTo<const uint8_t>(next);
    TileFault fault;
    if (instruction.malformed) {
      snprintf(fault.reason, sizeof(fault.reason), "%s", instruction.malformed);
      endProcess(instruction, at, fault);
    }
    if (!execute(instruction, context, fault))
      endProcess(instruction, at, fault);
    next += instruction.length;
  } while (decodeTileInstruction(pointerTo<const uint8_t>(next), instruction));
}

[[gnu::constructor]] void install() {
  struct sigaction action = {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO;
  realSigaction(SIGILL, &action, &handlerBehind);
}

} // namespace

#define HETER_EXPORTED extern "C" [[gnu::visibility("default")]]

/// That a process has this function tells it that tiles are emulated (runtime/base/Processor.cpp).
HETER_EXPORTED void heterTileEmulator() {}

HETER_EXPORTED int sigaction(int number, const struct sigaction *next, struct sigaction *before) noexcept {
  if (number != SIGILL)
    return realSigaction(number, next, before);
  const struct sigaction wasBehind = handlerBehind;
  if (next)
    handlerBehind = *next;
  if (before)
    *before = wasBehind;
  return 0;
}

HETER_EXPORTED sighandler_t signal(int number, sighandler_t handler) noexcept {
  struct sigaction next = {}, before = {};
  next.sa_handler = handler;
  next.sa_flags = SA_RESTART;
  return sigaction(number, &next, &before) == 0 ? before.sa_handler : SIG_ERR;
}
