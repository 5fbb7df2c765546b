// Rows on disk: what is appended comes back until it is freed, whatever was freed, compacted and used again meanwhile.
#include "runtime/table/SlotFile.h"

#include "runtime/base/Scheduler.h"
#include "tests/runtime/support/MemoryBlockFile.h"
#include "tests/runtime/table/FaultyFileSystem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <thread>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::HasSubstr;

namespace {
using Rows = std::map<uint32_t, std::string>;

/// Tasks that run when a test says so.
struct Background {
  std::vector<std::function<void()>> tasks;
  BackgroundRunner runner() {
    return [this](std::function<void()> task) { tasks.push_back(std::move(task)); };
  }
  void runAll() {
    for (auto &task : std::exchange(tasks, {}))
      task();
  }
};

class SlotFileTest : public ::testing::Test {
protected:
  std::unique_ptr<SlotFile> make(size_t slotBytes, size_t segmentBytes, BackgroundRunner background = {}) {
    auto file = SlotFile::create(files_, {.folder = "tier",
                                          .name = "emb.rows",
                                          .slotBytes = slotBytes,
                                          .segmentBytes = segmentBytes,
                                          .background = std::move(background)});
    EXPECT_TRUE(file.ok()) << file.status().message();
    return std::move(*file);
  }
  std::string randomRow(size_t bytes) {
    std::string row(bytes, 0);
    for (char &byte : row)
      byte = static_cast<char>(random_());
    return row;
  }
  void append(SlotFile &file, Rows &rows, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const std::string row = randomRow(file.slotBytes());
      const StatusOr<uint32_t> slot = file.append(row);
      ASSERT_TRUE(slot.ok()) << slot.status().message();
      ASSERT_TRUE(rows.emplace(*slot, row).second) << "slot " << *slot << " is in use";
    }
  }
  void freeSome(SlotFile &file, Rows &rows, double part) {
    std::erase_if(rows, [&](const auto &entry) {
      const bool goes = std::uniform_real_distribution<>()(random_) < part;
      if (goes)
        file.free(entry.first);
      return goes;
    });
  }
  static Status readAll(const SlotFile &file, const std::vector<uint32_t> &slots, std::vector<std::string> &rows) {
    rows.assign(slots.size(), std::string(file.slotBytes(), 0));
    std::vector<SlotFile::Read> reads;
    for (size_t i = 0; i < slots.size(); ++i)
      reads.push_back({slots[i], rows[i].data()});
    return file.read(reads);
  }
  static std::vector<uint32_t> slotsIn(const Rows &rows) {
    std::vector<uint32_t> slots;
    for (const auto &[slot, row] : rows)
      slots.push_back(slot);
    return slots;
  }
  void expectRows(const SlotFile &file, const Rows &expected) {
    std::vector<uint32_t> slots = slotsIn(expected);
    std::shuffle(slots.begin(), slots.end(), random_);
    for (size_t i = 0; i < 5 && !expected.empty(); ++i)
      slots.push_back(slots[i % slots.size()]); // some twice
    std::vector<std::string> rows;
    const Status status = readAll(file, slots, rows);
    ASSERT_TRUE(status.ok()) << status.message();
    for (size_t i = 0; i < slots.size(); ++i)
      ASSERT_EQ(rows[i], expected.at(slots[i])) << "slot " << slots[i];
    EXPECT_EQ(file.liveSlots(), static_cast<int64_t>(expected.size()));
  }
  void compact(SlotFile &file, Rows &rows) {
    while (auto slots = file.nextToCompact()) {
      std::vector<std::string> moved;
      const Status status = readAll(file, *slots, moved);
      ASSERT_TRUE(status.ok()) << status.message();
      for (size_t i = 0; i < slots->size(); ++i) {
        const auto old = rows.find((*slots)[i]);
        ASSERT_NE(old, rows.end());
        ASSERT_EQ(moved[i], old->second);
        const StatusOr<uint32_t> slot = file.append(moved[i]);
        ASSERT_TRUE(slot.ok()) << slot.status().message();
        file.free(old->first);
        rows.erase(old);
        ASSERT_TRUE(rows.emplace(*slot, moved[i]).second);
      }
    }
  }

