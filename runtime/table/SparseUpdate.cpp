// Batched updates of one table: a step's pushes ordered by range, and each range's by itself.
#include "runtime/table/SparseTable.h"

#include "runtime/table/KeyBatch.h"
#include "runtime/table/RowUpdater.h"
#include "tests/mutation/Mutation.h"

#include <atomic>
#include <bit>

namespace heter::runtime {

/// A batch on loan from its table.
class SparseTable::LentBatch {
public:
  explicit LentBatch(const SparseTable &table) : table_(&table) {
    MutexLock lock(table.idleMutex_);
    if (!table.idle_.empty()) {
      batch_ = std::move(table.idle_.back());
      table.idle_.pop_back();
    } else {
      batch_ = std::make_unique<KeyBatch>();
    }
  }
  LentBatch(LentBatch &&) noexcept = default;
  LentBatch &operator=(LentBatch &&) noexcept = default;
  ~LentBatch() {
    if (!batch_)
      return;
    MutexLock lock(table_->idleMutex_);
    table_->idle_.push_back(std::move(batch_));
  }
  KeyBatch &operator*() const { return *batch_; }
  KeyBatch *operator->() const { return batch_.get(); }

private:
  const SparseTable *table_;
  std::unique_ptr<KeyBatch> batch_;
};

namespace {
/// Pushes of some keys summed by key, keys in order of first appearance.
class FoldedRows {
public:
  FoldedRows(std::span<const BatchKey> keys, std::span<const RowGradients> pushes, size_t dim, bool counts)
      : pushes_(pushes), dim_(dim), counts_(counts), slots_(std::bit_ceil(keys.size() * 2 + 1), empty) {
    keys_.reserve(keys.size());
    sums_.reserve(keys.size() * dim);
    for (const BatchKey &key : keys)
      add(key);
  }

  std::span<const BatchKey> keys() const { return keys_; }
  /// What the keys' positions are in.
  RowGradients sums() const { return {{}, sums_, countSums_}; }

private:
  static constexpr uint32_t empty = ~uint32_t{0};

  void add(const BatchKey &key) {
    const RowGradients &push = pushes_[key.push];
    const float *gradient = push.gradients.data() + key.position * dim_;
    const size_t mask = slots_.size() - 1;
    size_t at = (key.hash >> 12) & mask;
    while (slots_[at] != empty && (keys_[slots_[at]].key != key.key || HETER_MUTATION("deduplication/folded-keys")))
      at = (at + 1) & mask;
    if (slots_[at] == empty) {
      slots_[at] = static_cast<uint32_t>(keys_.size());
      keys_.push_back({key.key, key.hash, slots_[at], 0});
      sums_.insert(sums_.end(), gradient, gradient + dim_);
      if (counts_)
        countSums_.insert(countSums_.end(), 2, 0.0F);
    } else {
      float *sum = sums_.data() + slots_[at] * dim_;
      for (size_t d = 0; d < dim_; ++d)
        sum[d] += gradient[d];
    }
    if (counts_) {
      const RowGradients::Counts counts = push.countsOf(key.position);
      if (HETER_MUTATION("counts/last-of-a-step"))
        countSums_[2 * slots_[at]] = 0;
      countSums_[2 * slots_[at]] += counts.shows;
      countSums_[2 * slots_[at] + 1] += counts.clicks;
    }
  }

  std::span<const RowGradients> pushes_;
  size_t dim_;
  bool counts_;
  std::vector<BatchKey> keys_;
  std::vector<float> sums_;
  std::vector<float> countSums_; ///< Shows and clicks of each key.
  std::vector<uint32_t> slots_;
};
} // namespace

struct SparseTable::Update::Work {
  struct Part {
    int part;
    std::span<const RowGradients> pushes;
    LentBatch batch;
  };

  SparseTable &table;
  const float divisor;
  const TableTime time;
  std::vector<Part> parts;       ///< The counting part first: it may create and admit the rows that the others update.
  int64_t chunks = 0;            ///< Of all parts' batches, numbered through.
  std::atomic<int64_t> next = 0; ///< The first chunk that nobody has begun to sort.
  SharedMutex mutex{};           ///< Shared by those who sort a chunk, which is too short a time to sleep.
  std::atomic<bool> sorted = false; ///< All are.

