// The data files of a save: blocks that carry their own checksums, so that nothing is taken from a damaged file, and
// above them rows and dense blocks.
#ifndef HETER_RUNTIME_TABLE_CHECKPOINTFILES_H
#define HETER_RUNTIME_TABLE_CHECKPOINTFILES_H

#include "runtime/base/FileSystem.h"
#include "runtime/table/Checkpoint.h"
#include "runtime/table/CheckpointFormat.h"
#include "runtime/table/CheckpointManifest.h"
#include "runtime/table/ParameterStore.h"
#include "runtime/table/SparseTable.h"
#include "runtime/table/TableSnapshot.h"

#include <bit>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace heter::runtime::checkpoint {

static_assert(std::endian::native == std::endian::little, "checkpoint files hold little-endian numbers");

/// Appends plain numbers to a block.
class BlockBuilder {
public:
  template <typename T> void add(T value) { bytes_.append(reinterpret_cast<const char *>(&value), sizeof(T)); }
  void addText(std::string_view text) { bytes_.append(text); }
  void addFloats(std::span<const float> values) {
    bytes_.append(reinterpret_cast<const char *>(values.data()), values.size_bytes());
  }
  /// Replaces a number added before.
  template <typename T> void set(size_t at, T value) { std::memcpy(bytes_.data() + at, &value, sizeof(T)); }

  std::string_view bytes() const { return bytes_; }
  void clear() { bytes_.clear(); }

private:
  std::string bytes_;
};

/// Takes numbers off a block. A read beyond its end gives zeros and `ok()` is false from then on.
class BlockParser {
public:
  explicit BlockParser(std::string_view bytes) : bytes_(bytes) {}
  template <typename T> T take() {
    T value{};
    takeBytes(&value, sizeof(T));
    return value;
  }
  std::string_view takeText(size_t size) {
    const std::string_view text = bytes_.substr(0, size);
    ok_ = ok_ && text.size() == size;
    bytes_.remove_prefix(text.size());
    return text;
  }
  void takeFloats(std::span<float> values) { takeBytes(values.data(), values.size_bytes()); }

  bool ok() const { return ok_; }
  size_t left() const { return bytes_.size(); }

private:
  void takeBytes(void *to, size_t size) {
    ok_ = ok_ && bytes_.size() >= size;
    if (!ok_ || size == 0)
      return;
    std::memcpy(to, bytes_.data(), size);
    bytes_.remove_prefix(size);
  }

  std::string_view bytes_;
  bool ok_ = true;
};

/// Writes one data file. Not thread-safe.
class BlockWriter {
public:
  static StatusOr<std::unique_ptr<BlockWriter>> create(FileSystem &files, const std::string &dir,
                                                       const std::string &name);
  /// REQUIRES: the block is not empty.
  Status append(std::string_view block);
  /// Ends, syncs and closes the file.
  StatusOr<CheckpointFile> finish();

private:
  BlockWriter(std::unique_ptr<OutputFile> out, std::string name) : out_(std::move(out)), info_{std::move(name)} {}
  Status write(std::string_view block);

  std::unique_ptr<OutputFile> out_;
  CheckpointFile info_;
};

/// What the first block of every data file says.
struct FileHeader {
  std::string magic;
  int64_t save = 0;
  int32_t shardIndex = 0;
  int32_t shardCount = 1;

  void write(BlockBuilder &block) const;
};

/// For who has no threads.
inline void oneByOne(int64_t count, const std::function<void(int64_t)> &body) {
  for (int64_t i = 0; i < count; ++i)
    body(i);
}

/// Writes the rows of a table that changed after epoch `since` (0: all), and which were evicted. Gives their number.
StatusOr<int64_t> writeRows(BlockWriter &out, TableSnapshot &snapshot, uint32_t table, uint16_t since,
                            const ParallelFor &parallelFor);

/// Takes a row, with the table's index in the manifest.
using RowVisitor = std::function<Status(size_t table, const RowImage &row)>;

/// Takes some rows, with the table's index in the manifest.
using RowsVisitor = std::function<Status(size_t table, std::span<const RowImage> rows)>;

/// Calls `visit` with every row that one server saved, as it was in the end, once.
Status readRows(FileSystem &files, const std::string &dir, const Manifest &manifest, int32_t server,
                const RowVisitor &visit);
/// The same with many rows at once, from as many threads as `parallelFor` has.
Status readRows(FileSystem &files, const std::string &dir, const Manifest &manifest, int32_t server,
                const ParallelFor &parallelFor, const RowsVisitor &visit);

/// Calls `block` with every block of a .dense file: the parameter's index in the manifest, the block's number and its
/// state as [value][slots..][scalars].
Status readDense(FileSystem &files, const std::string &dir, const Manifest &manifest, const ManifestFile &file,
                 const std::function<Status(size_t parameter, int64_t block, std::span<const float> state)> &block);

} // namespace heter::runtime::checkpoint

#endif // HETER_RUNTIME_TABLE_CHECKPOINTFILES_H
