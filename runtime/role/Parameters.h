// How a trainer's frames reach the parameters: directly in a local run, by calls to the servers otherwise.
#ifndef HETER_RUNTIME_ROLE_PARAMETERS_H
#define HETER_RUNTIME_ROLE_PARAMETERS_H

#include "runtime/base/Scheduler.h"
#include "runtime/graph/Frame.h"
#include "runtime/role/PackedValues.h"
#include "runtime/table/ParameterStore.h"

#include <memory>
#include <span>
#include <vector>

namespace heter::runtime {

/// One consistent version of the dense parameters; immutable.
class DenseSnapshot {
public:
  virtual ~DenseSnapshot() = default;
  /// The whole parameter; empty if this role never pulls it.
  virtual std::span<const float> values(int parameter) const = 0;

  /// A copy of the parameter that its update packed; null if there is none.
  virtual const uint16_t *packedByUpdate(int parameter, package::Packing::type packing) const { return nullptr; }

  /// Packed copies of these values that are made when asked for.
  const PackedValues packed;
};
using DenseSnapshotPtr = std::shared_ptr<const DenseSnapshot>;

/// Thread-safe. Completions run inside the call or later, on any thread.
class Parameters {
public:
  virtual ~Parameters() = default;

  /// Writes the rows of `keys` (unique) to `out` once version `minVersion` is there. `keys` and `out` live until
  /// `done`.
  virtual void pullRows(int64_t minVersion, int part, std::span<const uint64_t> keys, float *out, Completion done) = 0;

  /// The dense parameters of version `minVersion` or newer.
  virtual void pullDense(int64_t minVersion, DenseValues which,
                         UniqueFunction<void(StatusOr<DenseSnapshotPtr>)> done) = 0;

  /// A micro-batch's gradient sums of some keys, and perhaps their shows and clicks (2 floats a key).
  struct RowPush {
    int part = 0;
    std::span<const uint64_t> keys;
    std::span<const float> rows;
    std::span<const float> counts;
    std::shared_ptr<const void> owner; ///< Of all this memory; null: it is read until the push is done.
  };

  /// Pushes a micro-batch's gradient sums; `done` when their owners have them. The memory is read until `done`, and
  /// afterwards only if `owner` is there and held.
  virtual void pushRows(const FrameInfo &info, RowPush push, Completion done) = 0;
  virtual void pushDense(const FrameInfo &info, int parameter, std::span<const float> values,
                         std::shared_ptr<const void> owner, Completion done) = 0;

  /// In place of pushDense: begins the update of a parameter that nothing of the frame reads any more. Null where
  /// gradients are pushed.
  virtual StatusOr<std::unique_ptr<EarlyUpdate>> beginUpdate(const FrameInfo &info, int parameter) { return nullptr; }
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_PARAMETERS_H