  void sort(int64_t chunk) {
    size_t part = 0;
    for (; chunk >= parts[part].batch->chunks(); ++part)
      chunk -= parts[part].batch->chunks();
    parts[part].batch->sort(chunk);
  }
};

SparseTable::Update::Update(SparseTable &table, std::span<const PartGradients> parts, float divisor,
                            const TableTime &time)
    : work_(new Work{table, divisor, time, {}}) {
  for (const PartGradients &part : parts) {
    const bool counts = part.part == table.spec_.countingPart;
    work_->parts.insert(counts ? work_->parts.begin() : work_->parts.end(),
                        Work::Part{part.part, part.pushes, LentBatch(table)});
  }
  for (const Work::Part &part : work_->parts) {
    part.batch->assign(part.pushes, table.rangeOfShard_, table.hashes_);
    work_->chunks += part.batch->chunks();
  }
}
SparseTable::Update::Update(Update &&) noexcept = default;
SparseTable::Update::~Update() = default;

void SparseTable::Update::sort() const {
  if (work_->sorted.load(std::memory_order_acquire))
    return;
  {
    ReaderLock lock(work_->mutex);
    for (int64_t chunk; (chunk = work_->next.fetch_add(1, std::memory_order_relaxed)) < work_->chunks;)
      work_->sort(chunk);
  }
  WriterLock lock(work_->mutex); // those that others are in the middle of
  work_->sorted.store(true, std::memory_order_release);
}

Status SparseTable::Update::prepare() const {
  SparseTable &table = work_->table;
  if (!table.isTiered())
    return {};
  sort();
  DiskRows onDisk(table.tier());
  for (const Work::Part &part : work_->parts)
    for (int r = 0; r < rangeCount; ++r) {
      const TableRange &range = *table.ranges_[static_cast<size_t>(r)];
      ReaderLock lock(range.mutex());
      range.findOnDisk(part.batch->ofRange(r), onDisk);
    }
  if (onDisk.empty())
    return {};
  HETER_RETURN_IF_ERROR(onDisk.read());
  table.bringBack(onDisk);
  return {};
}

void SparseTable::updateRange(TableRange &range, int part, std::span<const BatchKey> keys,
                              std::span<const RowGradients> pushes, RowUpdater &updater, const TableTime &time) {
  DiskRows onDisk(tier_.get());
  {
    WriterLock lock(range.mutex());
    range.update(part, keys, pushes, updater, time, onDisk);
  }
  std::vector<BatchKey> left(keys.begin(), onDisk.empty() ? keys.begin() : keys.end());
  while (!onDisk.empty() && onDisk.read().ok()) { // seldom: they left after they were brought back
    std::vector<BatchKey> these;
    for (const DiskRow &row : onDisk.rows())
      these.push_back(left[row.position]);
    left = std::move(these);
    DiskRows again(tier_.get());
    WriterLock lock(range.mutex());
    for (size_t i = 0; i < onDisk.rows().size(); ++i)
      range.bringBack(onDisk.rows()[i], onDisk.row(i));
    range.update(part, left, pushes, updater, time, again);
    onDisk = std::move(again);
  }
}

void SparseTable::Update::run(int piece) const {
  sort();
  TableRange &range = *work_->table.ranges_[static_cast<size_t>(piece)];
  for (const Work::Part &part : work_->parts) {
    const std::span<const BatchKey> keys = part.batch->ofRange(piece);
    if (keys.empty())
      continue;
    const PartSpec &spec = work_->table.spec_.parts[static_cast<size_t>(part.part)];
    RowUpdater updater(spec, work_->divisor, work_->time.step);
    if (part.pushes.size() == 1) {
      work_->table.updateRange(range, part.part, keys, part.pushes, updater, work_->time);
      continue;
    }
    const bool counts = work_->table.spec_.policy.statistics() > 0;
    const FoldedRows folded(keys, part.pushes, static_cast<size_t>(spec.dim), counts);
    const RowGradients sums = folded.sums();
    work_->table.updateRange(range, part.part, folded.keys(), {&sums, 1}, updater, work_->time);
  }
}

void SparseTable::update(int part, std::span<const RowGradients> pushes, float divisor, const TableTime &time) {
  const PartGradients only{part, pushes};
  const Update update(*this, {&only, 1}, divisor, time);
  if (!update.prepare().ok())
    return;
  static std::atomic<int> threads{0};
  thread_local const int firstPiece = threads++ * 7;
  for (int i = 0; i < Update::pieces; ++i)
    update.run((firstPiece + i) % Update::pieces);
  trim();
}

} // namespace heter::runtime
