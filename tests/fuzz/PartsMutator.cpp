// Mutation of inputs of several parts: libFuzzer's own mutations, applied to one part at a time, so that lengths stay
// right; sometimes a part is dropped, doubled or moved. A target may add changes that its format understands.
#include "tests/fuzz/PartsMutator.h"

#include "tests/fuzz/Fuzz.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace heter::fuzz {
namespace {

constexpr size_t longestPart = size_t{1} << 16;

void mutateBytes(std::string &part) {
  size_t size = part.size();
  part.resize(std::max(size + 64, 2 * size));
  part.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t *>(part.data()), size, std::min(part.size(), longestPart)));
}

void mutateParts(std::vector<std::string> &parts, std::minstd_rand &random) {
  if (parts.empty())
    parts.emplace_back();
  size_t at = random() % parts.size();
  switch (random() % 16) {
  case 0:
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(at));
    break;
  case 1:
    parts.insert(parts.begin() + static_cast<ptrdiff_t>(random() % parts.size()), std::string(parts[at]));
    break;
  case 2:
    std::swap(parts[at], parts[random() % parts.size()]);
    break;
  case 3:
  case 4:
  case 5:
  case 6:
  case 7:
  case 8:
  case 9:
    if (mutateStructure(parts, random))
      break;
    [[fallthrough]];
  default:
    mutateBytes(parts[at]);
  }
}

} // namespace
} // namespace heter::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize, unsigned seed) {
  std::minstd_rand random(seed);
  auto parts = heter::fuzz::split({reinterpret_cast<const char *>(data), size});
  heter::fuzz::mutateParts(parts, random);
  std::string result = heter::fuzz::join(parts);
  size = std::min(result.size(), maxSize);
  std::memcpy(data, result.data(), size);
  return size;
}
