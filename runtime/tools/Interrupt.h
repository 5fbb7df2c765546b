// Ctrl-C and SIGTERM.
#ifndef HETER_RUNTIME_TOOLS_INTERRUPT_H
#define HETER_RUNTIME_TOOLS_INTERRUPT_H

#include <sys/types.h>

namespace heter::runtime::tools {

/// From now on an interrupt ends the process at once with exitInterrupted and one line that says so. Nothing is left
/// half-written, because every file that matters is written aside and renamed.
void exitOnInterrupt();

/// From now on the first interrupt sets what `interrupted` returns and says on standard error that a second one leaves at
/// once; the second ends the process as exitOnInterrupt has it, and kills the processes given to killOnExit.
void noteInterrupts();
bool interrupted();

/// A second interrupt kills this process too. Up to 1,024 of them; later ones are left to notice by themselves.
void killOnExit(pid_t process);

/// Files that grow over a limit (ulimit -f) fail like those on a full disk, instead of ending the process; the same for
/// writes to a pipe that nobody reads.
void ignoreWriteSignals();

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_INTERRUPT_H
