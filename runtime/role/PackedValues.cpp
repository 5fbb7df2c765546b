// Packed copies by parameter and packing.
#include "runtime/role/PackedValues.h"

#include "runtime/base/ScratchBuffer.h"
#include "runtime/graph/Frame.h"

#include <cstdlib>
#include <new>

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
  if (!memory) {
    try {
      memory = static_cast<uint16_t *>(allocateAligned(bytes));
    } catch (const std::bad_alloc &) {
      return nullptr;
    }
    MutexLock lock(mutex_);
    memoryBytes_ += bytes;
  }
  return {memory, [pool = shared_from_this(), bytes](uint16_t *p) { pool->giveBack(p, bytes); }};
}

int64_t PackedBuffers::memoryBytes() const {
  MutexLock lock(mutex_);
  return memoryBytes_;
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

void PackedValues::drop(int parameter) const {
  MutexLock lock(mutex_);
  std::erase_if(entries_, [&](const auto &entry) { return entry.first.first == parameter; });
}

PackedCopies::PackedCopies(const Model &model, const package::Graph &graph, TileKernels tiles,
                           std::shared_ptr<PackedBuffers> buffers)
    : tiles_(tiles), buffers_(std::move(buffers)) {
  collect(model, graph);
}

void PackedCopies::collect(const Model &model, const package::Graph &graph) {
  for (const package::Node &node : graph.nodes) {
    for (const package::Graph &region : node.regions)
      collect(model, region);
    if (node.kind != package::NodeKind::PULL_DENSE)
      continue;
    const package::TensorType &type = graph.values[static_cast<size_t>(node.outputs[0])].type;
    auto parameter = model.findParameter(textAttribute(node, "parameter"));
    if (type.packing == package::Packing::NONE || !parameter.ok())
      continue;
    Matrix &matrix = matrices_[*parameter];
    matrix.wanted[static_cast<size_t>(type.packing)] = true;
    matrix.rows = type.shape[0];
    matrix.columns = type.shape[1];
  }
}

std::shared_ptr<void> PackedCopies::take(int parameter) {
  auto found = matrices_.find(parameter);
  if (found == matrices_.end())
    return nullptr;
  const Matrix &matrix = found->second;
  auto copies = std::make_shared<Copies>();
  for (size_t packing = 0; packing < copies->size(); ++packing)
    if (matrix.wanted[packing]) {
      (*copies)[packing] = buffers_->take(2 * roundToPacked(matrix.rows) * roundToPacked(matrix.columns));
      if (!(*copies)[packing])
        return nullptr;
    }
  return copies;
}

void PackedCopies::make(int parameter, void *copies, const float *values, const Part &part) {
  static_assert(unit == packedUnit);
  const Matrix &matrix = matrices_.at(parameter);
  PackedOutputs to{};
  for (size_t packing = 0; packing < to.size(); ++packing)
    to[packing] = (*static_cast<Copies *>(copies))[packing].get();
  const PackedUnits units{part.row / unit, roundToPacked(part.row + part.rows) / unit, part.column / unit,
                          roundToPacked(part.column + part.columns) / unit};
  packUnits(tiles_, values + part.row * matrix.columns, matrix.rows, matrix.columns, units, to);
}

const uint16_t *PackedCopies::find(const void *copies, package::Packing::type packing) {
  return copies ? (*static_cast<const Copies *>(copies))[static_cast<size_t>(packing)].get() : nullptr;
}

} // namespace heter::runtime
