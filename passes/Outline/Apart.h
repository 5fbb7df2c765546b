// Which operations one kernel computes, and why calls stay apart though one reads what the other makes.
#ifndef HETER_PASSES_OUTLINE_APART_H
#define HETER_PASSES_OUTLINE_APART_H

#include "dialects/task/Task.h"

namespace heter {

/// Remarks on `program`, fused as far as it will be: on each kernel of several operations, and on each call that reads
/// what another call makes, why the two did not become one. Two kernels of generated code are left out of the latter:
/// the step that groups operations tells of those.
void remarkCalls(task::ProgramOp program);

} // namespace heter

#endif // HETER_PASSES_OUTLINE_APART_H
