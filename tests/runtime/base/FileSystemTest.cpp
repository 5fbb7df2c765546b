// The machine's files: round trips, atomic writes, patterns, and errors that name the path.
#include "runtime/base/FileSystem.h"

#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace heter::runtime;

namespace {
class FileSystemTest : public ::testing::Test {
protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "heter-files-" + std::to_string(getpid());
    ASSERT_TRUE(files_->createDirectories(folder_ + "/a/b").ok());
  }
  void TearDown() override { (void)!system(("rm -rf '" + folder_ + "'").c_str()); }

  std::unique_ptr<FileSystem> files_ = makePosixFileSystem();
  std::string folder_;
};

/// The number behind a label in a file of the system; -1: there is none.
int64_t numberIn(const std::string &path, const std::string &label) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(label))
      return std::stoll(line.substr(label.size()));
  return -1;
}
} // namespace

TEST_F(FileSystemTest, AtomicWriteThenRead) {
  std::string path = folder_ + "/a/x.bin", text(300000, 'q');
  ASSERT_TRUE(files_->writeFileAtomically(path, text).ok());
  auto back = files_->readFile(path);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, text);
  EXPECT_EQ(*files_->fileSize(path), 300000);
  EXPECT_EQ(*files_->list(folder_ + "/a"), (std::vector<std::string>{"b", "x.bin"}));
}

TEST_F(FileSystemTest, GlobSortsAndTakesPlainPaths) {
  for (const char *name : {"/p2.txt", "/p1.txt"})
    ASSERT_TRUE(files_->writeFileAtomically(folder_ + name, std::string("x")).ok());
  auto found = files_->glob(folder_ + "/p*.txt");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, (std::vector<std::string>{folder_ + "/p1.txt", folder_ + "/p2.txt"}));
  EXPECT_EQ(files_->glob(folder_ + "/p1.txt")->size(), 1u);
  EXPECT_TRUE(files_->glob(folder_ + "/none*")->empty());
}

TEST_F(FileSystemTest, ErrorsNameThePath) {
  auto missing = files_->readFile(folder_ + "/missing");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().code(), StatusCode::NotFound);
  EXPECT_NE(missing.status().message().find("/missing"), std::string::npos);
  EXPECT_FALSE(*files_->exists(folder_ + "/missing"));
}

TEST_F(FileSystemTest, LargeFilesComeBackWhateverTheirSize) {
  const std::string path = folder_ + "/large";
  for (size_t bytes :
       {size_t{0}, size_t{1}, size_t{4096}, size_t{4} << 20, (size_t{4} << 20) + 1, size_t{30'000'001}}) {
    std::string text(bytes, 0);
    for (size_t i = 0; i < bytes; ++i)
      text[i] = static_cast<char>(i * i >> 7);
    auto out = files_->openLargeForWrite(path);
    ASSERT_TRUE(out.ok()) << out.status().message();
    for (size_t at = 0, piece = 1; at < bytes; at += piece, piece = piece * 3 + 1)
      ASSERT_TRUE((*out)->append(std::string_view(text).substr(at, piece)).ok());
    ASSERT_TRUE((*out)->sync().ok());
    ASSERT_TRUE((*out)->close().ok());
    EXPECT_TRUE(*files_->readFile(path) == text) << bytes;
    auto in = files_->openLargeForRead(path);
    ASSERT_TRUE(in.ok()) << in.status().message();
    std::string back;
    std::vector<char> buffer(1'000'003);
    while (true) {
      auto got = (*in)->read(buffer);
      ASSERT_TRUE(got.ok());
      if (*got == 0)
        break;
      back.append(buffer.data(), *got);
    }
    EXPECT_TRUE(back == text) << bytes;
    EXPECT_EQ(*(*in)->read(buffer), 0U) << "the end stays the end";
  }
  ASSERT_TRUE((*files_->openLargeForRead(path)) != nullptr) << "and need not be read to it";
}

TEST_F(FileSystemTest, ShortFilesTakeNoHugePages) {
  const auto hugePages = [] { return numberIn("/proc/self/smaps_rollup", "AnonHugePages:"); };
  std::ifstream setting("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string always;
  if (hugePages() < 0 || (setting >> always && always == "[always]"))
    GTEST_SKIP() << "the system does not tell, or makes all pages huge";
  const int64_t before = hugePages();
  const std::string path = folder_ + "/short", text(100'000, 'q');
  auto out = files_->openLargeForWrite(path);
  ASSERT_TRUE(out.ok() && (*out)->append(text).ok());
  EXPECT_EQ(hugePages(), before);
  ASSERT_TRUE((*out)->sync().ok() && (*out)->close().ok());
  auto in = files_->openLargeForRead(path);
  std::vector<char> buffer(200'000);
  ASSERT_TRUE(in.ok());
  EXPECT_EQ(*(*in)->read(buffer), text.size());
  EXPECT_EQ(hugePages(), before);
}

TEST_F(FileSystemTest, ErrorsOfLargeFilesNameThePath) {
  EXPECT_EQ(files_->openLargeForRead(folder_ + "/missing").status().code(), StatusCode::NotFound);
  const Status status = files_->openLargeForWrite(folder_ + "/missing/x").status();
  EXPECT_NE(status.message().find("cannot create `" + folder_ + "/missing/x`"), std::string::npos) << status.message();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto previous = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{size_t{9} << 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  auto out = files_->openLargeForWrite(folder_ + "/large");
  const std::string piece(1 << 20, 'x');
  Status written = out.status();
  for (int i = 0; i < 40 && written.ok(); ++i)
    written = (*out)->append(piece);
  if (written.ok())
    written = (*out)->sync();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, previous);
  EXPECT_EQ(written.code(), StatusCode::ResourceExhausted);
  EXPECT_NE(written.message().find("cannot write `" + folder_ + "/large`: File too large"), std::string::npos)
      << written.message();
}
