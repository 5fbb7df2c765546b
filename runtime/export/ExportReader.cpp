// Reading an export file, whose bytes are not to be trusted.
#include "runtime/base/Hash.h"
#include "runtime/export/Crc.h"
#include "runtime/export/ExportFile.h"

#include <algorithm>
#include <cstring>

namespace heter::runtime::exports {

static constexpr size_t bufferBytes = size_t{1} << 20;

static uint32_t numberAt(std::string_view bytes, size_t at) {
  uint32_t value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

static uint64_t padded(uint64_t bytes) { return (bytes + padding - 1) / padding * padding; }

Status ExportReader::malformed(const std::string &what) const {
  return Status::dataLoss(path_ + " is malformed: " + what);
}

Status ExportReader::damaged(const std::string &what) const {
  return Status::dataLoss(path_ + " is damaged or was edited: the checksum of " + what +
                          " does not fit; copy or export it again");
}

bool isExport(FileSystem &files, const std::string &path) {
  const StatusOr<std::unique_ptr<InputFile>> in = files.openForRead(path);
  if (!in.ok())
    return false; // What opens it to read it says why.
  std::string start(magic.size(), 0);
  size_t have = 0;
  while (have < start.size()) {
    const StatusOr<size_t> got = (*in)->read({start.data() + have, start.size() - have});
    if (!got.ok() || *got == 0)
      return false; // a folder, or shorter
    have += *got;
  }
  return start == magic;
}

StatusOr<std::unique_ptr<ExportReader>> ExportReader::open(FileSystem &files, const std::string &path) {
  std::unique_ptr<ExportReader> reader(new ExportReader(path));
  HETER_ASSIGN_OR_RETURN(const int64_t size, files.fileSize(path));
  reader->size_ = static_cast<uint64_t>(size);
  HETER_ASSIGN_OR_RETURN(reader->in_, files.openForRead(path));
  HETER_RETURN_IF_ERROR(reader->readHead());
  return reader;
}

Status ExportReader::readExactly(std::span<char> to) {
  if (to.size() > size_ - at_)
    return Status::dataLoss(path_ + " is truncated: it has " + std::to_string(size_) +
                            " bytes, and more should follow; copy or export it again");
  const std::span<char> all = to;
  while (!to.empty()) {
    if (taken_ == buffer_.size()) {
      buffer_.resize(std::min<uint64_t>(bufferBytes, size_ - at_ - (all.size() - to.size())));
      HETER_ASSIGN_OR_RETURN(const size_t got, in_->read(buffer_));
      if (got == 0)
        return Status::dataLoss(path_ + " is truncated: it ended while it was read");
      buffer_.resize(got);
      taken_ = 0;
    }
    const size_t count = std::min(to.size(), buffer_.size() - taken_);
    std::memcpy(to.data(), buffer_.data() + taken_, count);
    taken_ += count;
    to = to.subspan(count);
  }
  crc_ = crcOf({all.data(), all.size()}, crc_);
  at_ += all.size();
  return {};
}

Status ExportReader::readHead() {
  std::string head(headBytes, 0);
  if (size_ < headBytes)
    return Status::dataLoss(path_ + " is no export, or is truncated: it has " + std::to_string(size_) + " bytes");
  HETER_RETURN_IF_ERROR(readExactly(head));
  if (!head.starts_with(magic))
    return Status::dataLoss(path_ + " is no export: it does not begin with " + std::string(magic));
  const uint32_t version = numberAt(head, magic.size());
  const uint64_t bytes = numberAt(head, magic.size() + 4);
  if (version != formatVersion)
    return Status::failedPrecondition(path_ + " has format version " + std::to_string(version) +
                                      ", and this program reads version " + std::to_string(formatVersion));
  if (bytes > mostIndexBytes || (headBytes + bytes) % alignment != 0)
    return malformed("its index has an impossible size");
  if (bytes > size_ - at_)
    return Status::dataLoss(path_ + " is truncated: it ends in its index; copy or export it again");
  std::string text(bytes, 0);
  HETER_RETURN_IF_ERROR(readExactly(text));
  if (crcOf(text) != numberAt(head, magic.size() + 8))
    return damaged("its index");
  StatusOr<ExportIndex> index = parseIndex(text);
  HETER_RETURN_IF_ERROR(index.status().withContext(path_));
  index_ = std::move(*index);
  const uint64_t end = index_.tables.size() * uint64_t{virtualShards} * sizeof(uint64_t) + trailerBytes;
  if (end > size_ - at_)
    return Status::dataLoss(path_ + " is truncated: it ends before its directory; copy or export it again");
  blocksEnd_ = size_ - end;
  directory_.resize(index_.tables.size() * size_t{virtualShards});
  return {};
}

Status ExportReader::readBlock(uint64_t bytes, const std::string &what) {
  if (bytes > blocksEnd_ - at_)
    return malformed(what + " ends behind the file's blocks: it is damaged or truncated");
  block_.resize(blockHeadBytes + bytes);
  HETER_RETURN_IF_ERROR(readExactly({block_.data() + blockHeadBytes, bytes}));
  return crcOf(std::string_view(block_).substr(sizeof(uint32_t))) == numberAt(block_, 0) ? Status() : damaged(what);
}

Status ExportReader::readDense(const std::function<Status(size_t, std::vector<float>)> &visit) {
  for (size_t p = 0; p < index_.parameters.size(); ++p) {
    const ExportParameter &parameter = index_.parameters[p];
    const std::string what = "parameter `" + parameter.name + "`";
    const auto elements = static_cast<uint64_t>(parameter.elements);
    if (elements > (blocksEnd_ - at_) / sizeof(float))
      return malformed("it is too short for " + what);
    block_.resize(blockHeadBytes);
    HETER_RETURN_IF_ERROR(readExactly(block_));
    HETER_RETURN_IF_ERROR(readBlock(padded(elements * sizeof(float)), what));
    if (numberAt(block_, 4) != p || (numberAt(block_, 8) | uint64_t{numberAt(block_, 12)} << 32) != elements)
      return malformed(what + " is not where it should be");
    std::vector<float> values(elements);
    std::memcpy(values.data(), block_.data() + blockHeadBytes, elements * sizeof(float));
    HETER_RETURN_IF_ERROR(visit(p, std::move(values)));
  }
  return {};
}

StatusOr<bool> ExportReader::next(ShardRows &rows) {
  if (at_ >= blocksEnd_) {
    HETER_RETURN_IF_ERROR(readEnd());
    return false;
  }
  const uint64_t begin = at_;
  block_.resize(blockHeadBytes);
  if (blocksEnd_ - at_ < blockHeadBytes)
    return malformed("a block ends behind the file's blocks: it is damaged or truncated");
  HETER_RETURN_IF_ERROR(readExactly(block_));
  rows.shard = numberAt(block_, 4);
  rows.table = numberAt(block_, 8);
  const uint64_t position = rows.shard * uint64_t{index_.tables.size()} + rows.table + 1;
  if (rows.table >= index_.tables.size() || rows.shard >= virtualShards || position <= lastBlock_)
    return malformed("the block at byte " + std::to_string(begin) + " is of no shard and table that may follow");
  lastBlock_ = position;
  HETER_RETURN_IF_ERROR(readSets(rows));
  directory_[rows.table * size_t{virtualShards} + rows.shard] = begin;
  return true;
}

namespace {
/// Where the arrays of a set lie in a block.
struct SetLayout {
  uint64_t keys = 0;
  uint64_t removed = 0;
  uint64_t valueBytes = 0;
};

/// Takes keys of a shard, which must be in order.
bool takeKeys(const char *from, uint64_t count, uint32_t shard, std::vector<uint64_t> &keys) {
  keys.resize(count);
  if (count > 0)
    std::memcpy(keys.data(), from, count * sizeof(uint64_t));
  for (size_t i = 0; i < keys.size(); ++i)
    if (shardOf(keys[i]) != static_cast<int>(shard) || (i > 0 && mixKey(keys[i - 1]) >= mixKey(keys[i])))
      return false;
  return true;
}
} // namespace

Status ExportReader::readSets(ShardRows &rows) {
  const ExportTable &table = index_.tables[rows.table];
  const std::string what = "shard " + std::to_string(rows.shard) + " of table `" + table.name + "`";
  std::array<SetLayout, mostSets> layouts;
  uint64_t left = blocksEnd_ - at_, bytes = 0;
  for (size_t s = 0; s < mostSets; ++s) {
    SetLayout &layout = layouts[s];
    layout.keys = numberAt(block_, 12 + 4 * s);
    layout.removed = numberAt(block_, 20 + 4 * s);
    const uint64_t rowBytes = s < table.sets.size() ? table.sets[s].rowBytes(index_.coding) : 0;
    if ((s >= table.sets.size() && layout.keys + layout.removed > 0) || (!index_.isDelta() && layout.removed > 0))
      return malformed(what + " has rows that the index does not know");
    if (layout.keys > left / (sizeof(uint64_t) + rowBytes))
      return malformed(what + " ends behind the file's blocks: it is damaged or truncated");
    layout.valueBytes = layout.keys * rowBytes;
    const uint64_t setBytes = (layout.keys + layout.removed) * sizeof(uint64_t) + padded(layout.valueBytes);
    if (setBytes > left)
      return malformed(what + " ends behind the file's blocks: it is damaged or truncated");
    left -= setBytes;
    bytes += setBytes;
  }
  HETER_RETURN_IF_ERROR(readBlock(bytes, what));
  const char *at = block_.data() + blockHeadBytes;
  for (size_t s = 0; s < mostSets; ++s) {
    const SetLayout &layout = layouts[s];
    const bool inOrder =
        takeKeys(at, layout.keys, rows.shard, rows.sets[s].keys) &&
        takeKeys(at + layout.keys * sizeof(uint64_t), layout.removed, rows.shard, rows.sets[s].removed);
    if (!inOrder)
      return malformed(what + " has keys of another shard, or out of order");
    at += (layout.keys + layout.removed) * sizeof(uint64_t);
    rows.sets[s].values.assign(at, layout.valueBytes);
    at += padded(layout.valueBytes);
  }
  return {};
}

Status ExportReader::readEnd() {
  std::string stored(directory_.size() * sizeof(uint64_t), 0);
  HETER_RETURN_IF_ERROR(readExactly(stored));
  std::string crc(sizeof(uint32_t), 0);
  HETER_RETURN_IF_ERROR(readExactly(crc));
  if (numberAt(crc, 0) != crcOf(stored))
    return damaged("its directory");
  if (!directory_.empty() && std::memcmp(stored.data(), directory_.data(), stored.size()) != 0)
    return malformed("its directory does not name the blocks that are there");
  const uint32_t whole = crc_;
  HETER_RETURN_IF_ERROR(readExactly(crc));
  return numberAt(crc, 0) == whole ? Status() : damaged("the whole file");
}

} // namespace heter::runtime::exports
