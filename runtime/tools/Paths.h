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

/// That no file of a package or a saved model has this path, which `flag` names a file to write by.
Status checkOwnFile(FileSystem &files, const std::string &flag, const std::string &path);

/// That `path` can be written to as a file that `flag` names, and is a file of its own.
Status checkOutputFile(FileSystem &files, const std::string &flag, const std::string &path);

/// Reads the first test example, so that a wrong test file is found before the training and not after it.
Status checkTestData(FileSystem &files, const package::PackageInfo &info, const RunOptions &options);

/// A file that a run writes: the flag that names it, and its path, empty if it is not asked for.
struct ReportFile {
  std::string flag, path;
};

/// Checks before a long run that its reports can be written, each to a file of its own, and none over what it reads.
Status checkReports(FileSystem &files, const RunOptions &options, const std::vector<ReportFile> &reports);

/// Makes the folder that --save names, if it is not there, and tries whether it can be written to; an empty name is
/// none. Refuses a package: the saved model's manifest would replace the package's.
Status checkSaveFolder(FileSystem &files, const std::string &path);

/// A folder that is neither a package nor a saved model, for `flag` to write into; it need not be there yet.
Status checkScratchFolder(FileSystem &files, const std::string &flag, const std::string &path);

/// An error if `path` is no folder that --save wrote.
Status checkSavedModel(FileSystem &files, const std::string &path);

/// An error if `path` is no file: `what` is an export, or a delta of one.
Status checkExport(FileSystem &files, const std::string &path, const std::string &what);

/// readPackage, with a helpful error for a path that is no package folder.
StatusOr<Package> openPackage(FileSystem &files, const std::string &path);

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_PATHS_H
