// Running a package to its end: the calls that `heter run` and `heter launch` make. They block the calling thread,
// which must not be a scheduler's.
#ifndef HETER_RUNTIME_ROLE_RUN_H
#define HETER_RUNTIME_ROLE_RUN_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/Status.h"
#include "runtime/package/KernelObject.h"
#include "runtime/package/Package.h"
#include "runtime/role/ClusterFile.h"
#include "runtime/role/RunOptions.h"

#include <string>

namespace heter::runtime {

/// Trains (and tests), or predicts, with all roles in this process: `local` packages directly, others through the same
/// messages as between processes. Reads the package's kernels with openKernelObject.
StatusOr<RunResult> runInProcess(const Package &package, FileSystem &files, const RunOptions &options,
                                 const RunHooks &hooks = {});

/// The coordinator of a distributed run, as `heter launch` holds it: listens at cluster.coordinator (port 0 picks a
/// free one, told to hooks.listening), waits for all roles of the cluster, conducts the run and ends it.
StatusOr<RunResult> runCoordinator(const Package &package, FileSystem &files, const RunOptions &options,
                                   const ClusterFile &cluster, const RunHooks &hooks = {});

/// One role of a distributed run, e.g. ("server", 0) or ("heter-trainer.gpu", 1); returns when the coordinator has
/// ended the run, or soon after hooks.interrupted. What it did is in the result; the error of a failed run is the
/// coordinator's, the same in all roles.
StatusOr<RoleSummary> runRole(const Package &package, FileSystem &files, const RunOptions &options,
                              const ClusterFile &cluster, const std::string &role, int index,
                              const RunHooks &hooks = {});

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_RUN_H
