// Ctrl-C and SIGTERM.
#ifndef HETER_RUNTIME_TOOLS_INTERRUPT_H
#define HETER_RUNTIME_TOOLS_INTERRUPT_H

#include <sys/types.h>

namespace heter::runtime::tools {

/// From now on an interrupt ends the process at once with exitInterrupted and one line that says so. Nothing is left
/// half-written, because every file that matters is written aside and renamed.
void exitOnInterrupt();

/// From now on the first interrupt sets what `interrupted` returns and says on standard error that a second one leaves
/// at once; the second ends the process as exitOnInterrupt has it, and kills the processes given to killOnExit.
void noteInterrupts();
bool interrupted();

/// A second interrupt kills this process too, until `forget`. Up to 1,024 of them; more are left to notice by
/// themselves.
void killOnExit(pid_t process);
void forget(pid_t process);

/// From now on writing over a limit of file size (ulimit -f) is an error, as on a full disk, and not the process's end.
void surviveFileSizeLimit();

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_INTERRUPT_H
