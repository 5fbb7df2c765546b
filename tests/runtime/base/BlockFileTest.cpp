// Scratch files of the machine's: blocks come back in every way of reading them, errors name the file, nothing is left.
#include "runtime/base/BlockReader.h"
#include "runtime/base/FileSystem.h"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <numeric>
#include <random>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace heter::runtime;
using ::testing::HasSubstr;

namespace {
constexpr size_t blockBytes = BlockFile::alignment;

class Folder {
public:
  Folder() : path_(::testing::TempDir() + "heter-blocks-XXXXXX") {
    if (!::mkdtemp(path_.data()))
      path_.clear();
  }
  ~Folder() { (void)!system(("rm -rf '" + path_ + "'").c_str()); }
  const std::string &path() const { return path_; }

private:
  std::string path_;
};

/// The 64-bit words of a block: numbers that no other block has.
void fillBlock(char *at, uint64_t block) {
  for (size_t i = 0; i < blockBytes; i += sizeof(uint64_t)) {
    const uint64_t word = block * blockBytes + i;
    std::memcpy(at + i, &word, sizeof(word));
  }
}
bool isBlock(const char *at, uint64_t block) {
  const BlockMemory expected = allocateBlocks(blockBytes);
  fillBlock(expected.get(), block);
  return std::memcmp(at, expected.get(), blockBytes) == 0;
}
void writeBlocks(BlockFile &file, uint64_t first, size_t count) {
  const BlockMemory memory = allocateBlocks(count * blockBytes);
  for (size_t i = 0; i < count; ++i)
    fillBlock(memory.get() + i * blockBytes, first + i);
  const Status status = file.write(first * blockBytes, {memory.get(), count * blockBytes});
  ASSERT_TRUE(status.ok()) << status.message();
}
/// Reads blocks at random, `count` a call, some of them two blocks long.
bool readsBlocks(BlockFile &file, size_t blocks, size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  const BlockMemory memory = allocateBlocks(2 * count * blockBytes);
  std::vector<BlockFile::Read> reads;
  for (size_t i = 0; i < count; ++i)
    reads.push_back(
        {random() % (blocks - 1) * blockBytes, {memory.get() + 2 * i * blockBytes, (1 + random() % 2) * blockBytes}});
  if (!file.read(reads).ok())
    return false;
  return std::all_of(reads.begin(), reads.end(), [](const BlockFile::Read &read) {
    return isBlock(read.to.data(), read.offset / blockBytes) &&
           (read.to.size() == blockBytes || isBlock(read.to.data() + blockBytes, read.offset / blockBytes + 1));
  });
}

class BlockFileTest : public ::testing::TestWithParam<ScratchFileOptions> {
protected:
  std::unique_ptr<BlockFile> make() {
    auto file = files_->createScratchFile(folder_.path(), "rows");
    EXPECT_TRUE(file.ok()) << file.status().message();
    return std::move(*file);
  }

  Folder folder_;
  std::unique_ptr<FileSystem> files_ = makePosixFileSystem(GetParam());
};
} // namespace

TEST_P(BlockFileTest, BlocksComeBack) {
  const auto file = make(), other = make();
  constexpr size_t blocks = 700;
  for (size_t first = 0; first < blocks; first += 100)
    writeBlocks(*file, first, 100);
  writeBlocks(*other, 1000, 3);
  for (const size_t count : {1, 2, 63, 64, 65, 500})
    EXPECT_TRUE(readsBlocks(*file, blocks, count, count)) << count;
  EXPECT_TRUE(file->read({}).ok());
  writeBlocks(*file, 10, 5); // over what is there
  EXPECT_TRUE(readsBlocks(*file, blocks, 300, 1));
}

