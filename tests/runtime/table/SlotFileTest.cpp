// Rows on disk: what is appended comes back until it is freed, whatever was freed, compacted and used again meanwhile.
#include "runtime/table/SlotFile.h"

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
  void expectRows(const SlotFile &file, const Rows &expected) {
    std::vector<uint32_t> slots;
    for (const auto &[slot, row] : expected)
      slots.push_back(slot);
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
