// Scratch files of the machine's own.
#ifndef HETER_RUNTIME_BASE_POSIXBLOCKFILE_H
#define HETER_RUNTIME_BASE_POSIXBLOCKFILE_H

#include "runtime/base/BlockReader.h"
#include "runtime/base/FileSystem.h"

#include <memory>
#include <string>

namespace heter::runtime {

/// An empty file in `folder`. It has a name for a moment only where the file system knows no other way.
StatusOr<std::unique_ptr<BlockFile>> createScratchFile(const std::string &folder, const std::string &name,
                                                       const ScratchFileOptions &options,
                                                       std::shared_ptr<BlockReader> reader);

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_POSIXBLOCKFILE_H