TEST_P(BlockFileTest, ManyThreadsRead) {
  const auto file = make();
  writeBlocks(*file, 0, 256);
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (uint64_t thread = 0; thread < 6; ++thread)
    threads.emplace_back([&, thread] {
      for (uint64_t turn = 0; turn < 10; ++turn)
        good += readsBlocks(*file, 256, 1 + (thread * 37 + turn * 11) % 150, thread * 100 + turn) ? 1 : 0;
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(good, 60);
}

TEST_P(BlockFileTest, NothingIsListed) {
  const auto file = make();
  writeBlocks(*file, 0, 4);
  EXPECT_TRUE(files_->list(folder_.path())->empty());
}

TEST_P(BlockFileTest, ErrorsNameTheFile) {
  const Status missing = files_->createScratchFile(folder_.path() + "/none", "rows").status();
  EXPECT_EQ(missing.code(), StatusCode::NotFound);
  EXPECT_THAT(missing.message(), HasSubstr("cannot create `" + folder_.path() + "/none/rows`: No such file"));

  const auto file = make();
  writeBlocks(*file, 0, 8);
  const BlockMemory memory = allocateBlocks(100 * blockBytes);
  std::vector<BlockFile::Read> reads;
  for (size_t i = 0; i < 99; ++i)
    reads.push_back({i % 8 * blockBytes, {memory.get() + i * blockBytes, blockBytes}});
  reads[90] = {7 * blockBytes, {memory.get() + 90 * blockBytes, 2 * blockBytes}}; // half of it is there
  const Status cut = file->read(reads);
  EXPECT_EQ(cut.code(), StatusCode::DataLoss);
  EXPECT_EQ(cut.message(), "cannot read `" + folder_.path() + "/rows`: it ends before byte 36864");
  EXPECT_TRUE(readsBlocks(*file, 8, 20, 1)) << "a failure is over when it is told";
}

TEST_P(BlockFileTest, AFullDiskLeavesWhatIsThere) {
  const auto file = make();
  writeBlocks(*file, 0, 16);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto previous = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{20 * blockBytes, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const BlockMemory memory = allocateBlocks(16 * blockBytes);
  std::memset(memory.get(), 1, 16 * blockBytes);
  const Status written = file->write(16 * blockBytes, {memory.get(), 16 * blockBytes});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, previous);
  EXPECT_EQ(written.code(), StatusCode::ResourceExhausted);
  EXPECT_EQ(written.message(), "cannot write `" + folder_.path() + "/rows`: File too large");
  EXPECT_TRUE(readsBlocks(*file, 16, 50, 1));
}

TEST_P(BlockFileTest, ReadsOfNoFileFail) {
  const std::unique_ptr<BlockReader> reader = GetParam().kernelQueue ? makeQueuedReader() : makeThreadedReader();
  if (!reader)
    GTEST_SKIP() << "this kernel refuses io_uring";
  const BlockMemory memory = allocateBlocks(200 * blockBytes);
  std::vector<BlockFile::Read> reads;
  for (size_t i = 0; i < 200; ++i)
    reads.push_back({i * blockBytes, {memory.get() + i * blockBytes, blockBytes}});
  EXPECT_EQ(reader->read(-1, reads, "rows").message(), "cannot read `rows`: Bad file descriptor");
}

INSTANTIATE_TEST_SUITE_P(Ways, BlockFileTest,
                         ::testing::Values(ScratchFileOptions{}, ScratchFileOptions{.kernelQueue = false},
                                           ScratchFileOptions{.pastCache = false},
                                           ScratchFileOptions{.kernelQueue = false, .pastCache = false},
                                           ScratchFileOptions{.hasNameFirst = true}),
                         [](const auto &info) {
                           const ScratchFileOptions &options = info.param;
                           return std::string(options.kernelQueue ? "Queued" : "Threaded") +
                                  (options.pastCache ? "" : "Cached") + (options.hasNameFirst ? "NamedFirst" : "");
                         });

namespace {
/// Has the kernel refuse io_uring to this process, as the filters of many containers do.
bool refuseQueues() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(program), program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}
} // namespace

TEST(BlockFileOfAContainer, IsReadByThreads) {
  const Folder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    if (!refuseQueues())
      ::_exit(2);
    if (makeQueuedReader())
      ::_exit(3);
    const auto file = makePosixFileSystem()->createScratchFile(folder.path(), "rows");
    if (!file.ok())
      ::_exit(4);
    writeBlocks(**file, 0, 64);
    ::_exit(readsBlocks(**file, 64, 200, 1) ? 0 : 5);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 2)
    GTEST_SKIP() << "this machine has no filters of system calls";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}
