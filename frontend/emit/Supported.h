// What the language has and the compiler does not lower yet, as one error that names it and the models that need it.
#ifndef HETER_FRONTEND_EMIT_SUPPORTED_H
#define HETER_FRONTEND_EMIT_SUPPORTED_H

#include "frontend/check/Model.h"
#include "frontend/syntax/Diagnostics.h"

#include <vector>

namespace heter::frontend {

/// The operations of Model::ops that a program needs, by index, to compute `wanted`; without dropout if `inferring`.
std::vector<bool> neededOps(const Model &model, const std::vector<ValueId> &wanted, bool inferring);

/// Whether a reduction over a ragged axis reads a lookup directly and so becomes a pooled lookup; returns the lookup.
const Op *pooledLookup(const Model &model, const Op &op);

/// Reports the first thing in the source that is not lowered yet; true if there is none.
bool checkSupported(const Model &model, DiagnosticEngine &diagnostics);

} // namespace heter::frontend

#endif // HETER_FRONTEND_EMIT_SUPPORTED_H
