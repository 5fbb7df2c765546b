// The checker's door: one `.heter` file to a checked Model.
#ifndef HETER_FRONTEND_CHECK_CHECK_H
#define HETER_FRONTEND_CHECK_CHECK_H

#include "frontend/check/Model.h"
#include "frontend/syntax/Diagnostics.h"

#include <optional>
#include <string>

namespace heter::frontend {

/// Loads `path` and the files it imports (relative to the importing file) and checks them. Nothing is returned after an
/// error; `diagnostics` then holds why. Never throws, and ends on any input: nesting, copies and lists are bounded.
std::optional<Model> checkFile(const std::string &path, SourceManager &sources, DiagnosticEngine &diagnostics);

/// The same for a file that `sources` already holds.
std::optional<Model> checkSource(int file, SourceManager &sources, DiagnosticEngine &diagnostics);

} // namespace heter::frontend

#endif // HETER_FRONTEND_CHECK_CHECK_H
