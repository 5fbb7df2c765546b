// Rows on disk, when the disk is full, loses, misplaces or changes what was written, or cannot be read.
#include "tests/runtime/table/SlotFileTesting.h"

#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::HasSubstr;

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
