// Checksummed blocks, and the rows and dense blocks in them.
#include "runtime/table/CheckpointFiles.h"

#include "runtime/base/Hash.h"
#include "runtime/table/Sharding.h"

#include <algorithm>
#include <unordered_set>

namespace heter::runtime::checkpoint {

//===--- Writing --------------------------------------------------------------------------------------------------===//

StatusOr<std::unique_ptr<BlockWriter>> BlockWriter::create(FileSystem &files, const std::string &dir,
                                                           const std::string &name) {
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> out, files.openForWrite(dir + "/" + name));
  return std::unique_ptr<BlockWriter>(new BlockWriter(std::move(out), name));
}

Status BlockWriter::append(std::string_view block) {
  assert(!block.empty() && block.size() <= UINT32_MAX);
  return write(block);
}

Status BlockWriter::write(std::string_view block) {
  const auto length = static_cast<uint32_t>(block.size());
  info_.checksum = hashBytes(block, info_.checksum);
  info_.bytes += static_cast<int64_t>(lengthBytes + block.size() + checksumBytes);
  HETER_RETURN_IF_ERROR(out_->append({reinterpret_cast<const char *>(&length), lengthBytes}));
  if (!block.empty())
    HETER_RETURN_IF_ERROR(out_->append(block));
  return out_->append({reinterpret_cast<const char *>(&info_.checksum), checksumBytes});
}

StatusOr<CheckpointFile> BlockWriter::finish() {
  HETER_RETURN_IF_ERROR(write({}));
  HETER_RETURN_IF_ERROR(out_->sync());
  HETER_RETURN_IF_ERROR(out_->close());
  return info_;
}

void FileHeader::write(BlockBuilder &block) const {
  block.addText(magic);
  block.add<int32_t>(formatVersion);
  block.add(save);
  block.add(shardIndex);
  block.add(shardCount);
}

namespace {
/// Gathers the rows of one kind of a table into blocks.
class RowBlockWriter {
public:
  RowBlockWriter(BlockWriter &out, uint32_t table, RowBlock kind) : out_(out), table_(table), kind_(kind) {}

  /// `seen` is null if rows have no period.
  Status add(uint64_t key, const uint16_t *seen, std::span<const float> state) {
    if (rows_ == 0) {
      block_.add(table_);
      block_.add(static_cast<uint32_t>(kind_));
      block_.add(uint32_t{0});
    }
    block_.add(key);
    if (seen)
      block_.add(uint32_t{*seen});
    block_.addFloats(state);
    ++rows_;
    return block_.bytes().size() >= rowBlockBytes ? flush() : Status();
  }
  Status flush() {
    if (rows_ == 0)
      return {};
    block_.set(2 * sizeof(uint32_t), rows_);
    rows_ = 0;
    const Status status = out_.append(block_.bytes());
    block_.clear();
    return status;
  }

private:
  BlockWriter &out_;
  const uint32_t table_;
  const RowBlock kind_;
  BlockBuilder block_;
  uint32_t rows_ = 0;
};
} // namespace

StatusOr<int64_t> writeRows(BlockWriter &out, TableSnapshot &snapshot, uint32_t table, uint16_t since) {
  if (since > 0) {
    RowBlockWriter erased(out, table, RowBlock::Erased);
    for (uint64_t key : snapshot.erased(since))
      HETER_RETURN_IF_ERROR(erased.add(key, nullptr, {}));
    HETER_RETURN_IF_ERROR(erased.flush());
  }
  RowBlockWriter whole(out, table, RowBlock::Whole), others(out, table, RowBlock::Short);
  const bool hasPeriods = snapshot.table().spec().policy.period > 0;
  int64_t rows = 0;
  HETER_RETURN_IF_ERROR(snapshot.visit(since, [&](const RowImage &row) {
    ++rows;
    return (row.admitted ? whole : others).add(row.key, hasPeriods ? &row.seen : nullptr, row.state);
  }));
  HETER_RETURN_IF_ERROR(whole.flush());
  HETER_RETURN_IF_ERROR(others.flush());
  return rows;
}

//===--- Reading --------------------------------------------------------------------------------------------------===//

