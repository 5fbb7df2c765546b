// Rows on disk that threads read, replace and compact at once.
#include "runtime/base/Scheduler.h"
#include "runtime/table/SlotFile.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>

using namespace heter::runtime;

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

TEST(SlotFileThreads, ThreadsReadReplaceAndCompactAtOnce) {
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