  FaultyFileSystem files_;
  std::mt19937_64 random_{1};
};
} // namespace

TEST_F(SlotFileTest, AnswersAsAMapDoes) {
  for (const size_t slotBytes : {1, 37, 92, 780, 1036, 2060, 4080, 4081, 9000, 40000})
    for (const bool inBackground : {false, true}) {
      Background background;
      const auto file = make(slotBytes, 16384, inBackground ? background.runner() : BackgroundRunner());
      Rows rows;
      const size_t batch = std::clamp<size_t>(40000 / slotBytes, 1, 1000);
      for (int turn = 0; turn < 60; ++turn) {
        append(*file, rows, 1 + random_() % batch);
        if (random_() % 3 == 0)
          background.runAll();
        if (random_() % 2 == 0)
          freeSome(*file, rows, static_cast<double>(random_() % 100) / 100);
        if (random_() % 2 == 0)
          compact(*file, rows);
        expectRows(*file, rows);
        if (HasFatalFailure())
          return;
      }
      freeSome(*file, rows, 1);
      EXPECT_EQ(file->liveSlots(), 0);
    }
}

TEST_F(SlotFileTest, RowsOfAPinStayUntilItGoes) {
  const auto file = make(1000, 8192); // eight rows a segment
  Rows old, rows;
  append(*file, old, 80);
  std::optional<SlotFile::Pin> pin = file->pin();
  for (const auto &[slot, row] : old)
    file->free(slot);
  append(*file, rows, 80);
  for (int turn = 0; turn < 5; ++turn) { // segments that were freed after the pin are not taken meanwhile
    std::vector<std::string> back;
    ASSERT_TRUE(readAll(*file, slotsIn(old), back).ok());
    EXPECT_TRUE(std::equal(old.begin(), old.end(), back.begin(),
                           [](const auto &entry, const std::string &row) { return entry.second == row; }));
    freeSome(*file, rows, 1);
    append(*file, rows, 80);
    for (const auto &[slot, row] : rows)
      EXPECT_FALSE(old.contains(slot));
  }
  const uint32_t pinned = file->segments();
  pin.reset();
  for (int turn = 0; turn < 20; ++turn) {
    freeSome(*file, rows, 1);
    append(*file, rows, 80);
  }
  EXPECT_EQ(file->segments(), pinned) << "what was freed is used again";
  expectRows(*file, rows);
}

TEST_F(SlotFileTest, APinIsForWhatWasFreedAfterIt) {
  const auto file = make(1000, 8192);
  Rows rows;
  append(*file, rows, 80);
  freeSome(*file, rows, 1);
  const uint32_t before = file->segments();
  const SlotFile::Pin first = file->pin(), second = file->pin();
  append(*file, rows, 72);
  EXPECT_EQ(file->segments(), before) << "what was free already is used";
}

TEST_F(SlotFileTest, CompactionBoundsTheFile) {
  const auto file = make(100, 16384);
  const int64_t segment = 16384, slots = 160;
  Rows rows;
  append(*file, rows, 4000);
  for (int turn = 0; turn < 200; ++turn) {
    freeSome(*file, rows, 0.1);
    append(*file, rows, 4000 - rows.size());
    compact(*file, rows);
    ASSERT_LE(file->bytesOnDisk(), 2 * (4000 / slots + 4) * segment) << turn;
  }
  expectRows(*file, rows);
}

