// What a user names on the command line, files, folders and device classes, exists; or the error says what is near.
#ifndef HETER_RUNTIME_TOOLS_PATHS_H
#define HETER_RUNTIME_TOOLS_PATHS_H

#include "runtime/base/FileSystem.h"
#include "runtime/package/Package.h"
#include "runtime/role/RunOptions.h"

#include <string>

namespace heter::runtime::tools {

/// An error with "did you mean" if nothing has this path; `what` names the kind of thing. A pattern must match.
Status checkExists(FileSystem &files, const std::string &path, const std::string &what);

/// Checks what can be checked before a run starts: the files that `options` name exist, the data binding too, and
/// heter-trainers and devices are given for classes that the package has.
Status checkOptions(FileSystem &files, const package::PackageInfo &info, const RunOptions &options);

/// Whether a file can be made there: makes one beside `path` and removes it again; an existing `path` stays as it is.
Status checkWritable(FileSystem &files, const std::string &path);

/// Checks before a long run that what it will write can be written; empty paths are not asked for. Makes `saveFolder`,
/// and refuses one that is a package: the saved model's manifest would replace the package's.
Status checkOutputs(FileSystem &files, const std::string &saveFolder, const std::string &summaryFile,
                    const std::string &lossesFile);

/// readPackage, with a helpful error for a path that is no package folder.
StatusOr<Package> openPackage(FileSystem &files, const std::string &path);

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_PATHS_H
