// Where the generated kernels of a package come from: normally its shared object for this machine's instruction set.
#ifndef HETER_RUNTIME_PACKAGE_KERNELOBJECT_H
#define HETER_RUNTIME_PACKAGE_KERNELOBJECT_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/Status.h"

#include <memory>
#include <string>
#include <vector>

namespace heter::runtime {

/// A generated kernel: each of `args` points to a memref descriptor, inputs first, then outputs.
using KernelFunction = void (*)(void *const *args);

/// A set of kernels by symbol. Thread-safe; functions live as long as it.
class KernelObject {
public:
  virtual ~KernelObject() = default;
  /// Null if there is no such kernel.
  virtual KernelFunction find(const std::string &symbol) const = 0;
  /// What it is, for messages: a file name and its instruction set.
  virtual const std::string &description() const = 0;
};

/// Loads `kernels-cpu-LEVEL.so` of a package folder for the best usable level (Processor.h) that the package holds.
StatusOr<std::unique_ptr<KernelObject>> openKernelObject(FileSystem &files, const std::string &folder);

} // namespace heter::runtime

#endif // HETER_RUNTIME_PACKAGE_KERNELOBJECT_H
