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

/// Checks what can be checked before a run starts: the data binding exists, heter-trainers and devices are given for
/// classes that the package has, the saved model is one, and, if this process `readsData`, the data files are files.
Status checkOptions(FileSystem &files, const package::PackageInfo &info, const RunOptions &options,
                    bool readsData = true);

/// That a row cache, if one is asked for, has rows to keep: some heter-trainer of the package looks a table up.
Status checkRowCache(const Package &package, const RunOptions &options);

/// Whether a file can be made there: makes one beside `path` and removes it again; an existing `path` stays as it is.
Status checkWritable(FileSystem &files, const std::string &path);

/// That `path` can be written to as a file that `flag` names.
Status checkOutputFile(FileSystem &files, const std::string &flag, const std::string &path);

/// Reads the first test example, so that a wrong test file is found before the training and not after it.
Status checkTestData(FileSystem &files, const package::PackageInfo &info, const RunOptions &options);

/// Checks before a long run that what it will write can be written, and overwrites nothing that it reads; empty paths
/// are not asked for. Makes `saveFolder`, and refuses one that is a package: the saved model's manifest would replace
/// the package's.
Status checkOutputs(FileSystem &files, const std::string &saveFolder, const std::string &summaryFile,
                    const std::string &lossesFile, const RunOptions &options = {});

/// A folder that is neither a package nor a saved model, for `flag` to write into; it need not be there yet.
Status checkScratchFolder(FileSystem &files, const std::string &flag, const std::string &path);

/// An error if `path` is no folder that --save wrote.
Status checkSavedModel(FileSystem &files, const std::string &path);

/// readPackage, with a helpful error for a path that is no package folder.
StatusOr<Package> openPackage(FileSystem &files, const std::string &path);

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_PATHS_H
