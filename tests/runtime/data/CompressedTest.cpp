// gzip and zstd data: the same lines as plain text, and one error for each way that an archive can be broken.
#include "runtime/data/LineReader.h"

#include "DataTesting.h"

#include <gmock/gmock.h>
#include <zlib.h>
#include <zstd.h>

using namespace heter::runtime;
using namespace heter::runtime::testing;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

std::string gzipped(const std::string &text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string result(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef *>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

std::string zstandard(const std::string &text) {
  ZSTD_CCtx *context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string result(ZSTD_compressBound(text.size()), '\0');
  result.resize(ZSTD_compress2(context, result.data(), result.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return result;
}

/// Some MB that do not compress to nothing.
std::string manyLines() {
  std::string text;
  uint64_t state = 1;
  for (int i = 0; i < 200000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    text += std::to_string(state >> 20) + "\n";
  }
  return text;
}

struct Lines {
  std::string text; ///< With a line feed behind each.
  std::string error;
  int64_t bytesRead = 0;
};

Lines linesOf(const std::vector<std::string> &paths) {
  auto files = makePosixFileSystem();
  LineReader reader(*files, paths);
  Lines result;
  std::string_view line;
  while (true) {
    StatusOr<bool> more = reader.next(line);
    if (!more.ok())
      result.error = more.status().message();
    if (!more.ok() || !*more)
      break;
    result.text.append(line) += '\n';
  }
  result.bytesRead = reader.bytesRead();
  return result;
}

class CompressedTest : public ::testing::TestWithParam<const char *> {
protected:
  std::string form() const { return GetParam(); }
  std::string compressed(const std::string &text) const { return form() == "gzip" ? gzipped(text) : zstandard(text); }
  std::string ending() const { return form() == "gzip" ? ".gz" : ".zst"; }
  TempFolder folder_;
};

TEST_P(CompressedTest, ReadsWhatWasWritten) {
  std::string text = manyLines(), archive = compressed(text);
  Lines lines = linesOf({folder_.write("lines" + ending(), archive)});
  EXPECT_EQ(lines.error, "");
  EXPECT_EQ(lines.text, text);
  EXPECT_EQ(lines.bytesRead, static_cast<int64_t>(archive.size()));
}

TEST_P(CompressedTest, ContentNotTheNameDecides) {
  EXPECT_EQ(linesOf({folder_.write("noending", compressed("a\nb\n")), folder_.write("c.txt", "c")}).text, "a\nb\nc\n");
}

TEST_P(CompressedTest, SeveralArchivesInOneFileAreOneText) {
  EXPECT_EQ(linesOf({folder_.write("x", compressed("a\nb") + compressed("") + compressed("c\n"))}).text, "a\nbc\n");
  EXPECT_EQ(linesOf({folder_.write("x", compressed(""))}).text, "");
}

TEST_P(CompressedTest, TextMuchLargerThanItsArchive) {
  std::string text;
  for (int i = 0; i < 3000000; ++i)
    text += i % 1000000 == 0 ? "another\n" : "one\n";
  Lines lines = linesOf({folder_.write("x", compressed(text))});
  EXPECT_EQ(lines.error, "");
  EXPECT_TRUE(lines.text == text) << lines.text.size();
}

TEST(OtherFormsTest, AreRefusedByName) {
  using namespace std::string_literals;
  TempFolder folder;
  const std::string path = folder.write("clicks", "");
  for (const auto &[begin, what] :
       {std::pair("\xfd"s + "7zXZ\0"s, "this is an xz archive; expected text, gzip or zstd: unpack it with `xz -dk`"),
        std::pair("BZh91AY&SY"s, "this is a bzip2 archive"), std::pair("\x04\x22\x4d\x18"s, "this is an lz4 archive"),
        std::pair("PK\x03\x04"s, "this is a zip archive"), std::pair("PAR1\x15"s, "this is a Parquet file"),
        std::pair("\xff\xfe"s, "this is UTF-16 text"), std::pair("\xfe\xff"s, "this is UTF-16 text")}) {
    folder.write("clicks", begin + "\n1\t2\n"s);
    EXPECT_THAT(linesOf({path}).error, HasSubstr(path + ": " + what));
  }
  for (const char *text : {"PAR1\tx\n", "BZh9\n", "7zXZ\n", "\xff\t1\n", "\n", "P"}) {
    folder.write("clicks", text);
    EXPECT_EQ(linesOf({path}).error, "") << text;
  }
}

TEST(GzipTest, MembersThatBeginAnywhereInWhatIsReadAtOnce) {
  // Their headers and trailers lie across the end of the 256 KiB that are read from a file at once; zeros may stand
  // between members.
  TempFolder folder;
  const std::string first = gzipped("first\n"), second = gzipped("second\n");
  for (size_t before = 0; before <= first.size() + second.size(); ++before) {
    const std::string path =
        folder.write("x", first + std::string((size_t{1} << 18) - first.size() - before, '\0') + second + first);
    Lines lines = linesOf({path});
    EXPECT_EQ(lines.error, "") << before;
    EXPECT_EQ(lines.text, "first\nsecond\nfirst\n") << before;
  }
}

TEST(GzipTest, HeadersWithANameAndMore) {
  TempFolder folder;
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  gz_header header{};
  std::string name = "clicks.tsv", comment = "a comment", extra = "extra", text = "a\nb\n";
  header.name = reinterpret_cast<Bytef *>(name.data());
  header.comment = reinterpret_cast<Bytef *>(comment.data());
  header.extra = reinterpret_cast<Bytef *>(extra.data());
  header.extra_len = static_cast<uInt>(extra.size());
  header.hcrc = 1;
  ASSERT_EQ(deflateSetHeader(&stream, &header), Z_OK);
  std::string archive(1000, '\0');
  stream.next_in = reinterpret_cast<Bytef *>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef *>(archive.data());
  stream.avail_out = static_cast<uInt>(archive.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  archive.resize(stream.total_out);
  deflateEnd(&stream);
  EXPECT_EQ(linesOf({folder.write("x", archive + archive)}).text, text + text);
  for (size_t length = 4; length < archive.size(); ++length)
    EXPECT_THAT(linesOf({folder.write("x", archive.substr(0, length))}).error, HasSubstr("truncated gzip")) << length;
}

TEST_P(CompressedTest, TruncatedAnywhereIsOneError) {
  std::string archive = compressed("some text\nof two lines\n");
  for (size_t length = 4; length < archive.size(); ++length) {
    Lines lines = linesOf({folder_.write("cut" + ending(), archive.substr(0, length))});
    EXPECT_THAT(lines.error, HasSubstr("cut" + ending() + ": truncated " + form() + " archive: the file ends inside"))
        << length;
  }
  archive = compressed(manyLines());
  EXPECT_THAT(linesOf({folder_.write("cut", archive.substr(0, archive.size() / 2))}).error,
              HasSubstr("truncated " + form()));
}

TEST_P(CompressedTest, EveryFlippedByteIsNoticedOrHarmless) {
  std::string text = "some text\nof two lines\nand more of it\n", archive = compressed(text);
  for (size_t i = 0; i < archive.size(); ++i) {
    std::string broken = archive;
    broken[i] = static_cast<char>(broken[i] ^ 0x55);
    Lines lines = linesOf({folder_.write("bad" + ending(), broken)});
    if (lines.error.empty())
      EXPECT_EQ(lines.text, text) << "byte " << i << " changed the text unnoticed";
    else
      EXPECT_THAT(lines.error, AnyOf(HasSubstr("corrupt " + form()), HasSubstr("truncated " + form()),
                                     HasSubstr("expected a " + form() + " archive")))
          << i;
  }
}

TEST_P(CompressedTest, SomethingElseBehindTheArchive) {
  EXPECT_THAT(linesOf({folder_.write("bad", compressed("a\n") + "plain text\n")}).error,
              HasSubstr("bad: corrupt " + form() + " archive"));
}

TEST_P(CompressedTest, ANameThatPromisesAnArchive) {
  EXPECT_THAT(
      linesOf({folder_.write("x" + ending(), "1\t2\n")}).error,
      HasSubstr("expected a " + form() + " archive, as its name says, got a file that does not begin like one"));
  EXPECT_THAT(linesOf({folder_.write("x" + ending(), "")}).error, HasSubstr("got an empty file"));
}

TEST_P(CompressedTest, ThroughAStream) {
  DataOptions options;
  options.files = {folder_.write("x" + ending(), compressed("1\n2\n3\n"))};
  options.epochs = 2;
  auto result = readAll(source({{"x", column(0)}}), {input("x", package::ElementType::F32)}, options);
  ASSERT_EQ(result.batches.size(), 2u) << result.status.message();
  EXPECT_THAT(result.batches[1]->tensors[0].floats, ElementsAre(1, 2, 3));
}

INSTANTIATE_TEST_SUITE_P(Forms, CompressedTest, ::testing::Values("gzip", "zstd"),
                         [](const auto &info) { return std::string(info.param); });

TEST(CompressedTest, ZerosBehindGzipAreNothing) {
  TempFolder folder;
  Lines lines = linesOf({folder.write("x", gzipped("a\n") + std::string(600000, '\0'))});
  EXPECT_EQ(lines.error, "");
  EXPECT_EQ(lines.text, "a\n");
}

} // namespace
