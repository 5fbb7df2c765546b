// SparseTable: one table's rows in one store. Rows come into being when they are first pushed to, with their initial
// values, and go when the table's policy says so; pulls are pure.
#ifndef HETER_RUNTIME_TABLE_SPARSETABLE_H
#define HETER_RUNTIME_TABLE_SPARSETABLE_H

#include "runtime/base/Hash.h"
#include "runtime/base/ParallelFor.h"
#include "runtime/base/Status.h"
#include "runtime/table/TableRange.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace heter::runtime {

class KeyBatch;

/// The pushes of a step to one part of a table; keys are unique within each.
struct PartGradients {
  int part;
  std::span<const RowGradients> pushes;
};

/// Thread-safe: the owned virtual shards are cut into ranges, each with its own lock, index and rows; a batched call
/// takes one range after another. Each row is read and updated whole.
class SparseTable {
public:
  /// Owns the keys of virtual shards [firstShard, endShard). `spec` must outlive the table; see RowArena for
  /// `background`, whose tasks may block and do no harm when the table is gone. A table whose policy is tiered keeps
  /// rows in `place`: see tierStatus() for whether it can.
  SparseTable(const TableSpec &spec, uint64_t seed, int firstShard, int endShard, BackgroundRunner background = {},
              const TierPlace &place = {});
  ~SparseTable();

  const TableSpec &spec() const { return spec_; }
  bool ownsAll() const { return firstShard_ == 0 && endShard_ == virtualShards; }
  bool owns(uint64_t key) const {
    const int shard = shardOf(key);
    return shard >= firstShard_ && shard < endShard_;
  }

  /// Copies the values of `keys`, which may repeat, to `out`: dim floats each. Keys without a row, and keys that other
  /// servers own, give their initial value; of a part that wants admission, keys not admitted give zeros. Creates
  /// nothing. Rows that are on disk are added to `onDisk`, with their keys' positions, and their values left out.
  void pull(int part, std::span<const uint64_t> keys, float *out, DiskRows &onDisk) const;
  /// The same for a table without a tier below memory.
  void pull(int part, std::span<const uint64_t> keys, float *out) const;

  // With a tier below memory, what follows may read and write files, and so take its time; the table can be used
  // meanwhile. What fails is in tierStatus() from then on.

  bool isTiered() const { return tier_ != nullptr; }
  RowTier *tier() const { return tier_.get(); }
  /// Ok as long as rows can go to the disk and come back. After an error updates may be missing.
  Status tierStatus() const;
  TierFigures tierFigures() const;
  /// Copies the values of the rows that pull() found on disk to `out`, and has the rows in memory from now on. What has
  /// to leave for them leaves behind this call, if there is a `background`, and within it as far as rows take more than
  /// a sixteenth above their budget.
  Status finishPull(int part, DiskRows &onDisk, float *out);

  /// Sums `pushes` by key in the given order, divides by `divisor` and updates each key once, creating its row if need
  /// be. REQUIRES: owns(key) for every key; keys are unique within a push.
  void update(int part, std::span<const RowGradients> pushes, float divisor, const TableTime &time = {});

  /// A step's updates of several parts in pieces, any of which may run at once with the others: the rows of one range
  /// of virtual shards each.
  class Update {
  public:
    static constexpr int pieces = 16;
    /// `table` and what the spans of `parts` hold outlive it. REQUIRES: as update(); a part at most once.
    Update(SparseTable &table, std::span<const PartGradients> parts, float divisor, const TableTime &time);
    Update(Update &&) noexcept;
    ~Update();
    /// Sorts the keys by range, together with who else calls this at the time. May be left out: who needs them sorted
    /// begins with it.
    void sort() const;
    /// Brings rows that are on disk back to memory, all at once. May be left out. An error: as tierStatus().
    Status prepare() const;
    /// REQUIRES: called once for each of 0 .. pieces - 1.
    void run(int piece) const;

  private:
    struct Work;
    std::unique_ptr<Work> work_;
  };

  /// Evicts what the policy gives up among a slice of the rows: between two calls `time` goes on from `before`, and
  /// over a period all rows have their turn. Virtual shards that have more rows than their part of the memory holds
  /// have theirs at once. Gives the number evicted.
  int64_t shrink(const TableTime &before, const TableTime &time);
  /// The same for all rows at once.
  int64_t shrinkAll(const TableTime &time);
  /// Has rows leave for the tier below memory until those in memory fit there, but of ranges where others are at it.
  void trim();
  /// The same, once what is at it in the background has ended.
  void finishTrim();

