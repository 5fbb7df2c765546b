// A package folder read back: what all roles share, one program a role, and the hash that roles compare when they meet.
// docs/formats/package.md describes the files.
#ifndef HETER_RUNTIME_PACKAGE_PACKAGE_H
#define HETER_RUNTIME_PACKAGE_PACKAGE_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/Status.h"
#include "runtime/package/Package_types.h"

#include <string>
#include <vector>

namespace heter::runtime {

inline constexpr const char *manifestFile = "manifest.json";
inline constexpr const char *packageInfoFile = "package.bin";
inline constexpr const char *programSuffix = ".program";

struct Package {
  std::string folder;
  package::PackageInfo info;
  std::vector<package::RoleProgram> programs; ///< In the order of info.roles.
  std::string hash;                           ///< programHash of the above.

  /// Null if the package has no such role.
  const package::RoleProgram *find(const std::string &role) const;
};

/// Thrift binary protocol, as stored in `package.bin` and `ROLE.program`.
std::string encode(const package::PackageInfo &info);
std::string encode(const package::RoleProgram &program);
/// Fail on truncated, damaged or trailing bytes.
StatusOr<package::PackageInfo> decodePackageInfo(const std::string &bytes);
StatusOr<package::RoleProgram> decodeRoleProgram(const std::string &bytes);

/// Lower-case hex SHA-256 over the encoded info, its seed taken as 0, and the encoded programs in the order of their
/// roles' names. Kernels, CPU features and the seed do not count: unlike machines and seeds may work together.
std::string programHash(const package::PackageInfo &info, const std::vector<package::RoleProgram> &programs);

/// Lower-case hex SHA-256.
std::string sha256Hex(const std::string &bytes);

/// Reads and verifies a package folder: every file but the kernels, every field, and the manifest's program hash and
/// checksums. One error names the file and what is wrong with it.
StatusOr<Package> readPackage(FileSystem &files, const std::string &folder);

/// Checks everything that an executor relies on: value and node indices, a legal order without cycles (also through
/// `after`), kinds and their attributes, segments' bounds, spaces, regions, and names that refer to tables, parameters,
/// channels and inputs of `info`. Messages name role, graph and node.
Status verifyPackage(const package::PackageInfo &info, const std::vector<package::RoleProgram> &programs);

/// The value of the graph whose place the node's output takes, or -1.
int32_t overwrittenValue(const package::Node &node);

/// A PUSH_DENSE node that is marked `update_after`, and the LIBRARY node that makes its gradient: that may update the
/// parameter block by block while it runs, once the nodes of `after`, which all come before it, have ended.
struct UpdatingProduct {
  int node = 0;
  int push = 0;
  std::vector<int> after; ///< The parameter's pulls and all nodes that read what they give.
};

/// Those of a graph without its regions, in the order of pushes. REQUIRES: verifyUpdates(graph) is ok.
std::vector<UpdatingProduct> updatingProducts(const package::Graph &graph);

/// The graph as it is in memory where products update parameters: what they hand over block by block has no place, and
/// segments are as long as all else needs.
package::Graph whereProductsUpdate(package::Graph graph);

/// Whether calls of a LIBRARY node can give their only output, a matrix of f32, block by block.
bool givesBlocks(const package::Graph &graph, const package::Node &node);

/// The part of verifyPackage that needs no package: indices, order, kinds, segments and regions of one graph.
Status verifyGraph(const package::Graph &graph);

/// The program as text: `heter inspect`. All roles if `role` is empty; an unknown role is an error with the known ones.
StatusOr<std::string> printPackage(const Package &package, const std::string &role = "");

/// One graph as text, each line begun with `indent`.
std::string printGraph(const package::Graph &graph, const std::string &indent = "");

} // namespace heter::runtime

#endif // HETER_RUNTIME_PACKAGE_PACKAGE_H
