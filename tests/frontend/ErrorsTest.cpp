// Golden errors: each errors/NAME.heter must give exactly errors/NAME.expected, place, underline and help included.
// Run with HETER_UPDATE_GOLDEN=1 to rewrite the expected files, then read the difference.
#include "tests/frontend/CheckFixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace heter::frontend {
namespace {

namespace fs = std::filesystem;

std::string readAll(const fs::path &path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<fs::path> goldenFiles() {
  std::vector<fs::path> files;
  for (const auto &entry : fs::directory_iterator(HETER_FRONTEND_TESTS "/errors"))
    if (entry.path().extension() == ".heter")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class GoldenErrors : public testing::TestWithParam<fs::path> {};

TEST_P(GoldenErrors, MatchWordForWord) {
  fs::path expected = GetParam();
  expected.replace_extension(".expected");
  Checked checked(readAll(GetParam()));
  EXPECT_FALSE(checked.model.has_value());
  if (std::getenv("HETER_UPDATE_GOLDEN"))
    std::ofstream(expected) << checked.errors();
  EXPECT_EQ(checked.errors(), readAll(expected));
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenErrors, testing::ValuesIn(goldenFiles()), [](const auto &info) {
  std::string name = info.param.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(Errors, AtMostTwentyAreKept) {
  std::string text = "model m\n";
  for (int i = 0; i < 60; ++i)
    text += "x" + std::to_string(i) + " = nothing_" + std::to_string(i) + "\n";
  Checked checked(text);
  EXPECT_EQ(checked.diagnostics.errors().size(), DiagnosticEngine::maxErrors);
  EXPECT_NE(checked.errors().find("stopped after 20 errors"), std::string::npos);
}

} // namespace
} // namespace heter::frontend
