// The machine's files: round trips, atomic writes, patterns, and errors that name the path.
#include "runtime/base/FileSystem.h"

#include <gtest/gtest.h>
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
