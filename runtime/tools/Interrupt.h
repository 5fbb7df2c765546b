// Ctrl-C and SIGTERM.
#ifndef HETER_RUNTIME_TOOLS_INTERRUPT_H
#define HETER_RUNTIME_TOOLS_INTERRUPT_H

namespace heter::runtime::tools {

/// From now on an interrupt ends the process at once with exitInterrupted and one line that says so. Nothing is left
/// half-written, because every file that matters is written aside and renamed.
void exitOnInterrupt();

/// From now on an interrupt only sets what `interrupted` returns.
void noteInterrupts();
bool interrupted();

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_INTERRUPT_H
