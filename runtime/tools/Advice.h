// What a run says of its flags before it begins: what they will not do, or may do harm.
#ifndef HETER_RUNTIME_TOOLS_ADVICE_H
#define HETER_RUNTIME_TOOLS_ADVICE_H

#include "runtime/package/Package.h"
#include "runtime/role/RunOptions.h"

#include <string>
#include <vector>

namespace heter::runtime::tools {

/// What to tell somebody whose asynchronous run computes gradients from parameters so old that early training may fail
/// (docs/how-to/async.md has the measurements), or "".
std::string delayWarning(const RunOptions &options, const package::PackageInfo &info);

/// What to tell somebody who asks for roles, or devices of them, that a package of this mode does not have, or "".
std::string rolesWarning(const RunOptions &options, const std::string &mode);

/// What to tell somebody who names a folder for rows on disk when no table has a tier there, or "".
std::string tierWarning(const RunOptions &options, const package::PackageInfo &info);

/// All of these that there are.
std::vector<std::string> warningsOf(const RunOptions &options, const package::PackageInfo &info);

/// What to tell somebody who gives --row-cache for a package where it is of use to some tables only, or "".
std::string rowCacheNote(const RunOptions &options, const Package &package);

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_ADVICE_H
