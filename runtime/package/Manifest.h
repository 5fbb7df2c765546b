// The part of `manifest.json` that a reader checks. The rest of it is for people.
#ifndef HETER_RUNTIME_PACKAGE_MANIFEST_H
#define HETER_RUNTIME_PACKAGE_MANIFEST_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>

namespace heter::runtime {

struct Manifest {
  int64_t format = 0;
  std::string programHash;
};

StatusOr<Manifest> parseManifest(const std::string &text);

} // namespace heter::runtime

#endif // HETER_RUNTIME_PACKAGE_MANIFEST_H
