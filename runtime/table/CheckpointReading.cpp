// Reads the data files of a save: checks block by block, and gives the rows and dense blocks in them.
#include "runtime/table/CheckpointFiles.h"

#include "runtime/base/Hash.h"
#include "runtime/base/ThreadAnnotations.h"
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
    HETER_RETURN_IF_ERROR(take(block_));
    HETER_RETURN_IF_ERROR(check(block_));
    return std::string_view(block_.bytes);
  }

  struct Block {
    std::string bytes; ///< Empty: the end of the file, which is then the one that is meant.
    int64_t number = 0;
    uint64_t before = 0, stored = 0; ///< The checksums of the block before and of this one, as they are in the file.
  };
  /// The same without looking at the block's checksum: the file is whole if check() finds every block so.
  Status take(Block &block) {
    block.number = blocks_++;
    uint32_t length = 0;
    HETER_RETURN_IF_ERROR(readExactly({reinterpret_cast<char *>(&length), lengthBytes}));
    if (length + checksumBytes > static_cast<uint64_t>(left_))
      return damaged();
    block.before = checksum_;
    block.bytes.resize(length);
    HETER_RETURN_IF_ERROR(readExactly(block.bytes));
    HETER_RETURN_IF_ERROR(readExactly({reinterpret_cast<char *>(&checksum_), checksumBytes}));
    block.stored = checksum_;
    if (length == 0 && left_ != 0)
      return isAnother();
    return {};
  }
  /// Thread-safe.
  Status check(const Block &block) const {
    if (hashBytes(block.bytes, block.before) != block.stored)
      return damaged();
    return block.bytes.empty() && block.stored != file_.file.checksum ? isAnother() : Status();
  }

  Status isAnother() const {
    return Status::dataLoss(path_ + " is not the file that the manifest means: its checksum is another");
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
  uint64_t checksum_ = 0; ///< That the block before has in the file.
  int64_t blocks_ = 0;
  Block block_;
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
    Course course{*reader, file, /*keepKeys=*/!isOldest, Found(settled_.size())};
    parallelFor_(mostThreads, [&](int64_t) { readBlocks(course); });
    MutexLock lock(course.mutex);
    HETER_RETURN_IF_ERROR(course.status);
    if (course.found.counted != file.rows)
      return reader->malformed("it does not hold as many rows as the manifest says");
    for (size_t table = 0; table < settled_.size(); ++table)
      settled_[table].insert(course.found.keys[table].begin(), course.found.keys[table].end());
    return {};
  }

private:
  static constexpr int64_t mostThreads = 64;
  static constexpr size_t rowsAtOnce = 512; ///< That are visited together: they stay in the nearest cache until then.

  /// What a file holds of each table.
  struct Found {
    explicit Found(size_t tables) : counted(tables), keys(tables) {}
    void add(const Found &other) {
      for (size_t t = 0; t < counted.size(); ++t) {
        counted[t] += other.counted[t];
        keys[t].insert(keys[t].end(), other.keys[t].begin(), other.keys[t].end());
      }
    }
    std::vector<int64_t> counted;
    std::vector<std::vector<uint64_t>> keys; ///< All, if they are wanted.
  };

  /// A file that threads read together: each takes the next block and has it checked and visited while others take
  /// theirs. Blocks that are taken one after another are mostly of different ranges, as the writer's turns are.
  struct Course {
    Course(BlockReader &reader, const ManifestFile &file, bool keepKeys, Found none)
        : reader(reader), file(file), keepKeys(keepKeys), found(std::move(none)) {}

    /// False: there is none, or something has failed.
    bool take(BlockReader::Block &block) HETER_EXCLUDES(mutex) {
      MutexLock lock(mutex);
      if (ended)
        return false;
      if (Status taken = reader.take(block); !taken.ok())
        failLocked(block.number, std::move(taken));
      ended = ended || block.bytes.empty();
      return status.ok();
    }
    /// Of all that failed the first block counts.
    void fail(int64_t block, Status why) HETER_EXCLUDES(mutex) {
      MutexLock lock(mutex);
      failLocked(block, std::move(why));
    }
    void failLocked(int64_t block, Status why) HETER_REQUIRES(mutex) {
      if (status.ok() || block < failed) {
        failed = block;
        status = std::move(why);
      }
      ended = true;
    }

    BlockReader &reader; ///< take() is called with the mutex held.
    const ManifestFile &file;
    const bool keepKeys;
    Mutex mutex;
    bool ended HETER_GUARDED_BY(mutex) = false;
    int64_t failed HETER_GUARDED_BY(mutex) = 0;
    Status status HETER_GUARDED_BY(mutex);
    Found found HETER_GUARDED_BY(mutex);
  };

  void readBlocks(Course &course) {
    BlockReader::Block block;
    Found found(settled_.size());
    while (course.take(block)) {
      Status status = course.reader.check(block);
      if (status.ok() && !block.bytes.empty())
        status = visit(course, block.bytes, found);
      if (!status.ok())
        course.fail(block.number, std::move(status));
    }
    MutexLock lock(course.mutex);
    course.found.add(found);
  }

  Status visit(const Course &course, std::string_view bytes, Found &found) const {
    const BlockReader &reader = course.reader;
    BlockParser parser(bytes);
    const auto table = parser.take<uint32_t>();
    const auto kind = static_cast<RowBlock>(parser.take<uint32_t>());
    const auto rows = parser.take<uint32_t>();
    if (!parser.ok() || table >= settled_.size() || kind > RowBlock::Erased)
      return reader.malformed("a block names no table");
    const bool erased = kind == RowBlock::Erased;
    const TableSpec &spec = manifest_.schema.tables[table];
    const auto floats = static_cast<size_t>(erased ? 0 : spec.floatsOf(kind == RowBlock::Short));
    const bool hasSeen = !erased && spec.policy.period > 0;
    if (parser.left() != rows * (sizeof(uint64_t) + (hasSeen ? sizeof(uint32_t) : 0) + floats * sizeof(float)))
      return reader.malformed("a block does not hold the rows that it says");
    found.counted[table] += erased ? 0 : rows;
    const std::unordered_set<uint64_t> &settled = settled_[table];
    std::vector<RowImage> images;
    images.reserve(std::min<size_t>(rows, rowsAtOnce));
    for (uint32_t i = 0; i < rows; ++i) {
      const auto key = parser.take<uint64_t>();
      const uint32_t seen = hasSeen ? parser.take<uint32_t>() : 0;
      // All before are numbers of 4 or 8 bytes, so that floats lie at multiples of 4.
      const auto *state = reinterpret_cast<const float *>(parser.takeText(floats * sizeof(float)).data());
      if (ownerOfKey(key, manifest_.shardCount) != course.file.shardIndex)
        return reader.malformed("it holds a key of another server");
      if (course.keepKeys)
        found.keys[table].push_back(key);
      if (!erased && (settled.empty() || !settled.contains(key)))
        images.push_back({key, kind == RowBlock::Whole, {state, floats}, static_cast<uint16_t>(seen)});
      if (images.size() == rowsAtOnce || (i + 1 == rows && !images.empty())) {
        HETER_RETURN_IF_ERROR(visit_(table, images));
        images.clear();
      }
    }
    return {};
  }

  FileSystem &files_;
  const std::string &dir_;
  const Manifest &manifest_;
  const ParallelFor &parallelFor_;
  const RowsVisitor &visit_;
  std::vector<std::unordered_set<uint64_t>> settled_; ///< Keys of each table that newer files have, or erased.
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