namespace {
/// Reads one data file block by block and checks it against the manifest.
class BlockReader {
public:
  static StatusOr<std::unique_ptr<BlockReader>> create(FileSystem &files, const std::string &dir,
                                                       const Manifest &manifest, const ManifestFile &file) {
    const std::string path = dir + "/" + file.file.name;
    HETER_ASSIGN_OR_RETURN(const bool there, files.exists(path));
    if (!there)
      return Status::dataLoss(path + " is missing, though the manifest names it");
    HETER_ASSIGN_OR_RETURN(const int64_t bytes, files.fileSize(path));
    if (bytes != file.file.bytes)
      return Status::dataLoss(path + (bytes < file.file.bytes ? " is truncated: it has " : " is too long: it has ") +
                              std::to_string(bytes) + " bytes, and the manifest says " +
                              std::to_string(file.file.bytes));
    HETER_ASSIGN_OR_RETURN(std::unique_ptr<InputFile> in, files.openForRead(path));
    std::unique_ptr<BlockReader> reader(new BlockReader(path, std::move(in), file));
    HETER_RETURN_IF_ERROR(reader->readHeader(manifest));
    return reader;
  }

  /// The next block, valid until the next call; empty at the end of the file, which is then known to be whole.
  StatusOr<std::string_view> next() {
    uint32_t length = 0;
    HETER_RETURN_IF_ERROR(readExactly({reinterpret_cast<char *>(&length), lengthBytes}));
    if (length + checksumBytes > static_cast<uint64_t>(left_))
      return damaged();
    block_.resize(length);
    HETER_RETURN_IF_ERROR(readExactly(block_));
    uint64_t stored = 0;
    HETER_RETURN_IF_ERROR(readExactly({reinterpret_cast<char *>(&stored), checksumBytes}));
    checksum_ = hashBytes(block_, checksum_);
    if (stored != checksum_)
      return damaged();
    if (length == 0 && (left_ != 0 || checksum_ != file_.file.checksum))
      return Status::dataLoss(path_ + " is not the file that the manifest means: its checksum is another");
    return std::string_view(block_);
  }

  Status damaged() const { return Status::dataLoss(path_ + " is damaged or was edited: a checksum does not fit"); }
  Status malformed(const std::string &what) const { return Status::dataLoss(path_ + " is malformed: " + what); }

private:
  BlockReader(std::string path, std::unique_ptr<InputFile> in, const ManifestFile &file)
      : path_(std::move(path)), in_(std::move(in)), file_(file), left_(file.file.bytes) {}

  Status readExactly(std::span<char> to) {
    if (static_cast<int64_t>(to.size()) > left_)
      return damaged();
    left_ -= static_cast<int64_t>(to.size());
    while (!to.empty()) {
      HETER_ASSIGN_OR_RETURN(const size_t count, in_->read(to));
      if (count == 0)
        return Status::dataLoss(path_ + " is truncated: it ended while it was read");
      to = to.subspan(count);
    }
    return {};
  }

  Status readHeader(const Manifest &manifest) {
    HETER_ASSIGN_OR_RETURN(const std::string_view block, next());
    BlockParser parser(block);
    if (parser.takeText(rowsMagic.size()) != (file_.dense ? denseMagic : rowsMagic))
      return malformed("it does not begin as such a file does");
    if (parser.take<int32_t>() != formatVersion)
      return malformed("it has another format version");
    const bool same = parser.take<int64_t>() == file_.save && parser.take<int32_t>() == file_.shardIndex &&
                      parser.take<int32_t>() == manifest.shardCount;
    if (!same || !parser.ok() || parser.left() != 0)
      return malformed("it belongs to another save or server");
    return {};
  }

  const std::string path_;
  std::unique_ptr<InputFile> in_;
  const ManifestFile &file_;
  int64_t left_;
  uint64_t checksum_ = 0;
  std::string block_;
};
} // namespace

namespace {
/// Reads the files of one server's rows, the newest first, so that of each row only what counts is given.
class RowReader {
public:
  RowReader(FileSystem &files, const std::string &dir, const Manifest &manifest, const RowVisitor &row)
      : files_(files), dir_(dir), manifest_(manifest), row_(row), settled_(manifest.schema.tables.size()) {}

