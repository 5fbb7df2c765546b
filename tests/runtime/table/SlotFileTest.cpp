// Rows on disk: what is appended comes back until it is freed, whatever was freed, compacted and used again meanwhile.
#include "tests/runtime/table/SlotFileTesting.h"

using namespace heter::runtime;
using namespace heter::runtime::test;

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