TEST_F(SlotFileTest, MemoryIsAFewSegmentsAndABitARow) {
  Background background;
  const auto file = make(100, 16384, background.runner());
  Rows rows;
  append(*file, rows, 600);
  const int64_t before = file->bytesInMemory();
  append(*file, rows, 100'000); // the background does nothing: appends write
  EXPECT_LE(file->bytesInMemory(), 7 * 16384 + 100'600);
  EXPECT_LE(file->bytesInMemory() - before, 3 * 16384 + 100'600);
  EXPECT_GE(file->counts().bytesWritten, 100'000 * 100);
}

TEST_F(SlotFileTest, ABlockIsReadOnceForAllItsRows) {
  const auto file = make(100, 4096);
  Rows rows;
  append(*file, rows, 401); // ten blocks of forty on disk
  expectRows(*file, rows);
  EXPECT_EQ(file->counts().blocksRead, 10);
  EXPECT_EQ(file->counts().rowsRead, 406);
}

TEST_F(SlotFileTest, SegmentsListTheirRows) {
  const auto file = make(100, 8192);
  Rows rows;
  append(*file, rows, 500);
  freeSome(*file, rows, 0.5);
  std::vector<uint32_t> listed;
  for (uint32_t segment = 0; segment < file->segments(); ++segment)
    for (const uint32_t slot : file->slotsOf(segment)) {
      EXPECT_EQ(file->segmentOf(slot), segment);
      listed.push_back(slot);
    }
  EXPECT_EQ(listed, slotsIn(rows));
}

TEST_F(SlotFileTest, TasksThatComeLateDoNoHarm) {
  Background background;
  auto file = make(1000, 8192, background.runner());
  Rows rows;
  append(*file, rows, 20);
  file.reset();
  background.runAll();
}

TEST_F(SlotFileTest, AFullDiskLeavesAllRowsReadable) {
  for (const bool inBackground : {false, true}) {
    Background background;
    files_.blockFaults().diskBytes = 100'000;
    const auto file = make(100, 16384, inBackground ? background.runner() : BackgroundRunner());
    Rows rows;
    Status failure;
    for (int i = 0; i < 5000 && failure.ok(); ++i) {
      const std::string row = randomRow(100);
      const StatusOr<uint32_t> slot = file->append(row);
      failure = slot.status();
      if (slot.ok())
        rows[*slot] = row;
      if (i % 500 == 0)
        background.runAll();
    }
    EXPECT_EQ(failure.code(), StatusCode::ResourceExhausted);
    EXPECT_EQ(failure.message(), "cannot write `tier/emb.rows`: No space left on device; rows that the table's memory "
                                 "has no room for lie there: make room, name another folder, or give the table more "
                                 "memory");
    background.runAll();
    EXPECT_GE(rows.size(), 960U) << "six segments fit";
    expectRows(*file, rows);
    EXPECT_EQ(file->append(randomRow(100)).status().message(), failure.message()) << "and nothing is tried again";
    freeSome(*file, rows, 0.5);
    expectRows(*file, rows);
    freeSome(*file, rows, 1);
  }
}

TEST_F(SlotFileTest, AFullFileSaysSo) {
  auto file = SlotFile::create(
      files_, {.folder = "tier", .name = "emb.rows", .slotBytes = 100, .segmentBytes = 4096, .mostSlots = 100});
  ASSERT_TRUE(file.ok());
  Rows rows;
  append(**file, rows, 80);
  const Status status = (*file)->append(randomRow(100)).status();
  EXPECT_EQ(status.code(), StatusCode::ResourceExhausted);
  EXPECT_EQ(status.message(), "`tier/emb.rows` is full: it holds 100 rows; use more servers");
  freeSome(**file, rows, 1);
  append(**file, rows, 40);
  expectRows(**file, rows);
}

TEST_F(SlotFileTest, AnyFlippedBitIsFound) {
  const auto file = make(100, 4096);
  Rows rows;
  append(*file, rows, 121);
  for (size_t bit = 0; bit < 4096 * 8; bit += 61) {
    files_.blockFaults().spoils = [&](uint64_t offset, std::span<char> bytes) {
      if (offset <= 4096 && offset + bytes.size() > 4096)
        bytes[4096 - offset + bit / 8] ^= static_cast<char>(1 << bit % 8);
    };
    std::vector<std::string> back;
    const Status status = readAll(*file, slotsIn(rows), back);
    ASSERT_EQ(status.code(), StatusCode::DataLoss) << bit;
    ASSERT_EQ(status.message(),
              "block 1 of `tier/emb.rows` is not what was written: it is damaged; check the disk, and "
              "go on from the last save");
    ASSERT_TRUE(readAll(*file, {0, 39, 80, 119}, back).ok()) << "the blocks beside it are good";
  }
  files_.blockFaults().spoils = {};
  expectRows(*file, rows);
}

TEST_F(SlotFileTest, ALostWriteIsFound) {
  const auto file = make(1000, 4096); // four rows
  Rows rows;
  append(*file, rows, 9);
  freeSome(*file, rows, 1);
  files_.blockFaults().loses = [](uint64_t) { return true; };
  append(*file, rows, 8); // where others lay, or beyond the end
  files_.blockFaults().loses = {};
  std::vector<std::string> back;
  append(*file, rows, 4);
  const Status status = readAll(*file, {4}, back);
  EXPECT_EQ(status.code(), StatusCode::DataLoss);
  EXPECT_THAT(status.message(), HasSubstr("of `tier/emb.rows` is not what was written: an older block lies in its"));

  const auto other = make(1000, 4096);
  files_.blockFaults().loses = [](uint64_t) { return true; };
  rows.clear();
  append(*other, rows, 5);
  EXPECT_EQ(readAll(*other, {0}, back).message(), "cannot read `tier/emb.rows`: it ends before byte 4096");
}

TEST_F(SlotFileTest, AMisplacedWriteIsFound) {
  const auto file = make(1000, 4096);
  files_.blockFaults().misdirects = [](uint64_t offset) { return offset == 4096 ? 8192 : offset; };
  Rows rows;
  append(*file, rows, 9); // the second block lies where the third will
  std::vector<std::string> back;
  EXPECT_EQ(readAll(*file, {4}, back).message(), "block 1 of `tier/emb.rows` is not what was written: it is damaged; "
                                                 "check the disk, and go on from the last save")
      << "nothing was written there";
  files_.blockFaults().misdirects = [](uint64_t offset) { return offset == 8192 ? 0 : offset; };
  append(*file, rows, 4);
  EXPECT_THAT(readAll(*file, {0}, back).message(), HasSubstr("another block lies in its place"));
}

TEST_F(SlotFileTest, BlocksOfAnotherFileAreFound) {
  const auto file = make(1000, 4096);
  Rows rows;
  append(*file, rows, 5);
  std::string stolen;
  files_.blockFaults().spoils = [&](uint64_t, std::span<char> bytes) { stolen.assign(bytes.data(), bytes.size()); };
  std::vector<std::string> back;
  ASSERT_TRUE(readAll(*file, {0}, back).ok());
  const auto other = make(1000, 4096);
  rows.clear();
  append(*other, rows, 5);
  files_.blockFaults().spoils = [&](uint64_t, std::span<char> bytes) {
    std::copy(stolen.begin(), stolen.end(), bytes.begin());
  };
  EXPECT_THAT(readAll(*other, {0}, back).message(), HasSubstr("block 0 of `tier/emb.rows` is not what was written"));
}

TEST_F(SlotFileTest, AFailedReadIsToldOnce) {
  const auto file = make(1000, 4096);
  Rows rows;
  append(*file, rows, 9);
  files_.blockFaults().onRead = [](uint64_t, size_t) { return Status::dataLoss("Input/output error"); };
  std::vector<std::string> back;
  EXPECT_EQ(readAll(*file, {0}, back).message(), "cannot read `tier/emb.rows`: Input/output error");
  EXPECT_TRUE(readAll(*file, {8}, back).ok()) << "what is in memory is there";
  files_.blockFaults().onRead = {};
  expectRows(*file, rows);
}

TEST_F(SlotFileTest, NoFolderNoFile) {
  files_.failAt(files_.operations() + 1, false);
  const auto file = SlotFile::create(files_, {.folder = "tier", .name = "emb.rows", .slotBytes = 8});
  EXPECT_EQ(file.status().message(), "injected fault: create tier/emb.rows");
}

namespace {
/// Rows by key as a table has them: readers take a slot under the lock, read without it, and find the row of their key;
/// what is in a row says its key and nothing of how often it was replaced, but that it is whole.
class Shared {
public:
  explicit Shared(SlotFile &file) : file_(file), slots_(keys) {
    for (uint64_t key = 0; key < keys; ++key)
      slots_[key] = *file_.append(rowOf(key, 0));
  }
  bool readSome(std::mt19937_64 &random) {
    const SlotFile::Pin pin = file_.pin();
    std::vector<uint64_t> wanted(50);
    std::vector<SlotFile::Read> reads;
    std::vector<std::string> rows(wanted.size(), std::string(rowBytes, 0));
    {
      MutexLock lock(mutex_);
      for (size_t i = 0; i < wanted.size(); ++i) {
        wanted[i] = random() % keys;
        reads.push_back({slots_[wanted[i]], rows[i].data()});
      }
    }
    if (!file_.read(reads).ok())
      return false;
    for (size_t i = 0; i < wanted.size(); ++i) {
      uint64_t version = 0;
      std::memcpy(&version, rows[i].data() + 8, 8);
      if (rows[i] != rowOf(wanted[i], version))
        return false;
    }
    return true;
  }
  void replaceSome(std::mt19937_64 &random) {
    for (int i = 0; i < 50; ++i) {
      MutexLock lock(mutex_);
      uint32_t &slot = slots_[random() % keys];
      const uint32_t old = slot;
      slot = *file_.append(rowOf(static_cast<uint64_t>(&slot - slots_.data()), random()));
      file_.free(old);
    }
  }
  bool compactSome() {
    const std::optional<std::vector<uint32_t>> victims = file_.nextToCompact();
    if (!victims)
      return true;
    const SlotFile::Pin pin = file_.pin();
    for (const uint32_t victim : *victims) {
      std::string row(rowBytes, 0);
      const SlotFile::Read read{victim, row.data()};
      MutexLock lock(mutex_);
      const auto found = std::find(slots_.begin(), slots_.end(), victim);
      if (found == slots_.end())
        continue; // replaced meanwhile
      if (!file_.read({&read, 1}).ok())
        return false;
      *found = *file_.append(row);
      file_.free(victim);
    }
    return true;
  }

  static constexpr size_t keys = 2000;
  static constexpr size_t rowBytes = 92;

private:
  static std::string rowOf(uint64_t key, uint64_t version) {
    std::string row(rowBytes, static_cast<char>(key * 31 + version));
    std::memcpy(row.data(), &key, 8);
    std::memcpy(row.data() + 8, &version, 8);
    return row;
  }

  SlotFile &file_;
  Mutex mutex_;
  std::vector<uint32_t> slots_ HETER_GUARDED_BY(mutex_);
};
} // namespace

TEST_F(SlotFileTest, ThreadsReadReplaceAndCompactAtOnce) {
  const std::unique_ptr<FileSystem> files = makePosixFileSystem();
  const std::unique_ptr<Scheduler> scheduler = makeThreadedScheduler(2);
  auto file = SlotFile::create(
      *files, {.folder = ::testing::TempDir(),
               .name = "shared.rows",
               .slotBytes = Shared::rowBytes,
               .segmentBytes = 8192,
               .background = [&](std::function<void()> task) { scheduler->postBlocking(std::move(task)); }});
  ASSERT_TRUE(file.ok()) << file.status().message();
  Shared rows(**file);
  std::atomic<int> failures = 0;
  std::atomic<int> running = 3;
  std::vector<std::thread> threads;
  for (uint64_t seed = 0; seed < 2; ++seed)
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      for (int turn = 0; turn < 150; ++turn)
        failures += rows.readSome(random) ? 0 : 1;
      --running;
    });
  threads.emplace_back([&] {
    std::mt19937_64 random(3);
    for (int turn = 0; turn < 400; ++turn)
      rows.replaceSome(random);
    --running;
  });
  threads.emplace_back([&] {
    while (running > 0)
      failures += rows.compactSome() ? 0 : 1;
  });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ((*file)->liveSlots(), static_cast<int64_t>(Shared::keys));
  EXPECT_GT((*file)->counts().blocksRead, 1000);
  const uint32_t segments = (*file)->segments();
  std::mt19937_64 random(4);
  for (int turn = 0; turn < 400; ++turn) {
    rows.replaceSome(random);
    EXPECT_TRUE(rows.compactSome());
  }
  EXPECT_TRUE(rows.readSome(random));
  EXPECT_EQ((*file)->segments(), segments) << "segments are used again";
}