  Status read(const ManifestFile &file, bool isOldest) {
    HETER_ASSIGN_OR_RETURN(const std::unique_ptr<BlockReader> reader,
                           BlockReader::create(files_, dir_, manifest_, file));
    found_.assign(settled_.size(), {});
    gathers_ = !isOldest;
    std::vector<int64_t> counted(settled_.size());
    for (;;) {
      HETER_ASSIGN_OR_RETURN(const std::string_view block, reader->next());
      if (block.empty())
        break;
      HETER_RETURN_IF_ERROR(readBlock(*reader, file, block, counted));
    }
    if (counted != file.rows)
      return reader->malformed("it does not hold as many rows as the manifest says");
    for (size_t table = 0; table < settled_.size(); ++table)
      settled_[table].insert(found_[table].begin(), found_[table].end());
    return {};
  }

private:
  Status readBlock(const BlockReader &reader, const ManifestFile &file, std::string_view block,
                   std::vector<int64_t> &counted) {
    BlockParser parser(block);
    const auto table = parser.take<uint32_t>();
    const auto kind = static_cast<RowBlock>(parser.take<uint32_t>());
    const auto rows = parser.take<uint32_t>();
    if (!parser.ok() || table >= counted.size() || kind > RowBlock::Erased)
      return reader.malformed("a block names no table");
    const bool erased = kind == RowBlock::Erased;
    const TableSpec &spec = manifest_.schema.tables[table];
    state_.resize(static_cast<size_t>(erased ? 0 : spec.floatsOf(kind == RowBlock::Short)));
    const bool hasSeen = !erased && spec.policy.period > 0;
    if (parser.left() != rows * (sizeof(uint64_t) + (hasSeen ? sizeof(uint32_t) : 0) + state_.size() * sizeof(float)))
      return reader.malformed("a block does not hold the rows that it says");
    for (uint32_t i = 0; i < rows; ++i) {
      const auto key = parser.take<uint64_t>();
      const uint32_t seen = hasSeen ? parser.take<uint32_t>() : 0;
      parser.takeFloats(state_);
      if (ownerOfKey(key, manifest_.shardCount) != file.shardIndex)
        return reader.malformed("it holds a key of another server");
      if (gathers_)
        found_[table].push_back(key);
      if (!erased && !settled_[table].contains(key))
        HETER_RETURN_IF_ERROR(row_(table, {key, kind == RowBlock::Whole, state_, static_cast<uint16_t>(seen)}));
    }
    counted[table] += erased ? 0 : rows;
    return {};
  }

  FileSystem &files_;
  const std::string &dir_;
  const Manifest &manifest_;
  const RowVisitor &row_;
  std::vector<std::unordered_set<uint64_t>> settled_; ///< Keys of each table that newer files have, or erased.
  std::vector<std::vector<uint64_t>> found_;          ///< Those of the file that is read.
  bool gathers_ = false;
  std::vector<float> state_;
};
} // namespace

Status readRows(FileSystem &files, const std::string &dir, const Manifest &manifest, int32_t server,
                const RowVisitor &row) {
  std::vector<const ManifestFile *> newestFirst;
  for (const ManifestFile &file : manifest.files)
    if (!file.dense && file.shardIndex == server)
      newestFirst.insert(newestFirst.begin(), &file);
  RowReader reader(files, dir, manifest, row);
  for (const ManifestFile *file : newestFirst)
    HETER_RETURN_IF_ERROR(reader.read(*file, file == newestFirst.back()));
  return {};
}

Status readDense(FileSystem &files, const std::string &dir, const Manifest &manifest, const ManifestFile &file,
                 const std::function<Status(size_t, int64_t, std::span<const float>)> &visit) {
  HETER_ASSIGN_OR_RETURN(const std::unique_ptr<BlockReader> reader, BlockReader::create(files, dir, manifest, file));
  // Exactly the blocks that the server owned, in order.
  std::vector<float> state;
  for (size_t p = 0; p < manifest.schema.parameters.size(); ++p) {
    const ParameterSpec &spec = manifest.schema.parameters[p];
    // A wrong shape must not cost memory: the file holds its share of the values.
    if (spec.elements / manifest.shardCount >
        file.file.bytes / static_cast<int64_t>(sizeof(float)) + denseBlockElements)
      return reader->malformed("it is too short for `" + spec.name + "`");
    const DenseLayout layout(spec.name, spec.elements, file.shardIndex, manifest.shardCount);
    for (const DenseBlock &expected : layout.blocks()) {
      HETER_ASSIGN_OR_RETURN(const std::string_view block, reader->next());
      BlockParser parser(block);
      const auto parameter = parser.take<uint32_t>();
      const auto number = parser.take<int64_t>();
      state.resize(static_cast<size_t>(expected.count) * (1 + spec.optimizer.slots.size()) +
                   spec.optimizer.scalars.size());
      parser.takeFloats(state);
      if (!parser.ok() || parser.left() != 0 || parameter != p || number != expected.block)
        return reader->malformed("block " + std::to_string(expected.block) + " of `" + spec.name +
                                 "` is not where it should be");
      HETER_RETURN_IF_ERROR(visit(p, number, state));
    }
  }
  HETER_ASSIGN_OR_RETURN(const std::string_view end, reader->next());
  return end.empty() ? Status() : reader->malformed("it holds more than the manifest says");
}

} // namespace heter::runtime::checkpoint
