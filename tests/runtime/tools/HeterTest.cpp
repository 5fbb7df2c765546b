// The `heter` program itself, as a user starts it.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

using ::testing::HasSubstr;

namespace {

struct Outcome {
  int exitCode = -1;
  std::string output; ///< Standard output and error.
};

Outcome shell(const std::string &command) {
  Outcome outcome;
  FILE *pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer;
  while (size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    outcome.output.append(buffer.data(), got);
  int status = ::pclose(pipe);
  outcome.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return outcome;
}

Outcome heter(const std::string &arguments) { return shell(std::string(HETER_BINARY) + " " + arguments); }

class HeterTest : public ::testing::Test {
protected:
  HeterTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "heter-tool-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~HeterTest() override { std::filesystem::remove_all(folder_); }
  std::string path(const char *name) const { return (folder_ / name).string(); }
  std::filesystem::path folder_;
};

TEST_F(HeterTest, SynthPrintsTheBayesAuc) {
  Outcome outcome = heter("data synth --examples 20000 --seed 3 --out " + path("s.tsv"));
  EXPECT_EQ(outcome.exitCode, 0) << outcome.output;
  std::smatch match;
  ASSERT_TRUE(std::regex_search(outcome.output, match, std::regex("Bayes AUC ([0-9.]+)"))) << outcome.output;
  double auc = std::stod(match[1]);
  EXPECT_GE(auc, 0.75);
  EXPECT_LE(auc, 0.85);
  std::ifstream file(path("s.tsv"));
  std::string line;
  int lines = 0;
  while (std::getline(file, line))
    ++lines;
  EXPECT_EQ(lines, 20000);
}

TEST_F(HeterTest, WrongLinesExitWith2) {
  EXPECT_EQ(heter("").exitCode, 2);
  Outcome outcome = heter("rum x.pkg");
  EXPECT_EQ(outcome.exitCode, 2);
  EXPECT_THAT(outcome.output, HasSubstr("heter: error: there is no command `rum`; did you mean `run`?"));
  EXPECT_EQ(heter("run --help").exitCode, 0);
}

TEST_F(HeterTest, MissingFilesExitWith1AndOneLine) {
  std::filesystem::create_directory(path("ctr.pkg"));
  Outcome outcome = heter("run " + path("ctr.pk") + " --data x");
  EXPECT_EQ(outcome.exitCode, 1);
  EXPECT_EQ(outcome.output, "heter: error: there is no package `" + path("ctr.pk") + "`; did you mean `ctr.pkg`?\n");
  for (const char *command : {"inspect ", "launch --data x "})
    EXPECT_THAT(heter(command + path("ctr.pkg")).output, HasSubstr("is no package"));
  EXPECT_THAT(heter("dump " + path("model") + " --out " + path("t")).output, HasSubstr("there is no saved model"));
  EXPECT_THAT(heter("data synth --examples 5 --out /nowhere/f").output, HasSubstr("/nowhere/f"));
}

TEST_F(HeterTest, NeedsNothingOfTheCompiler) {
  Outcome libraries = shell("ldd " HETER_BINARY);
  ASSERT_EQ(libraries.exitCode, 0) << libraries.output;
  EXPECT_EQ(libraries.output.find("LLVM"), std::string::npos) << libraries.output;
  EXPECT_EQ(libraries.output.find("MLIR"), std::string::npos) << libraries.output;
  Outcome symbols = shell("nm --undefined-only --demangle " HETER_BINARY " | grep -E 'mlir::|llvm::'");
  EXPECT_EQ(symbols.output, "");
}

} // namespace