  int64_t rowCount() const;
  /// Of keys that are not admitted, among rowCount().
  int64_t shortRowCount() const;
  /// What rows and index take.
  int64_t memoryBytes() const;

  // For looking into a table that is used: rows are read as they are just then, each whole.

  /// Calls `visit` with some hundred rows in no order; `cursor` is 0 for the first ones, then what the call before
  /// gave, until that is 0. A row that is there from the first call to the last is visited once. A cursor that no call
  /// gave is an InvalidArgument. `visit` takes what it needs of a row, and shortly: the rows are locked.
  StatusOr<uint64_t> visitSome(uint64_t cursor, const std::function<void(const RowImage &)> &visit) const;
  /// The same with the row of a key, if the table has one.
  Status visitKey(uint64_t key, const std::function<void(const RowImage &)> &visit) const;

  // For checkpoints; see also TableSnapshot.h.

  /// Calls `visit` with every row, in no order. Stops at the first error. REQUIRES: no snapshot is taken.
  Status visitRows(const std::function<Status(const RowImage &)> &visit) const;
  /// Makes the index ready for about `rows` rows, as if they had come one by one, and has putRows() make memory ready
  /// for them. `parallelFor` spreads the work; empty: it is done here. REQUIRES: there are none yet.
  void reserve(int64_t rows, const ParallelFor &parallelFor = {});
  /// Adds or replaces rows, fastest if neighbours are of one range of shards. Those that have no room in memory leave
  /// it. REQUIRES: owns(key) of each; with a tier, that no snapshot is taken.
  void putRows(std::span<const RowImage> rows);
  void putRow(const RowImage &row) { putRows({&row, 1}); }
  /// Forgets all rows and sets the seed of the initial values. REQUIRES: no other call runs.
  void reset(uint64_t seed);

private:
  friend class TableSnapshot;
  /// Calls `visit` with the rows of `onDisk`.
  static Status visitOnDisk(DiskRows &onDisk, const std::function<void(const RowImage &)> &visit);
  /// How far rows in memory are above their budget.
  enum class Excess { None, Some, Much };
  /// Gives the excess of the worst of the ranges that it touched.
  Excess bringBack(const DiskRows &onDisk);
  /// Has trim() called in the background.
  void trimSoon();
  void updateRange(TableRange &range, int part, std::span<const BatchKey> keys, std::span<const RowGradients> pushes,
                   RowUpdater &updater, const TableTime &time);
  void trimRange(int range);
  void compact(bool shortRows);
  /// Moves rows on disk to other slots; the number that moved.
  size_t moveRows(bool shortRows, std::span<const uint32_t> slots);
  class PullStream;
  class LentBatch;
  static constexpr int rangeCount = Update::pieces;
  int firstShardOfRange(int range) const;
  int64_t evictShards(int first, int end, const TableTime &time);

  const TableSpec &spec_;
  const int firstShard_;
  const int endShard_;
  const BackgroundRunner background_;
  const TierPlace place_;
  TableContext context_;
  std::unique_ptr<RowTier> tier_; ///< Null: there is none. Changes only in reset().
  Status noTier_;                 ///< Why there is none, if there should be one.
  struct Life;
  const std::shared_ptr<Life> life_; ///< Of the table, for tasks that may come when it is gone.
  std::atomic<bool> trimsSoon_{false};
  std::array<std::atomic<bool>, rangeCount> trimming_{};
  std::atomic<bool> compacting_{false};
  std::unique_ptr<RowArena> arena_;
  std::unique_ptr<RowArena> asides_; ///< Of rows that snapshots set aside. Lent to the system between them.
  std::vector<std::unique_ptr<TableRange>> ranges_; ///< The vector changes only in reset(). Null: without shards.
  std::array<uint8_t, virtualShards> rangeOfShard_; ///< rangeCount: not owned.
  std::array<RangeHash, rangeCount> hashes_;

  mutable Mutex idleMutex_;
  /// Kept so that calls do not allocate.
  mutable std::vector<std::unique_ptr<KeyBatch>> idle_ HETER_GUARDED_BY(idleMutex_);
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_SPARSETABLE_H
