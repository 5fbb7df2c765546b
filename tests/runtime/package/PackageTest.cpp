// Packages on disk: what is written reads back, and damage of any file gives one error that names it. Also the hash,
// the text form and the kernel object.
#include "SamplePackage.h"

#include "runtime/base/Processor.h"
#include "runtime/package/KernelObject.h"

#include <gmock/gmock.h>
#include <unistd.h>

using namespace heter::runtime;
using namespace heter::runtime::test;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

class PackageTest : public ::testing::Test {
protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "heter-package-" + std::to_string(getpid());
    ASSERT_TRUE(files_->createDirectories(folder_).ok());
    write(packageInfoFile, encode(sample_.info));
    for (const package::RoleProgram &program : sample_.programs)
      write(program.role + programSuffix, encode(program));
    write(manifestFile, "{\"format\": " + std::to_string(format) + ", \"model\": \"sample\", \"program_hash\": \"" +
                            programHash(sample_.info, sample_.programs) + "\"}\n");
  }
  void TearDown() override { (void)!system(("rm -rf '" + folder_ + "'").c_str()); }

  void write(const std::string &name, const std::string &bytes) {
    ASSERT_TRUE(files_->writeFileAtomically(folder_ + "/" + name, bytes).ok());
  }
  std::string read(const std::string &name) { return *files_->readFile(folder_ + "/" + name); }
  std::string readError() { return readPackage(*files_, folder_).status().message(); }

  const int format = package::g_Package_constants.FORMAT_VERSION;
  Sample sample_ = samplePackage();
  std::unique_ptr<FileSystem> files_ = makePosixFileSystem();
  std::string folder_;
};

} // namespace

TEST_F(PackageTest, ReadsBackWhatWasWritten) {
  auto package = readPackage(*files_, folder_);
  ASSERT_TRUE(package.ok()) << package.status().message();
  EXPECT_EQ(package->info, sample_.info);
  EXPECT_EQ(package->programs, sample_.programs);
  EXPECT_EQ(package->hash, programHash(sample_.info, sample_.programs));
  ASSERT_NE(package->find("server"), nullptr);
  EXPECT_EQ(package->find("local"), nullptr);
}

TEST_F(PackageTest, EveryTruncationIsAnErrorThatNamesTheFile) {
  for (const std::string &name : {std::string(packageInfoFile), std::string("cpu-trainer.program")}) {
    std::string whole = read(name);
    for (size_t size = 0; size < whole.size(); size += 1 + whole.size() / 37) {
      write(name, whole.substr(0, size));
      ASSERT_THAT(readError(), HasSubstr(name)) << size;
    }
    write(name, whole + "x");
    EXPECT_THAT(readError(), HasSubstr("has 1 bytes after its end"));
    write(name, whole);
  }
}

TEST_F(PackageTest, NoFlippedByteIsAccepted) {
  for (const std::string &name : {std::string(packageInfoFile), std::string("heter-trainer.heter.program")}) {
    std::string whole = read(name);
    for (size_t at = 0; at < whole.size(); at += 31) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
      write(name, damaged);
      auto package = readPackage(*files_, folder_);
      // The seed is the one part that the hash does not cover.
      ASSERT_TRUE(!package.ok() || package->info.seed != sample_.info.seed) << name << " byte " << at;
    }
    write(name, whole);
  }
}

TEST_F(PackageTest, MissingAndStrangeFilesAreNamed) {
  ASSERT_TRUE(files_->remove(folder_ + "/server.program").ok());
  EXPECT_THAT(readError(), HasSubstr("server.program`: No such file"));
  write("server.program", read("cpu-trainer.program"));
  EXPECT_THAT(readError(), HasSubstr("holds the program of role `cpu-trainer`"));
  write("server.program", encode(sample_.programs[2]));
  write("other.program", "");
  EXPECT_THAT(readError(), HasSubstr("other.program` belongs to no role"));
  ASSERT_TRUE(files_->remove(folder_ + "/other.program").ok());
  const std::string own = std::to_string(format), next = std::to_string(format + 1);
  write(manifestFile, "{\"format\": " + next + ", \"program_hash\": \"x\"}");
  EXPECT_THAT(readError(), HasSubstr("has package format " + next + ", this program reads " + own));
  write(manifestFile, "{\"format\": " + own + "}");
  EXPECT_THAT(readError(), HasSubstr("manifest.json` has no text \"program_hash\""));
  write(manifestFile, "{\"format\": \"heter checkpoint\", \"program_hash\": \"x\"}");
  EXPECT_THAT(readError(), HasSubstr("manifest.json` has no number \"format\""));
  write(manifestFile, "[1]");
  EXPECT_THAT(readError(), HasSubstr("has no number \"format\""));
  write(manifestFile, "{");
  EXPECT_THAT(readError(), HasSubstr("manifest.json` is not JSON"));
  ASSERT_TRUE(files_->remove(folder_ + "/" + manifestFile).ok());
  EXPECT_THAT(readError(), HasSubstr("is not a package"));
}

