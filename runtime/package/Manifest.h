// The part of `manifest.json` that a reader checks. The rest of it is for people.
#ifndef HETER_RUNTIME_PACKAGE_MANIFEST_H
#define HETER_RUNTIME_PACKAGE_MANIFEST_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <map>
#include <string>

namespace heter::runtime {

struct Manifest {
  int64_t format = 0;
  std::string programHash;
  std::map<std::string, std::string> checksums; ///< By file name, sha256Hex of what heterc wrote.
};

/// That a file of the package is the one that heterc wrote. Files without a checksum pass.
Status checkFile(const Manifest &manifest, const std::string &folder, const std::string &name,
                 const std::string &bytes);

StatusOr<Manifest> parseManifest(const std::string &text);

} // namespace heter::runtime

#endif // HETER_RUNTIME_PACKAGE_MANIFEST_H
