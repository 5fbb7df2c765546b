// SparseTable: one table's rows in one store. Rows come into being when they are first pushed to, with their initial
// values; pulls are pure.
#ifndef HETER_RUNTIME_TABLE_SPARSETABLE_H
#define HETER_RUNTIME_TABLE_SPARSETABLE_H

#include "runtime/base/Hash.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/table/RowIndex.h"
#include "runtime/table/Schema.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace heter::runtime {

/// Gradient sums of unique keys, as an update takes them.
struct RowGradients {
  std::span<const uint64_t> keys;
  std::span<const float> gradients; ///< dim floats a key.
};

/// Thread-safe: the owned virtual shards are cut into ranges, each with its own lock, index and rows; a batched call
/// takes one range after another. Each row is read and updated whole.
class SparseTable {
public:
  /// Owns the keys of virtual shards [firstShard, endShard). `spec` must outlive the table.
  SparseTable(const TableSpec &spec, uint64_t seed, int firstShard, int endShard);
  ~SparseTable();

  const TableSpec &spec() const { return spec_; }
  bool owns(uint64_t key) const {
    const int shard = shardOf(key);
    return shard >= firstShard_ && shard < endShard_;
  }

  /// Copies the values of `keys`, which may repeat, to `out`: dim floats each. Keys without a row, and keys that other
  /// servers own, give their initial value. Creates nothing.
  void pull(int part, std::span<const uint64_t> keys, float *out) const;

  /// Sums `pushes` by key in the given order, divides by `divisor` and updates each key once, creating its row if need
  /// be. REQUIRES: owns(key) for every key; keys are unique within a push.
  void update(int part, std::span<const RowGradients> pushes, float divisor);

  /// The same in pieces, any of which may run at once with the others: a part's rows of one range of virtual shards
  /// each.
  class Update {
  public:
    static constexpr int pieces = 16;
    /// `table` and `pushes`, which are unique a push, outlive it.
    Update(SparseTable &table, int part, std::span<const RowGradients> pushes, float divisor);
    Update(Update &&) noexcept;
    ~Update();
    /// REQUIRES: called once for each of 0 .. pieces - 1.
    void run(int piece) const;

  private:
    struct Work;
    std::unique_ptr<Work> work_;
  };

  int64_t rowCount() const;

  // For checkpoints. A row's state is spec().rowFloats floats, part after part.

  /// Calls `visit` with every row, ordered by virtual shard, then key. Stops at the first error.
  Status visitRows(const std::function<Status(uint64_t key, std::span<const float> state)> &visit) const;
  /// Adds or replaces a row. REQUIRES: owns(key), state.size() == spec().rowFloats.
  void putRow(uint64_t key, std::span<const float> state);
  /// Forgets all rows and sets the seed of the initial values. REQUIRES: no other call runs.
  void reset(uint64_t seed);

private:
  struct Range; // Of virtual shards.
  struct Batch;
  static constexpr int rangeCount = Update::pieces;
  uint32_t create(RowIndex &index, RowSlabs &rows, uint64_t key) const;
  void initialize(uint64_t key, float *state) const;

  const TableSpec &spec_;
  int firstShard_;
  int endShard_;
  std::vector<std::array<uint32_t, 2>> seedKeys_;   ///< A Philox key a part. Changes only in reset().
  std::vector<std::unique_ptr<Range>> ranges_;      ///< The vector changes only in reset().
  std::array<uint8_t, virtualShards> rangeOfShard_; ///< rangeCount: not owned.
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_SPARSETABLE_H
