// Which process of a distributed run listens where: the cluster file of `heter run --role` (docs/formats/cluster.md).
#ifndef HETER_RUNTIME_ROLE_CLUSTERFILE_H
#define HETER_RUNTIME_ROLE_CLUSTERFILE_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/Status.h"

#include <map>
#include <string>
#include <vector>

namespace heter::runtime {

namespace package {
class PackageInfo;
}
struct RunOptions;

/// Addresses are HOST:PORT. A role with port 0 takes a free port and tells the coordinator; the coordinator's own port
/// must be a real one where the file is written by hand.
struct ClusterFile {
  std::string coordinator;
  std::vector<std::string> servers;
  std::vector<std::string> cpuTrainers;                          ///< Only their number matters: nobody dials them.
  std::map<std::string, std::vector<std::string>> heterTrainers; ///< By class.

  /// The file's text, with line ends.
  std::string print() const;
};

/// Errors name the field, what was expected and what was found.
StatusOr<ClusterFile> parseClusterFile(const std::string &text);
StatusOr<ClusterFile> readClusterFile(FileSystem &files, const std::string &path);

/// The cluster that `options` ask for, on loopback with free ports, the coordinator at `coordinator`.
ClusterFile loopbackCluster(const package::PackageInfo &info, const RunOptions &options,
                            const std::string &coordinator);

/// Checks that the cluster has every role of the package and no other.
Status checkCluster(const package::PackageInfo &info, const ClusterFile &cluster);

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_CLUSTERFILE_H
