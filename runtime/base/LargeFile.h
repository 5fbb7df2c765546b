// Files of many MB that are written or read once from front to back: past the system's cache where the file's device
// allows it, while another thread does the I/O.
#ifndef HETER_RUNTIME_BASE_LARGEFILE_H
#define HETER_RUNTIME_BASE_LARGEFILE_H

#include "runtime/base/FileSystem.h"

#include <memory>
#include <string>

namespace heter::runtime {

/// Creates or empties a file; null if it cannot be written past the cache, and is then left as it was found or empty.
std::unique_ptr<OutputFile> openLargeForWrite(const std::string &path);

/// Opens a file; null if it cannot be read past the cache.
std::unique_ptr<InputFile> openLargeForRead(const std::string &path);

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_LARGEFILE_H