TEST_F(PackageTest, ChangedProgramsAreFoundByTheHash) {
  sample_.programs[1].train.nodes[4].name = "renamed";
  write("heter-trainer.heter.program", encode(sample_.programs[1]));
  EXPECT_THAT(readError(), HasSubstr("they were changed after heterc wrote them"));
}

TEST_F(PackageTest, HashCoversProgramsButNotTheSeed) {
  std::string hash = programHash(sample_.info, sample_.programs);
  EXPECT_EQ(hash.size(), 64u);
  Sample other = sample_;
  other.info.seed = 99;
  std::swap(other.programs[0], other.programs[2]);
  EXPECT_EQ(programHash(other.info, other.programs), hash);
  other.programs[0].deviceClass = "gpu";
  EXPECT_NE(programHash(other.info, other.programs), hash);
}

TEST_F(PackageTest, PrintsRules) {
  package::Rule rule;
  rule.kind = "period";
  rule.numbers = {{"seconds", 86400}};
  sample_.info.tables[0].policy = {rule};
  rule.kind = "ssd";
  rule.numbers.clear();
  rule.texts = {{"folder", "x"}};
  sample_.info.tables[0].policy.push_back(rule);
  Package package;
  package.info = sample_.info;
  package.programs = sample_.programs;
  EXPECT_THAT(*printPackage(package), HasSubstr("rows of emb: period (seconds 86400), ssd (folder x)\n"));
}

TEST_F(PackageTest, PrintsEveryPart) {
  auto package = readPackage(*files_, folder_);
  ASSERT_TRUE(package.ok());
  std::string all = *printPackage(*package);
  for (const char *line :
       {"model sample, mode heter-ps, seed 1\n", "input slots: i64[2]\n",
        "table emb: dim 2, uniform(0.01), sgd(lr: 0.1) (kernel optimizer_sgd), admitted by count (times 3)\n",
        "parameter w: f32[4, 4], zeros, sgd(lr: 0.1) (kernel optimizer_sgd, learning rate by rate_0)\n",
        "channel c0: cpu-trainer -> heter-trainer.heter, depth 1, (f32[?, 4])\n", "role heter-trainer.heter on heter\n",
        "2 pull_rows (%6) -> %7 pulled: rows f32[2] {part = \"\", table = \"emb\"}",
        "3 library lookup (%7, %8) -> %1 rows: f32[?, 2, 2] @0+0..16 {pools = \"none\"}",
        "4 library matmul (%2, %3) -> %4 dy: f32[?, 4] device @0+16..32  # matmul, sample.heter:12:5\n",
        "segment 0 device: 32 bytes an example, 1.00 times what is alive at once at most\n"})
    EXPECT_THAT(all, HasSubstr(line));
  std::string one = *printPackage(*package, "server");
  EXPECT_THAT(one, HasSubstr("role server"));
  EXPECT_THAT(one, Not(HasSubstr("role cpu-trainer")));
  EXPECT_THAT(printPackage(*package, "sever").status().message(), HasSubstr("did you mean `server`?"));
}

TEST_F(PackageTest, KernelObjectIsChosenForTheProcessor) {
  auto none = openKernelObject(*files_, folder_);
  ASSERT_FALSE(none.ok());
  if (usableLevels().empty())
    GTEST_SKIP() << "this processor has no level that kernels are compiled for";
  std::string level = usableLevels().back(), path = folder_ + "/kernels-cpu-" + level + ".so";
  write("kernels.cpp", "extern \"C\" void twice(void *const *a) { *(float *)a[1] = 2 * *(float *)a[0]; }\n");
  std::string command = std::string(HETER_TEST_CXX) + " -shared -fPIC -o '" + path + "' '" + folder_ + "/kernels.cpp'";
  ASSERT_EQ(system(command.c_str()), 0);
  auto kernels = openKernelObject(*files_, folder_);
  ASSERT_TRUE(kernels.ok()) << kernels.status().message();
  EXPECT_THAT((*kernels)->description(), HasSubstr(level));
  EXPECT_EQ((*kernels)->find("thrice"), nullptr);
  KernelFunction twice = (*kernels)->find("twice");
  ASSERT_NE(twice, nullptr);
  float in = 3, out = 0;
  void *arguments[] = {&in, &out};
  twice(arguments);
  EXPECT_EQ(out, 6);
  kernels->reset(); // the loader knows an open object by its name
  write("kernels-cpu-" + level + ".so", "not an object");
  EXPECT_THAT(openKernelObject(*files_, folder_).status().message(), HasSubstr("cannot load the kernels"));
}
