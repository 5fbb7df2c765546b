// Missing files and folders.
#include "runtime/tools/Paths.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace heter::runtime;
using namespace heter::runtime::tools;
using ::testing::HasSubstr;

namespace {

class PathsTest : public ::testing::Test {
protected:
  PathsTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "heter-paths-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(folder_ / "clicks.tsv") << "1\n";
    std::filesystem::create_directory(folder_ / "ctr.pkg");
  }
  ~PathsTest() override { std::filesystem::remove_all(folder_); }
  std::string path(const char *name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
  std::unique_ptr<FileSystem> files_ = makePosixFileSystem();
};

TEST_F(PathsTest, WhatExistsIsFine) {
  EXPECT_TRUE(checkExists(*files_, path("clicks.tsv"), "data file").ok());
  EXPECT_TRUE(checkExists(*files_, path("cl*.tsv"), "data file").ok());
  EXPECT_TRUE(checkExists(*files_, path("ctr.pkg/"), "package").ok());
}

TEST_F(PathsTest, MissingOnesSayWhatIsNear) {
  EXPECT_THAT(checkExists(*files_, path("click.tsv"), "data file").message(),
              HasSubstr("there is no data file `" + path("click.tsv") + "`; did you mean `clicks.tsv`?"));
  EXPECT_THAT(checkExists(*files_, path("ctr.pk/"), "package").message(), HasSubstr("did you mean `ctr.pkg`?"));
  EXPECT_THAT(checkExists(*files_, path("x*.tsv"), "data file").message(), HasSubstr("no data file matches"));
}

TEST_F(PathsTest, AFolderThatIsNoPackage) {
  EXPECT_THAT(openPackage(*files_, path("ctr.pkg")).status().message(), HasSubstr("is no package"));
  EXPECT_THAT(openPackage(*files_, path("other.pkg")).status().message(), HasSubstr("there is no package"));
}

TEST_F(PathsTest, OutputsAreTriedBeforeARun) {
  EXPECT_TRUE(checkReports(*files_, {}, {{"--summary", ""}, {"--losses", ""}}).ok());
  EXPECT_TRUE(checkReports(*files_, {}, {{"--summary", path("summary.json")}, {"--losses", path("losses.txt")}}).ok());
  EXPECT_FALSE(std::filesystem::exists(path("summary.json.partial")));
  EXPECT_THAT(checkReports(*files_, {}, {{"--summary", path("none/summary.json")}}).message(),
              HasSubstr("--summary: cannot create"));
  EXPECT_THAT(checkReports(*files_, {}, {{"--losses", path("clicks.tsv/l")}}).message(),
              HasSubstr("--losses: cannot create"));
  EXPECT_TRUE(checkSaveFolder(*files_, "").ok());
  EXPECT_TRUE(checkSaveFolder(*files_, path("new/model")).ok());
  EXPECT_TRUE(std::filesystem::is_empty(path("new/model")));
  EXPECT_THAT(checkSaveFolder(*files_, path("clicks.tsv")).message(), HasSubstr("--save: "));
}

TEST_F(PathsTest, ReportsAreFilesOfTheirOwn) {
  RunOptions options;
  options.dataFiles = {path("cl*.tsv")};
  for (const char *name : {"clicks.tsv", "./clicks.tsv", "ctr.pkg/../clicks.tsv"})
    EXPECT_EQ(checkReports(*files_, options, {{"--profile", path(name)}}).message(),
              "--profile: `" + path(name) + "` is also a data file; give another file");
  EXPECT_EQ(checkReports(*files_, options, {{"--losses", path("x")}, {"--profile", path("new/../x")}}).message(),
            "--profile: `" + path("new/../x") + "` is also what --losses writes; give another file");
}

TEST_F(PathsTest, NothingIsWrittenOverFilesOfModelsAndPackages) {
  std::ofstream(folder_ / "ctr.pkg" / packageInfoFile) << "bytes";
  EXPECT_EQ(checkOwnFile(*files_, "--out", path("ctr.pkg/package.bin")).message(),
            "--out: `" + path("ctr.pkg/package.bin") + "` is a file of a package; give another file");
  EXPECT_TRUE(checkOwnFile(*files_, "--out", path("ctr.pkg/notes.txt")).ok()) << "nothing is there";
  std::filesystem::create_directory(folder_ / "model");
  for (const char *name : {"manifest.json", "save-000001.json", "save-000001.server-0-of-1.rows", "ctr.export"})
    std::ofstream(folder_ / "model" / name) << "bytes";
  for (const char *name : {"model/manifest.json", "model/save-000001.json", "model/save-000001.server-0-of-1.rows"})
    EXPECT_EQ(checkOutputFile(*files_, "--out", path(name)).message(),
              "--out: `" + path(name) + "` is a file of a saved model; give another file");
  EXPECT_TRUE(checkOutputFile(*files_, "--out", path("model/ctr.export")).ok());
}

TEST_F(PathsTest, AModelIsNotSavedIntoAPackage) {
  std::ofstream(folder_ / "ctr.pkg" / packageInfoFile) << "bytes";
  EXPECT_THAT(checkSaveFolder(*files_, path("ctr.pkg")).message(),
              HasSubstr("is a package; give the model a folder of its own"));
}

TEST_F(PathsTest, OptionsMustFitThePackage) {
  package::PackageInfo info;
  info.model = "m";
  info.mode = "heter-ps";
  info.roles = {"cpu-trainer", "heter-trainer.gpu", "heter-trainer.xpu", "server"};
  info.data.resize(1);
  info.data[0].name = "criteo";
  RunOptions options;
  options.dataFiles = {path("clicks.tsv")};
  options.devices = {{"gpu", "separate"}};
  options.heterTrainers = {{"", 2}, {"xpu", 1}};
  EXPECT_TRUE(checkOptions(*files_, info, options).ok());
  options.devices = {{"gpuu", "separate"}};
  EXPECT_EQ(checkOptions(*files_, info, options).message(),
            "--device: model `m` has no class `gpuu`; did you mean `gpu`?");
  options.devices.clear();
  options.heterTrainers = {{"fpga", 1}};
  EXPECT_EQ(checkOptions(*files_, info, options).message(),
            "--heter-trainers: model `m` has no class `fpga`; it has `gpu`, `xpu`");
  options.heterTrainers.clear();
  options.input = "paddle";
  EXPECT_THAT(checkOptions(*files_, info, options).message(), HasSubstr("has no data binding `paddle`"));
  options.input.clear();
  options.testFiles = {path("click.tsv")};
  EXPECT_THAT(checkOptions(*files_, info, options).message(), HasSubstr("there is no test file"));
}

} // namespace
