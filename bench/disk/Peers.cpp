// The ways to read rows from a disk.
#include "bench/disk/Peers.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <liburing.h>
#include <memory>
#include <random>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

#ifdef HETER_HAVE_ROCKSDB
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#endif

namespace heter::bench {
namespace {
using Clock = std::chrono::steady_clock;
constexpr size_t chunkBytes = size_t{1} << 20;

struct Free {
  void operator()(char *memory) const { std::free(memory); }
};
using Aligned = std::unique_ptr<char, Free>;

Aligned alignedMemory(size_t bytes) { return Aligned(static_cast<char *>(std::aligned_alloc(blockBytes, bytes))); }

[[noreturn]] void fail(const std::string &what, const std::string &why) {
  std::fprintf(stderr, "disk-bench: %s: %s\n", what.c_str(), why.c_str());
  std::exit(1);
}

/// A file past the system's cache.
class DirectFile {
public:
  DirectFile(const std::string &path, int flags) : path_(path), file_(open(path.c_str(), flags | O_DIRECT, 0600)) {
    if (file_ < 0)
      fail(path_, std::strerror(errno));
  }
  ~DirectFile() { close(file_); }
  DirectFile(const DirectFile &) = delete;
  DirectFile &operator=(const DirectFile &) = delete;

  int file() const { return file_; }
  uint64_t blocks() const {
    const off_t bytes = lseek(file_, 0, SEEK_END);
    if (bytes < static_cast<off_t>(blockBytes))
      fail(path_, "has no blocks");
    return static_cast<uint64_t>(bytes) / blockBytes;
  }
  void read(char *to, uint64_t block) const {
    if (pread(file_, to, blockBytes, static_cast<off_t>(block * blockBytes)) != static_cast<ssize_t>(blockBytes))
      fail(path_, "a block could not be read");
  }
  void append(const char *from, size_t bytes) const {
    if (write(file_, from, bytes) != static_cast<ssize_t>(bytes))
      fail(path_, std::strerror(errno));
  }
  void sync() const {
    if (fsync(file_) != 0)
      fail(path_, std::strerror(errno));
  }

private:
  std::string path_;
  int file_;
};

double cpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval &time) { return double(time.tv_sec) + double(time.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Calls body(thread, goOn) on each of `threads` threads; it makes reads while goOn() and gives their number.
ReadRate measure(int threads, double seconds, const std::function<uint64_t(int, const std::function<bool()> &)> &body) {
  const double cpu = cpuSeconds();
  const Clock::time_point begin = Clock::now();
  const auto elapsed = [begin] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  const std::function<bool()> goOn = [&] { return elapsed() < seconds; };
  std::atomic<uint64_t> reads = 0;
  std::vector<std::thread> readers;
  for (int thread = 0; thread < threads; ++thread)
    readers.emplace_back([&, thread] { reads += body(thread, goOn); });
  for (std::thread &reader : readers)
    reader.join();
  const double count = static_cast<double>(reads.load());
  return {count / elapsed(), (cpuSeconds() - cpu) / count * 1e6};
}
} // namespace

void fillFile(const std::string &path, int64_t bytes) {
  const DirectFile file(path, O_CREAT | O_WRONLY | O_TRUNC);
  const Aligned chunk = alignedMemory(chunkBytes);
  std::mt19937_64 random(1);
  for (size_t at = 0; at < chunkBytes; at += sizeof(uint64_t)) {
    const uint64_t noise = random();
    std::memcpy(chunk.get() + at, &noise, sizeof(noise));
  }
  for (int64_t at = 0; at < bytes; at += static_cast<int64_t>(chunkBytes))
    file.append(chunk.get(), chunkBytes);
  file.sync();
}

ReadRate readBlocks(const std::string &path, int threads, double seconds) {
  const DirectFile file(path, O_RDONLY);
  const uint64_t blocks = file.blocks();
  return measure(threads, seconds, [&](int thread, const std::function<bool()> &goOn) {
    const Aligned block = alignedMemory(blockBytes);
    std::mt19937_64 random(static_cast<uint64_t>(thread) + 1);
    uint64_t reads = 0;
    for (; goOn(); ++reads)
      file.read(block.get(), random() % blocks);
    return reads;
  });
}

ReadRate readQueued(const std::string &path, int depth, double seconds) {
  const DirectFile file(path, O_RDONLY);
  const uint64_t blocks = file.blocks();
  return measure(1, seconds, [&](int, const std::function<bool()> &goOn) {
    io_uring ring;
    if (const int error = io_uring_queue_init(static_cast<unsigned>(depth), &ring, 0); error < 0)
      fail("io_uring", std::strerror(-error));
    const Aligned memory = alignedMemory(blockBytes * static_cast<size_t>(depth));
    std::mt19937_64 random(1);
    const auto begin = [&](uint64_t slot) {
      io_uring_sqe *entry = io_uring_get_sqe(&ring);
      io_uring_prep_read(entry, file.file(), memory.get() + slot * blockBytes, blockBytes,
                         random() % blocks * blockBytes);
      io_uring_sqe_set_data64(entry, slot);
    };
    for (int slot = 0; slot < depth; ++slot)
      begin(static_cast<uint64_t>(slot));
    uint64_t reads = 0;
    // Reads that are under way at the end are waited for, so that none writes to memory that is given back.
    for (int underWay = depth; underWay > 0;) {
      if (const int error = io_uring_submit_and_wait(&ring, 1); error < 0)
        fail("io_uring", std::strerror(-error));
      std::array<io_uring_cqe *, 64> done;
      const unsigned count = io_uring_peek_batch_cqe(&ring, done.data(), done.size());
      const bool more = goOn();
      for (unsigned i = 0; i < count; ++i) {
        if (done[i]->res != static_cast<int>(blockBytes))
          fail(path, "a block could not be read");
        const uint64_t slot = io_uring_cqe_get_data64(done[i]);
        io_uring_cqe_seen(&ring, done[i]);
        ++reads;
        if (more)
          begin(slot);
        else
          --underWay;
      }
    }
    io_uring_queue_exit(&ring);
    return reads;
  });
}

#ifdef HETER_HAVE_ROCKSDB
namespace {
rocksdb::Options databaseOptions() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.use_direct_reads = true;
  options.compression = rocksdb::kNoCompression;
  options.max_open_files = -1; // Indexes and filters stay in memory.
  rocksdb::BlockBasedTableOptions table;
  table.block_size = blockBytes;
  table.no_block_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

void require(const std::string &what, const rocksdb::Status &status) {
  if (!status.ok())
    fail(what, status.ToString());
}

/// Spread over all 64-bit numbers, in the order of `row`; its bytes sort as the number does.
std::string keyOf(uint64_t row, int64_t rows) {
  const uint64_t number = row * (~uint64_t{0} / static_cast<uint64_t>(rows));
  std::string key(sizeof(number), '\0');
  for (size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<char>(number >> (56 - 8 * i));
  return key;
}
} // namespace

bool haveDatabase() { return true; }

void fillDatabase(const std::string &path, int64_t rows) {
  constexpr uint64_t files = 16;
  const rocksdb::Options options = databaseOptions();
  require(path, rocksdb::DestroyDB(path, options));
  rocksdb::DB *opened = nullptr;
  require(path, rocksdb::DB::Open(options, path, &opened));
  const std::unique_ptr<rocksdb::DB> database(opened);
  std::vector<std::string> parts;
  std::string value(rowBytes, '\0');
  for (uint64_t part = 0; part < files; ++part) {
    parts.push_back(path + "/part-" + std::to_string(part));
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(options), options);
    require(parts.back(), writer.Open(parts.back()));
    const uint64_t count = static_cast<uint64_t>(rows);
    for (uint64_t row = count * part / files; row < count * (part + 1) / files; ++row) {
      std::memcpy(value.data(), &row, sizeof(row));
      require(parts.back(), writer.Put(keyOf(row, rows), value));
    }
    require(parts.back(), writer.Finish());
  }
  rocksdb::IngestExternalFileOptions ingest;
  ingest.move_files = true;
  require(path, database->IngestExternalFile(parts, ingest));
}

ReadRate readDatabase(const std::string &path, int64_t rows, int threads, int keys, double seconds) {
  rocksdb::DB *opened = nullptr;
  require(path, rocksdb::DB::OpenForReadOnly(databaseOptions(), path, &opened));
  const std::unique_ptr<rocksdb::DB> database(opened);
  return measure(threads, seconds, [&](int thread, const std::function<bool()> &goOn) {
    const size_t batch = static_cast<size_t>(keys);
    std::mt19937_64 random(static_cast<uint64_t>(thread) + 1);
    std::vector<std::string> names(batch);
    std::vector<rocksdb::Slice> slices(batch);
    std::vector<rocksdb::PinnableSlice> values(batch);
    std::vector<rocksdb::Status> statuses(batch);
    uint64_t reads = 0;
    for (; goOn(); reads += batch) {
      for (size_t i = 0; i < batch; ++i) {
        names[i] = keyOf(random() % static_cast<uint64_t>(rows), rows);
        slices[i] = names[i];
        values[i].Reset();
      }
      database->MultiGet(rocksdb::ReadOptions(), database->DefaultColumnFamily(), batch, slices.data(), values.data(),
                         statuses.data());
      for (const rocksdb::Status &status : statuses)
        require(path, status);
    }
    return reads;
  });
}
#else
bool haveDatabase() { return false; }
void fillDatabase(const std::string &path, int64_t) { fail(path, "built without RocksDB"); }
ReadRate readDatabase(const std::string &path, int64_t, int, int, double) { fail(path, "built without RocksDB"); }
#endif

} // namespace heter::bench
