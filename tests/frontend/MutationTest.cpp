// Damaged models never crash, hang or leave the checker without an answer: the sample models with bytes, tokens and
// lines removed, doubled, swapped or replaced, under fixed seeds.
#include "tests/frontend/CheckFixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

namespace heter::frontend {
namespace {

std::vector<std::string> seeds() {
  std::vector<std::filesystem::path> files;
  for (const char *folder : {"/models", "/errors"})
    for (const auto &entry : std::filesystem::directory_iterator(std::string(HETER_FRONTEND_TESTS) + folder))
      if (entry.path().extension() == ".heter")
        files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> texts;
  for (const auto &file : files) {
    std::ifstream stream(file, std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return texts;
}

class Mutator {
public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  std::string mutate(std::string text, const std::string &other) {
    static const char *pieces[] = {"(",
                                   ")",
                                   "[",
                                   "]",
                                   "{",
                                   "}",
                                   ",",
                                   ":",
                                   "=",
                                   "..",
                                   "*",
                                   "-",
                                   "\n",
                                   ";",
                                   "\"",
                                   "#",
                                   "1e18",
                                   "1e308",
                                   "0",
                                   "-1",
                                   "9999",
                                   "*seen",
                                   "batch",
                                   "for i in 1..9999 {",
                                   "while true limit 9 {",
                                   "scan e in items {",
                                   "fn",
                                   "return",
                                   "on gpu {",
                                   "if",
                                   "else",
                                   "not",
                                   "label",
                                   "share: h",
                                   "name: h",
                                   "pool: sum",
                                   "axis: -9",
                                   "import \"m.heter\" as m",
                                   "\xFF",
                                   "\xC3\xA9",
                                   "@",
                                   "col[1..1e9]"};
    for (int i = 1 + static_cast<int>(pick(4)); i > 0; --i) {
      size_t at = pick(text.size() + 1), length = pick(20);
      switch (pick(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, pieces[pick(std::size(pieces))]);
        break;
      case 2:
        text.insert(at, text.substr(pick(text.size() + 1), length));
        break;
      case 3:
        text.replace(at, std::min(length, text.size() - at), pieces[pick(std::size(pieces))]);
        break;
      default:
        text.insert(at, other.substr(pick(other.size() + 1), pick(120)));
        break;
      }
    }
    return text;
  }
  size_t pick(size_t n) { return n == 0 ? 0 : random_() % n; }

private:
  std::mt19937_64 random_;
};

TEST(Mutation, DamagedModelsAreAnswered) {
  std::vector<std::string> texts = seeds();
  ASSERT_FALSE(texts.empty());
  Mutator mutator(20240601);
  for (int round = 0; round < 3000; ++round) {
    std::string text = mutator.mutate(texts[mutator.pick(texts.size())], texts[mutator.pick(texts.size())]);
    Checked checked(text);
    EXPECT_NE(checked.model.has_value(), checked.diagnostics.hasErrors()) << text;
    EXPECT_LE(checked.errors().size(), 100000u);
  }
}

TEST(Mutation, EveryPrefixIsAnswered) {
  for (const std::string &text : seeds())
    for (size_t length = 0; length < text.size(); length += 7) {
      Checked checked(text.substr(0, length));
      EXPECT_NE(checked.model.has_value(), checked.diagnostics.hasErrors());
    }
}

} // namespace
} // namespace heter::frontend
