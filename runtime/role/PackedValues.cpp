// Packed copies by parameter and packing.
#include "runtime/role/PackedValues.h"

#include <cstdlib>

namespace heter::runtime {

PackedBuffers::~PackedBuffers() {
  MutexLock lock(mutex_);
  for (auto &[bytes, memory] : free_)
    std::free(memory);
}

std::shared_ptr<uint16_t> PackedBuffers::take(int64_t bytes) {
  uint16_t *memory = nullptr;
  {
    MutexLock lock(mutex_);
    if (auto found = free_.find(bytes); found != free_.end()) {
      memory = found->second;
      free_.erase(found);
    }
  }
  if (!memory)
    memory = static_cast<uint16_t *>(std::aligned_alloc(64, static_cast<size_t>(bytes + 63) / 64 * 64));
  if (!memory)
    return nullptr;
  return {memory, [pool = shared_from_this(), bytes](uint16_t *p) { pool->giveBack(p, bytes); }};
}

void PackedBuffers::giveBack(uint16_t *memory, int64_t bytes) {
  MutexLock lock(mutex_);
  free_.emplace(bytes, memory);
}

const uint16_t *PackedValues::get(const Request &request) const {
  Entry *entry = nullptr;
  {
    MutexLock lock(mutex_);
    entry = &entries_[{request.parameter, request.packing}];
  }
  MutexLock lock(entry->mutex);
  if (entry->memory)
    return entry->memory.get();
  std::shared_ptr<uint16_t> memory =
      request.buffers.take(2 * roundToPacked(request.rows) * roundToPacked(request.columns));
  if (!memory)
    return nullptr;
  PackedOutputs to{};
  to[request.packing] = memory.get();
  packMatrix(request.tiles, request.values.data(), request.rows, request.columns, to, &request.scheduler);
  entry->memory = std::move(memory);
  return entry->memory.get();
}

} // namespace heter::runtime
