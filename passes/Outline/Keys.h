// One search for the keys of all lookups of a table, one pull of their rows, and one sum of their gradients.
#ifndef HETER_PASSES_OUTLINE_KEYS_H
#define HETER_PASSES_OUTLINE_KEYS_H

#include "dialects/task/Task.h"

namespace heter {

/// Makes the `unique_keys` of lists of ids that one table part is looked up by in `program` one call, so that a key in
/// several lists is pulled once, and an `add_rows` of `lookup_grad` one `lookup_grad` that sums a key's gradients over
/// all lookups. Ids that have to be waited for longer than others stay apart. Remarks say what was fused, and what not
/// and why.
void joinKeys(task::ProgramOp program);

} // namespace heter

#endif // HETER_PASSES_OUTLINE_KEYS_H
