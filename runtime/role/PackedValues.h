// The packed copies of one version of the dense parameters, read by all frames that have pinned the version: made by
// the store where the trainer owns the parameters, averages excepted, else when a frame first asks.
#ifndef HETER_RUNTIME_ROLE_PACKEDVALUES_H
#define HETER_RUNTIME_ROLE_PACKEDVALUES_H

#include "runtime/base/ThreadAnnotations.h"
#include "runtime/kernels/Packed.h"
#include "runtime/package/Package.h"
#include "runtime/role/Model.h"
#include "runtime/table/ParameterStore.h"

#include <map>
#include <memory>

namespace heter::runtime {

/// Memory of packed copies that nobody reads any more, for those of the next version. Thread-safe.
class PackedBuffers : public std::enable_shared_from_this<PackedBuffers> {
public:
  ~PackedBuffers();
  /// Goes back to this pool when the last holder lets go. Null if there is no memory.
  std::shared_ptr<uint16_t> take(int64_t bytes) HETER_EXCLUDES(mutex_);
  /// Of all copies, whoever holds them.
  int64_t memoryBytes() const HETER_EXCLUDES(mutex_);

private:
  void giveBack(uint16_t *memory, int64_t bytes) HETER_EXCLUDES(mutex_);

  mutable Mutex mutex_;
  std::multimap<int64_t, uint16_t *> free_ HETER_GUARDED_BY(mutex_);
  int64_t memoryBytes_ HETER_GUARDED_BY(mutex_) = 0;
};

/// Thread-safe. Two frames that ask at once wait for one packing, which is computing only.
class PackedValues {
public:
  struct Request {
    const TileKernels &tiles;
    PackedBuffers &buffers;
    Scheduler &scheduler;
    int parameter;
    package::Packing::type packing;
    std::span<const float> values; ///< Of the version, rows x columns.
    int64_t rows, columns;
  };
  /// The packed copy, which lives as long as this; null if there is no memory.
  const uint16_t *get(const Request &request) const HETER_EXCLUDES(mutex_);
  /// Lets go of a parameter's copies, which nobody reads any more nor asks for.
  void drop(int parameter) const HETER_EXCLUDES(mutex_);

private:
  struct Entry {
    Mutex mutex;
    std::shared_ptr<uint16_t> memory HETER_GUARDED_BY(mutex);
  };

  mutable Mutex mutex_;
  mutable std::map<std::pair<int, int>, Entry> entries_ HETER_GUARDED_BY(mutex_);
};

/// The packed copies that updates make of each new version. Thread-safe.
class PackedCopies final : public ValueCopies {
public:
  /// Those that the graph pulls.
  PackedCopies(const Model &model, const package::Graph &graph, TileKernels tiles,
               std::shared_ptr<PackedBuffers> buffers);

  std::shared_ptr<void> take(int parameter) override;
  void make(int parameter, void *copies, const float *values, const Part &part) override;

  /// A copy in what take() gave and make() filled; null if that packing is not among them.
  static const uint16_t *find(const void *copies, package::Packing::type packing);

private:
  struct Matrix {
    std::array<bool, 5> wanted{}; ///< By packing.
    int64_t rows = 0, columns = 0;
  };
  using Copies = std::array<std::shared_ptr<uint16_t>, 5>; ///< By packing.

  void collect(const Model &model, const package::Graph &graph);

  const TileKernels tiles_;
  const std::shared_ptr<PackedBuffers> buffers_;
  std::map<int, Matrix> matrices_; ///< By parameter.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_PACKEDVALUES_H
