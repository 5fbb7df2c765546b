// TierPlace: where a store may keep rows that memory has no room for, and the figures of what it does there.
#ifndef HETER_RUNTIME_TABLE_TIERPLACE_H
#define HETER_RUNTIME_TABLE_TIERPLACE_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace heter::runtime {

class FileSystem;

/// Where a store may keep rows that its memory has no room for.
struct TierPlace {
  FileSystem *files = nullptr; ///< Null: nowhere. Outlives the store.
  std::string folder;
  size_t segmentBytes = size_t{1} << 20; ///< What is written at once.
};

/// What a tier did since it was made, and holds.
struct TierFigures {
  int64_t rowsInMemory = 0;
  int64_t rowsOnDisk = 0;
  int64_t keysPulled = 0; ///< That have rows.
  int64_t keysOnDisk = 0; ///< Among them.
  int64_t blocksRead = 0;
  int64_t bytesWritten = 0;

  void add(const TierFigures &other);
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_TIERPLACE_H
