// Writing an export file.
#include "runtime/base/Hash.h"
#include "runtime/export/Crc.h"
#include "runtime/export/ExportFile.h"

#include <cassert>

namespace heter::runtime::exports {

static constexpr size_t bufferBytes = size_t{1} << 20;

template <typename T> static void add(std::string &bytes, T value) {
  bytes.append(reinterpret_cast<const char *>(&value), sizeof(T));
}

static void addKeys(std::string &bytes, const std::vector<uint64_t> &keys) {
  bytes.append(reinterpret_cast<const char *>(keys.data()), keys.size() * sizeof(uint64_t));
}

static void pad(std::string &bytes) { bytes.resize((bytes.size() + padding - 1) / padding * padding); }

ExportWriter::ExportWriter(FileSystem &files, std::string path, size_t tables)
    : files_(files), path_(std::move(path)), directory_(tables * virtualShards) {}

StatusOr<std::unique_ptr<ExportWriter>> ExportWriter::create(FileSystem &files, const std::string &path,
                                                             const ExportIndex &index) {
  std::unique_ptr<ExportWriter> writer(new ExportWriter(files, path, index.tables.size()));
  HETER_ASSIGN_OR_RETURN(writer->out_, files.openForWrite(path + ".partial"));
  std::string text = printIndex(index);
  text.resize((headBytes + text.size() + alignment - 1) / alignment * alignment - headBytes, ' ');
  std::string head(magic);
  add(head, formatVersion);
  add(head, static_cast<uint32_t>(text.size()));
  add(head, crcOf(text));
  HETER_RETURN_IF_ERROR(writer->append(head + text));
  return writer;
}

ExportWriter::~ExportWriter() {
  if (!out_ && committed_)
    return;
  out_.reset();
  if (!committed_)
    (void)files_.remove(path_ + ".partial");
}

Status ExportWriter::append(std::string_view bytes) {
  crc_ = crcOf(bytes, crc_);
  at_ += bytes.size();
  buffer_.append(bytes);
  return buffer_.size() >= bufferBytes ? flush() : Status();
}

Status ExportWriter::flush() {
  const Status status = out_->append(buffer_);
  buffer_.clear();
  return status;
}

/// Appends block_, whose CRC is not set yet.
Status ExportWriter::appendBlock() {
  const uint32_t crc = crcOf(std::string_view(block_).substr(sizeof(uint32_t)));
  block_.replace(0, sizeof crc, reinterpret_cast<const char *>(&crc), sizeof crc);
  return append(block_);
}

Status ExportWriter::writeDense(std::span<const float> values) {
  block_.clear();
  add(block_, uint32_t{0});
  add(block_, parameters_++);
  add(block_, static_cast<uint64_t>(values.size()));
  block_.resize(blockHeadBytes);
  block_.append(reinterpret_cast<const char *>(values.data()), values.size_bytes());
  pad(block_);
  return appendBlock();
}

Status ExportWriter::writeRows(const ShardRows &rows) {
  if (rows.empty())
    return {};
  block_.clear();
  add(block_, uint32_t{0});
  add(block_, rows.shard);
  add(block_, rows.table);
  for (const RowSet &set : rows.sets)
    add(block_, static_cast<uint32_t>(set.keys.size()));
  for (const RowSet &set : rows.sets)
    add(block_, static_cast<uint32_t>(set.removed.size()));
  block_.resize(blockHeadBytes);
  for (const RowSet &set : rows.sets) {
    addKeys(block_, set.keys);
    addKeys(block_, set.removed);
    block_.append(set.values);
    pad(block_);
  }
  directory_[rows.table * size_t{virtualShards} + rows.shard] = at_;
  return appendBlock();
}

StatusOr<int64_t> ExportWriter::commit() {
  std::string end;
  addKeys(end, directory_);
  add(end, crcOf(end));
  HETER_RETURN_IF_ERROR(append(end));
  std::string last;
  add(last, crc_);
  HETER_RETURN_IF_ERROR(append(last));
  HETER_RETURN_IF_ERROR(flush());
  HETER_RETURN_IF_ERROR(out_->sync());
  HETER_RETURN_IF_ERROR(out_->close());
  HETER_RETURN_IF_ERROR(files_.rename(path_ + ".partial", path_));
  committed_ = true;
  const size_t slash = path_.rfind('/');
  HETER_RETURN_IF_ERROR(files_.syncDirectory(slash == std::string::npos ? "."
                                             : slash == 0               ? "/"
                                                                        : path_.substr(0, slash)));
  return static_cast<int64_t>(at_);
}

} // namespace heter::runtime::exports
