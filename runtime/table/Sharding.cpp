// The maps from keys and blocks to servers.
#include "runtime/table/Sharding.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace heter::runtime {

int ownerOfBlock(std::string_view parameter, int64_t block, int serverCount) {
  return static_cast<int>((hashBytes(parameter) + static_cast<uint64_t>(block)) % static_cast<uint64_t>(serverCount));
}

DenseLayout::DenseLayout(std::string_view parameter, int64_t elements, int server, int serverCount)
    : elements_(elements) {
  assert(elements >= 0 && serverCount >= 1 && server >= 0 && server < serverCount);
  for (int64_t first = 0; first < elements; first += denseBlockElements) {
    const int64_t block = first / denseBlockElements;
    if (ownerOfBlock(parameter, block, serverCount) != server)
      continue;
    const int64_t count = std::min(denseBlockElements, elements - first);
    blocks_.push_back({block, first, count, localElements_});
    localElements_ += count;
  }
}

void DenseLayout::gather(const float *whole, float *local) const {
  for (const DenseBlock &block : blocks_)
    std::memcpy(local + block.localFirst, whole + block.first, static_cast<size_t>(block.count) * sizeof(float));
}

void DenseLayout::scatter(const float *local, float *whole) const {
  for (const DenseBlock &block : blocks_)
    std::memcpy(whole + block.first, local + block.localFirst, static_cast<size_t>(block.count) * sizeof(float));
}

} // namespace heter::runtime
