// Line ends, long lines and several files.
#include "runtime/data/LineReader.h"

#include "DataTesting.h"

#include <gmock/gmock.h>

using namespace heter::runtime;
using namespace heter::runtime::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

std::vector<std::string> linesOf(const std::vector<std::string> &paths) {
  auto files = makePosixFileSystem();
  LineReader reader(*files, paths);
  std::vector<std::string> lines;
  std::string_view line;
  while (*reader.next(line))
    lines.emplace_back(line);
  return lines;
}

TEST(LineReaderTest, LineEnds) {
  TempFolder folder;
  EXPECT_THAT(linesOf({folder.write("a", "x\ny\n")}), ElementsAre("x", "y"));
  EXPECT_THAT(linesOf({folder.write("a", "x\ny")}), ElementsAre("x", "y"));
  EXPECT_THAT(linesOf({folder.write("a", "x\r\ny\r\n")}), ElementsAre("x", "y"));
  EXPECT_THAT(linesOf({folder.write("a", "x\r\ny\r")}), ElementsAre("x", "y"));
  EXPECT_THAT(linesOf({folder.write("a", "")}), ElementsAre());
}

TEST(LineReaderTest, BlankLinesAndByteOrderMarksArePassedOver) {
  TempFolder folder;
  EXPECT_THAT(linesOf({folder.write("a", "\n\r\n   \nx\n\n\t\n\n")}), ElementsAre("x", "\t"));
  EXPECT_THAT(linesOf({folder.write("a", "\xef\xbb\xbfx\n\xef\xbb\xbfy\n")}), ElementsAre("x", "\xef\xbb\xbfy"));
  EXPECT_THAT(linesOf({folder.write("a", "\n\n\n")}), ElementsAre());
}

TEST(LineReaderTest, LinesThatEndWithCrAloneAreRefused) {
  TempFolder folder;
  auto files = makePosixFileSystem();
  std::string_view line;
  for (const char *text : {"x\ry\rz", "x\ry\r", "\ry"}) {
    std::string path = folder.write("a", text);
    EXPECT_EQ(LineReader(*files, {path}).next(line).status().message(),
              path + ": its lines end with CR alone; expected LF or CR LF: convert it with `tr '\\r' '\\n'`");
    EXPECT_FALSE(LineReader(*files, {path}, /*headers=*/true).next(line).ok());
  }
  EXPECT_THAT(linesOf({folder.write("a", "a\rb\nc\rd")}), ElementsAre("a\rb", "c\rd"));
}

TEST(LineReaderTest, HeadersAreOfTheirFileAndCountAsLinesOfPositionsOnly) {
  TempFolder folder;
  auto files = makePosixFileSystem();
  std::string first = folder.write("a", "\nh1\n1\n2\n"), empty = folder.write("b", ""),
              last = folder.write("c", "h2\n3");
  LineReader reader(*files, {first, empty, last}, true);
  std::string_view line;
  ASSERT_TRUE(*reader.next(line));
  EXPECT_EQ(line, "1");
  EXPECT_EQ(reader.header(), "h1");
  EXPECT_EQ(reader.headerPosition(), first + ":2");
  EXPECT_EQ(reader.position(), first + ":3");
  EXPECT_EQ(reader.file(), 1u);
  EXPECT_EQ(*reader.skip(1), 1);
  ASSERT_TRUE(*reader.next(line));
  EXPECT_EQ(line, "3");
  EXPECT_EQ(reader.header(), "h2");
  EXPECT_EQ(reader.position(), last + ":2");
  EXPECT_EQ(reader.file(), 3u);
  EXPECT_FALSE(*reader.next(line));
  reader.rewind();
  EXPECT_EQ(*reader.skip(9), 3);
}

TEST(LineReaderTest, AFileWithoutFinalLineEndDoesNotRunIntoTheNext) {
  TempFolder folder;
  EXPECT_THAT(linesOf({folder.write("a", "x"), folder.write("b", ""), folder.write("c", "y\nz")}),
              ElementsAre("x", "y", "z"));
}

TEST(LineReaderTest, LinesLongerThanTheBuffer) {
  TempFolder folder;
  std::string longLine(3 << 20, 'a');
  EXPECT_THAT(linesOf({folder.write("a", "x\n" + longLine + "\ny")}), ElementsAre("x", longLine, "y"));
}

TEST(LineReaderTest, PositionsAndSkipping) {
  TempFolder folder;
  auto files = makePosixFileSystem();
  std::string first = folder.write("a", "1\n2\n3\n"), second = folder.write("b", "4\n5\n");
  LineReader reader(*files, {first, second});
  EXPECT_EQ(*reader.skip(3), 3);
  std::string_view line;
  ASSERT_TRUE(*reader.next(line));
  EXPECT_EQ(line, "4");
  EXPECT_EQ(reader.position(), second + ":1");
  EXPECT_EQ(*reader.skip(9), 1);
  EXPECT_EQ(reader.bytesRead(), 10);
  reader.rewind();
  ASSERT_TRUE(*reader.next(line));
  EXPECT_EQ(line, "1");
}

} // namespace
