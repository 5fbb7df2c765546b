// What a store holds: tables, parameters, how their values begin and which kernel updates them. Made once from the
// package, with every optimizer's kernel looked up; the rest of this room uses only these types.
#ifndef HETER_RUNTIME_TABLE_SCHEMA_H
#define HETER_RUNTIME_TABLE_SCHEMA_H

#include "runtime/base/Status.h"
#include "runtime/table/RowPolicy.h"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace heter::runtime {

namespace package {
class PackageInfo;
}

/// A compiled kernel: each argument points to a memref descriptor, inputs first, then outputs.
using KernelFunction = void (*)(void *const *args);

/// Gives the kernel of a symbol, or nullptr if the kernel object has none of that name.
using KernelResolver = std::function<KernelFunction(const std::string &symbol)>;

/// How values begin. A value is a pure function of (seed, name, row, column).
struct InitializerSpec {
  enum class Kind { Constant, Uniform, Normal } kind = Kind::Constant;
  float scale = 0; ///< The constant; half the width of the uniform range; the standard deviation.

  /// Fills columns [firstColumn, firstColumn + count) of `row`.
  void fill(float *out, int64_t count, std::array<uint32_t, 2> key, uint64_t row, int64_t firstColumn) const;
};

/// One optimizer and its state: slots have one float an element, scalars one float a row (or a dense block).
struct OptimizerSpec {
  std::string name;
  KernelFunction kernel = nullptr;
  std::vector<std::string> slots;
  std::vector<float> slotInit;
  std::vector<std::string> scalars;
  std::vector<float> scalarInit;
  KernelFunction schedule =
      nullptr;       ///< From the steps closed before to the learning rate; null: the kernel takes none.
  int averaged = -1; ///< The slot that stands for the value in tests and predictions.
};

/// One part of a table. Its state in a row is [value: dim][slots: dim each][scalars], `stateFloats` floats from
/// `offset` of the row's floats on.
struct PartSpec {
  std::string name; ///< "" if the table has one part.
  int64_t dim = 0;
  InitializerSpec init;
  OptimizerSpec optimizer;
  std::string seedName; ///< What the Philox key is made from: "table" or "table.part".
  int64_t offset = 0;
  int64_t stateFloats = 0;
  bool wantsAdmission = false; ///< Only whole rows have it; rows of keys not admitted read as zeros.
};

/// A row's floats are its statistics, then the parts that want no admission, then those that do. Short rows, of keys
/// not admitted, end before the latter.
struct TableSpec {
  std::string name;
  std::vector<PartSpec> parts;
  RowPolicy policy;
  int64_t rowFloats = 0;   ///< Of a whole row.
  int64_t shortFloats = 0; ///< Of a short row.
  int countingPart = 0;    ///< Pushes to this part are what statistics, admission and unseen periods go by.

  /// Sets offsets and the numbers above from parts and policy.
  void layOut();
  int64_t floatsOf(bool isShort) const { return isShort ? shortFloats : rowFloats; }
  /// The bytes that a row takes of the table's memory, with its place in the index.
  int64_t rowMemory(bool isShort) const;
};

struct ParameterSpec {
  std::string name;
  std::vector<int64_t> shape;
  int64_t elements = 0;
  InitializerSpec init;
  OptimizerSpec optimizer;
};

struct StoreSchema {
  std::string model;
  std::vector<TableSpec> tables;
  std::vector<ParameterSpec> parameters;

  /// Checks the package's tables and parameters and resolves their kernels. A kernel that is missing, an unknown
  /// initializer or an impossible shape is an InvalidArgument that names the table or parameter.
  static StatusOr<StoreSchema> create(const package::PackageInfo &info, const KernelResolver &resolver);
};

/// The most slots, and the most scalars, that an optimizer may have.
inline constexpr size_t maxOptimizerStates = 8;

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_SCHEMA_H
