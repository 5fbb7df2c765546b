// A slot file in memory, whose disk can be hurt, and what a map says that it holds.
#ifndef HETER_TESTS_RUNTIME_TABLE_SLOTFILETESTING_H
#define HETER_TESTS_RUNTIME_TABLE_SLOTFILETESTING_H

#include "runtime/table/SlotFile.h"
#include "tests/runtime/table/FaultyFileSystem.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace heter::runtime::test {

class SlotFileTest : public ::testing::Test {
protected:
  using Rows = std::map<uint32_t, std::string>; ///< By slot.

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

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_TABLE_SLOTFILETESTING_H
