// Background tasks of a table come by this to the table, which may be gone.
#ifndef HETER_RUNTIME_TABLE_SPARSETABLELIFE_H
#define HETER_RUNTIME_TABLE_SPARSETABLELIFE_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/table/SparseTable.h"

namespace heter::runtime {

/// Who holds the mutex has the table stay, and as it is: it is neither destroyed nor reset meanwhile.
struct SparseTable::Life {
  Mutex mutex;
  SparseTable *table HETER_GUARDED_BY(mutex) = nullptr;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_SPARSETABLELIFE_H
