// A fuzz target as a test: runs the target's seeds, which must be accepted where they are valid, and every file of the
// folders named on the command line, which must only do no harm. With --write DIR it writes the seeds there instead.
#include "tests/fuzz/Fuzz.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace heter::fuzz;

static int writeSeeds(const std::filesystem::path &folder) {
  std::filesystem::create_directories(folder);
  for (const Seed &seed : seeds())
    std::ofstream(folder / seed.name, std::ios::binary) << seed.bytes;
  return 0;
}

static size_t replayFolder(const std::string &folder) {
  std::vector<std::filesystem::path> files;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto &file : files) {
    std::fprintf(stderr, "%s\n", file.c_str()); // the last line names what ended the process
    std::ifstream stream(file, std::ios::binary);
    accepts(std::string(std::istreambuf_iterator<char>(stream), {}));
  }
  return files.size();
}

int main(int count, char **arguments) {
  if (count == 3 && std::strcmp(arguments[1], "--write") == 0)
    return writeSeeds(arguments[2]);
  int refused = 0;
  std::vector<Seed> all = seeds();
  check(!all.empty(), "the target has no seeds");
  for (const Seed &seed : all) {
    std::fprintf(stderr, "seed %s\n", seed.name.c_str());
    bool accepted = accepts(seed.bytes);
    if (seed.valid && !accepted) {
      std::fprintf(stderr, "valid, but refused: %s\n", seed.name.c_str());
      ++refused;
    }
  }
  size_t files = 0;
  for (int i = 1; i < count; ++i)
    files += replayFolder(arguments[i]);
  std::printf("%zu seeds, %zu files of the corpus\n", all.size(), files);
  return refused ? 1 : 0;
}
