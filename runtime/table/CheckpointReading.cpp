// Reads the data files of a save: checks block by block, and gives the rows and dense blocks in them.
#include "runtime/table/CheckpointFiles.h"

#include "runtime/base/Hash.h"
#include "runtime/table/Sharding.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace heter::runtime::checkpoint {

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
    HETER_ASSIGN_OR_RETURN(std::unique_ptr<InputFile> in, files.openLargeForRead(path));
    std::unique_ptr<BlockReader> reader(new BlockReader(path, std::move(in), file));
    HETER_RETURN_IF_ERROR(reader->readHeader(manifest));
    return reader;
  }

  /// The next block, valid until the next call; empty at the end of the file, which is then known to be whole.
  StatusOr<std::string_view> next() {
    HETER_RETURN_IF_ERROR(next(block_).status());
    return std::string_view(block_);
  }
  /// The same into `block`; whether it is the end.
  StatusOr<bool> next(std::string &block) {
    uint32_t length = 0;
    HETER_RETURN_IF_ERROR(readExactly({reinterpret_cast<char *>(&length), lengthBytes}));
    if (length + checksumBytes > static_cast<uint64_t>(left_))
      return damaged();
    block.resize(length);
    HETER_RETURN_IF_ERROR(readExactly(block));
    uint64_t stored = 0;
    HETER_RETURN_IF_ERROR(readExactly({reinterpret_cast<char *>(&stored), checksumBytes}));
    checksum_ = hashBytes(block, checksum_);
    if (stored != checksum_)
      return damaged();
    if (length == 0 && (left_ != 0 || checksum_ != file_.file.checksum))
      return Status::dataLoss(path_ + " is not the file that the manifest means: its checksum is another");
    return length == 0;
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
  RowReader(FileSystem &files, const std::string &dir, const Manifest &manifest, const ParallelFor &parallelFor,
            const RowsVisitor &visit)
      : files_(files), dir_(dir), manifest_(manifest), parallelFor_(parallelFor), visit_(visit),
        settled_(manifest.schema.tables.size()) {}

  Status read(const ManifestFile &file, bool isOldest) {
    HETER_ASSIGN_OR_RETURN(const std::unique_ptr<BlockReader> reader,
                           BlockReader::create(files_, dir_, manifest_, file));
    std::vector<int64_t> counted(settled_.size());
    std::vector<std::vector<uint64_t>> found(settled_.size());
    for (bool ended = false; !ended;) {
      HETER_RETURN_IF_ERROR(readSome(*reader, ended));
      HETER_RETURN_IF_ERROR(visitBlocks(*reader, file, /*keepKeys=*/!isOldest));
      for (const Block &block : blocks_) {
        counted[block.table] += block.kind == RowBlock::Erased ? 0 : block.rowCount;
        if (!isOldest)
          found[block.table].insert(found[block.table].end(), block.keys.begin(), block.keys.end());
      }
    }
    if (counted != file.rows)
      return reader->malformed("it does not hold as many rows as the manifest says");
    for (size_t table = 0; table < settled_.size(); ++table)
      settled_[table].insert(found[table].begin(), found[table].end());
    return {};
  }

private:
  /// Blocks in memory at once: those that one turn of a writer over its ranges gives, so that each is of other rows.
  static constexpr size_t blocksAtOnce = TableSnapshot::ranges;

  struct Block {
    std::string bytes;
    uint32_t table = 0;
    RowBlock kind = RowBlock::Whole;
    int64_t rowCount = 0;
    std::vector<uint64_t> keys; ///< All, if they are wanted.
    std::vector<RowImage> rows; ///< Those that count; their states lie in `bytes`.
    Status status;
  };

  Status readSome(BlockReader &reader, bool &ended) {
    blocks_.resize(blocksAtOnce);
    size_t count = 0;
    while (count < blocksAtOnce) {
      HETER_ASSIGN_OR_RETURN(ended, reader.next(blocks_[count].bytes));
      if (ended)
        break;
      ++count;
    }
    blocks_.resize(count);
    return {};
  }

  Status visitBlocks(const BlockReader &reader, const ManifestFile &file, bool keepKeys) {
    parallelFor_(static_cast<int64_t>(blocks_.size()), [&](int64_t i) {
      Block &block = blocks_[static_cast<size_t>(i)];
      block.status = parse(reader, file, block, keepKeys);
      if (block.status.ok())
        block.status = visit_(block.table, block.rows);
    });
    for (const Block &block : blocks_)
      HETER_RETURN_IF_ERROR(block.status);
    return {};
  }

  Status parse(const BlockReader &reader, const ManifestFile &file, Block &block, bool keepKeys) const {
    BlockParser parser(block.bytes);
    block.table = parser.take<uint32_t>();
    block.kind = static_cast<RowBlock>(parser.take<uint32_t>());
    const auto rows = parser.take<uint32_t>();
    if (!parser.ok() || block.table >= settled_.size() || block.kind > RowBlock::Erased)
      return reader.malformed("a block names no table");
    const bool erased = block.kind == RowBlock::Erased;
    const TableSpec &spec = manifest_.schema.tables[block.table];
    const auto floats = static_cast<size_t>(erased ? 0 : spec.floatsOf(block.kind == RowBlock::Short));
    const bool hasSeen = !erased && spec.policy.period > 0;
    if (parser.left() != rows * (sizeof(uint64_t) + (hasSeen ? sizeof(uint32_t) : 0) + floats * sizeof(float)))
      return reader.malformed("a block does not hold the rows that it says");
    block.rowCount = rows;
    block.keys.clear();
    block.rows.clear();
    block.rows.reserve(rows);
    for (uint32_t i = 0; i < rows; ++i) {
      const auto key = parser.take<uint64_t>();
      const uint32_t seen = hasSeen ? parser.take<uint32_t>() : 0;
      // All before are numbers of 4 or 8 bytes, so that floats lie at multiples of 4.
      const auto *state = reinterpret_cast<const float *>(parser.takeText(floats * sizeof(float)).data());
      if (ownerOfKey(key, manifest_.shardCount) != file.shardIndex)
        return reader.malformed("it holds a key of another server");
      if (keepKeys)
        block.keys.push_back(key);
      if (!erased && (settled_[block.table].empty() || !settled_[block.table].contains(key)))
        block.rows.push_back({key, block.kind == RowBlock::Whole, {state, floats}, static_cast<uint16_t>(seen)});
    }
    return {};
  }

  FileSystem &files_;
  const std::string &dir_;
  const Manifest &manifest_;
  const ParallelFor &parallelFor_;
  const RowsVisitor &visit_;
  std::vector<std::unordered_set<uint64_t>> settled_; ///< Keys of each table that newer files have, or erased.
  std::vector<Block> blocks_;
};
} // namespace

Status readRows(FileSystem &files, const std::string &dir, const Manifest &manifest, int32_t server,
                const ParallelFor &parallelFor, const RowsVisitor &visit) {
  std::vector<const ManifestFile *> newestFirst;
  for (const ManifestFile &file : manifest.files)
    if (!file.dense && file.shardIndex == server)
      newestFirst.insert(newestFirst.begin(), &file);
  RowReader reader(files, dir, manifest, parallelFor, visit);
  for (const ManifestFile *file : newestFirst)
    HETER_RETURN_IF_ERROR(reader.read(*file, file == newestFirst.back()));
  return {};
}

Status readRows(FileSystem &files, const std::string &dir, const Manifest &manifest, int32_t server,
                const RowVisitor &visit) {
  return readRows(files, dir, manifest, server, ParallelFor(oneByOne),
                  [&](size_t table, std::span<const RowImage> rows) {
                    for (const RowImage &row : rows)
                      HETER_RETURN_IF_ERROR(visit(table, row));
                    return Status();
                  });
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
