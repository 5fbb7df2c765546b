// Helpers of all fuzz targets.
#include "tests/fuzz/Fuzz.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace heter::fuzz {

static constexpr size_t lengthBytes = 4;

void broken(const std::string &what) {
  std::fprintf(stderr, "broken: %s\n", what.c_str());
  std::abort();
}

std::string join(const std::vector<std::string> &parts) {
  std::string result;
  for (const std::string &part : parts) {
    for (size_t byte = 0; byte < lengthBytes; ++byte)
      result += static_cast<char>(part.size() >> (8 * byte));
    result += part;
  }
  return result;
}

std::vector<std::string> split(std::string_view input) {
  std::vector<std::string> parts;
  while (input.size() >= lengthBytes) {
    size_t size = 0;
    for (size_t byte = 0; byte < lengthBytes; ++byte)
      size |= static_cast<size_t>(static_cast<unsigned char>(input[byte])) << (8 * byte);
    input.remove_prefix(lengthBytes);
    parts.emplace_back(input.substr(0, size));
    input.remove_prefix(parts.back().size());
  }
  return parts;
}

std::string readSource(const std::string &path) {
  std::ifstream stream(std::string(HETER_SOURCE) + "/" + path, std::ios::binary);
  check(stream.good(), path + " cannot be read");
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<std::string> listSources(const std::string &folder, const std::string &suffix) {
  std::vector<std::string> paths;
  for (const auto &entry : std::filesystem::directory_iterator(std::string(HETER_SOURCE) + "/" + folder))
    if (entry.path().string().ends_with(suffix))
      paths.push_back(folder + "/" + entry.path().filename().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

} // namespace heter::fuzz
