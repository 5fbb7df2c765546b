// An export or delta as a file: written front to back and committed by one rename, read front to back with every byte
// checked before it is used.
#ifndef HETER_RUNTIME_EXPORT_EXPORTFILE_H
#define HETER_RUNTIME_EXPORT_EXPORTFILE_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/Status.h"
#include "runtime/export/ExportFormat.h"
#include "runtime/export/ExportIndex.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heter::runtime::exports {

/// The rows of one set of a table in one virtual shard, keys in the order of their mixed keys.
struct RowSet {
  std::vector<uint64_t> keys;
  std::string values;            ///< Coded, ExportSet::rowBytes each.
  std::vector<uint64_t> removed; ///< Of deltas: keys whose rows are gone; none of `keys`.

  void clear() {
    keys.clear();
    values.clear();
    removed.clear();
  }
};

/// The rows of a table in one virtual shard.
struct ShardRows {
  uint32_t shard = 0;
  uint32_t table = 0;
  std::array<RowSet, mostSets> sets;

  bool empty() const {
    return sets[0].keys.empty() && sets[0].removed.empty() && sets[1].keys.empty() && sets[1].removed.empty();
  }
};

/// Not thread-safe.
class ExportWriter {
public:
  /// Begins the file beside its place. `files` outlives the writer.
  static StatusOr<std::unique_ptr<ExportWriter>> create(FileSystem &files, const std::string &path,
                                                        const ExportIndex &index);
  /// What was not committed is removed.
  ~ExportWriter();

  /// REQUIRES: called once for each parameter of the index, in order, before any rows.
  Status writeDense(std::span<const float> values);
  /// REQUIRES: shards come in order, and of each the tables. What is empty is left out.
  Status writeRows(const ShardRows &rows);
  /// Ends and syncs the file and renames it over `path`. Gives its bytes.
  StatusOr<int64_t> commit();

private:
  ExportWriter(FileSystem &files, std::string path, size_t tables);
  Status append(std::string_view bytes);
  Status appendBlock();
  Status flush();

  FileSystem &files_;
  const std::string path_;
  std::unique_ptr<OutputFile> out_;
  bool committed_ = false;
  std::string buffer_;
  std::string block_;
  uint64_t at_ = 0;
  uint32_t crc_ = 0;
  uint32_t parameters_ = 0;
  std::vector<uint64_t> directory_;
};

/// Not thread-safe.
class ExportReader {
public:
  /// Opens the file and reads its index. A path that holds no export is an error that says so.
  static StatusOr<std::unique_ptr<ExportReader>> open(FileSystem &files, const std::string &path);

  const std::string &path() const { return path_; }
  const ExportIndex &index() const { return index_; }
  int64_t bytes() const { return static_cast<int64_t>(size_); }

  /// Reads the dense parameters, in the index's order. REQUIRES: called once, first.
  Status readDense(const std::function<Status(size_t parameter, std::vector<float> values)> &visit);
  /// Reads the next rows, in order of shards and tables. False at the end of the file, which is then known to be whole.
  StatusOr<bool> next(ShardRows &rows);

private:
  explicit ExportReader(std::string path) : path_(std::move(path)) {}
  Status readHead();
  Status readExactly(std::span<char> to);
  /// Reads the rest of a block whose head is in block_, and checks it.
  Status readBlock(uint64_t bytes, const std::string &what);
  Status readSets(ShardRows &rows);
  Status readEnd();
  Status malformed(const std::string &what) const;
  Status damaged(const std::string &what) const;

  const std::string path_;
  std::unique_ptr<InputFile> in_;
  ExportIndex index_;
  uint64_t size_ = 0;
  uint64_t at_ = 0;        ///< What was taken of the file.
  uint64_t blocksEnd_ = 0; ///< Where the directory begins.
  uint32_t crc_ = 0;       ///< Of what was taken.
  std::string buffer_;     ///< Read ahead.
  size_t taken_ = 0;       ///< Of the buffer.
  std::string block_;
  uint64_t lastBlock_ = 0; ///< One more than shard * tables + table of the last rows.
  std::vector<uint64_t> directory_;
};

/// Whether there is a file that begins as an export does.
bool isExport(FileSystem &files, const std::string &path);

} // namespace heter::runtime::exports

#endif // HETER_RUNTIME_EXPORT_EXPORTFILE_H
