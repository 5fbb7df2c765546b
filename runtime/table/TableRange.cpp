// What rows of a range go through.
#include "runtime/table/TableRange.h"

#include "runtime/base/Random.h"
#include "runtime/table/RowFinder.h"
#include "tests/mutation/Mutation.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace heter::runtime {

namespace {
size_t bytesUpTo(int64_t floats) { return Row::headerBytes + static_cast<size_t>(floats) * sizeof(float); }
} // namespace

//===--- New rows -------------------------------------------------------------------------------------------------===//

void TableContext::setSeed(uint64_t seed) {
  seedKeys.clear();
  for (const PartSpec &part : spec.parts)
    seedKeys.push_back(philoxKey(seed, part.seedName));
  admissionKey = philoxKey(seed, spec.name + " admission");
}

void TableContext::initializePart(size_t part, Row row) const {
  const PartSpec &partSpec = spec.parts[part];
  float *state = row.floats() + partSpec.offset;
  partSpec.init.fill(state, partSpec.dim, seedKeys[part], row.key(), 0);
  state += partSpec.dim;
  for (float init : partSpec.optimizer.slotInit)
    state = std::fill_n(state, partSpec.dim, init);
  std::copy(partSpec.optimizer.scalarInit.begin(), partSpec.optimizer.scalarInit.end(), state);
}

void TableContext::initialize(Row row, bool isShort) const {
  std::fill_n(row.floats(), spec.policy.statistics(), 0.0F);
  for (size_t part = 0; part < spec.parts.size(); ++part)
    if (!isShort || !spec.parts[part].wantsAdmission)
      initializePart(part, row);
}

TableRange::TableRange(const TableContext &context, RowArena &arena, RowArena &asides, RangeHash hash, RowTier *tier,
                       int shards)
    : context_(context), spec_(context.spec),
      rows_(arena, spec_.rowFloats, spec_.shortFloats, spec_.policy.evictsByScore ? spec_.policy.statistics() : 0),
      index_(arena, hash), memoryOfShard_(spec_.policy.memoryToKeep() / virtualShards), tier_(tier),
      budget_(spec_.policy.memoryBytes / virtualShards * shards), clock_(tier ? new RowClock : nullptr),
      asides_(asides) {
  if (memoryOfShard_ > 0)
    shardBytes_.resize(virtualShards);
}

void TableRange::tally(uint64_t key, uint32_t row, bool comes) {
  if (memoryOfShard_ == 0)
    return;
  const int shard = shardOf(key);
  int64_t &bytes = shardBytes_[static_cast<size_t>(shard)];
  const int64_t before = bytes;
  bytes += (comes ? 1 : -1) * spec_.rowMemory(RowStore::isShort(row));
  if (before <= memoryOfShard_ && bytes > memoryOfShard_)
    overfull_.push_back(shard);
}

uint32_t TableRange::addRow(uint64_t key, bool isShort, uint8_t uses) {
  const uint32_t row = rows_.add(key, isShort);
  if (clock_)
    clock_->add(row, uses);
  return row;
}

void TableRange::removeRow(uint32_t row) {
  if (RowStore::isOnDisk(row)) {
    noteMove(row);
    tier_->free(RowStore::isShort(row), rows_.slot(row));
  } else if (clock_) {
    clock_->remove(row);
  }
  rows_.remove(row);
}

uint32_t TableRange::create(const BatchKey &key, bool isShort) {
  const uint32_t row = addRow(key.key, isShort);
  context_.initialize(rows_.at(row), isShort);
  rows_.at(row).setEpoch(epoch_);
  index_.insert(key.hash, row, rows_);
  tally(key.key, row, true);
  return row;
}

uint32_t TableRange::admit(const BatchKey &key, uint32_t row) {
  const Row from = rows_.at(row);
  const uint32_t whole = addRow(key.key, false);
  Row to = rows_.at(whole);
  std::copy_n(from.floats(), spec_.shortFloats, to.floats());
  for (size_t part = 0; part < spec_.parts.size(); ++part)
    if (spec_.parts[part].wantsAdmission)
      context_.initializePart(part, to);
  to.setEpoch(from.epoch());
  to.setSeen(from.seen());
  index_.replace(key.hash, row, whole);
  tally(key.key, row, false);
  tally(key.key, whole, true);
  removeRow(row);
  return whole;
}

uint32_t TableRange::createCounted(const BatchKey &key, const TableTime &time) {
  const RowPolicy &policy = spec_.policy;
  const bool drawn = policy.admission != RowPolicy::Admission::Probability ||
                     policy.admits(key.key, nullptr, time.step, context_.admissionKey);
  if (!drawn && spec_.shortFloats == 0)
    return RowIndex::none;
  const uint32_t row = create(key, !drawn || (!policy.admitsAll() && policy.statistics() > 0));
  rows_.at(row).setSeen(policy.periodOf(time));
  return row;
}

inline void TableRange::count(Row at, RowGradients::Counts counts, uint16_t period) {
  const RowPolicy &policy = spec_.policy;
  if (policy.statistics() > 0) {
    if (const uint16_t seen = at.seen(); seen != period && !HETER_MUTATION("counts/no-decay"))
      policy.age(at.floats(), RowPolicy::age(seen, period));
    at.floats()[0] += HETER_MUTATION("counts/shown-twice") ? 2 * counts.shows : counts.shows;
    if (policy.scored)
      at.floats()[1] += counts.clicks;
  }
  at.setSeen(period);
}

//===--- Pulls and updates ----------------------------------------------------------------------------------------===//

void TableRange::update(int part, std::span<const BatchKey> keys, std::span<const RowGradients> pushes,
                        RowUpdater &updater, const TableTime &time, DiskRows &onDisk) {
  const PartSpec &spec = spec_.parts[static_cast<size_t>(part)];
  const auto dim = static_cast<size_t>(spec.dim);
  const bool counts = part == spec_.countingPart;
  const uint16_t period = spec_.policy.periodOf(time);
  RowFinder finder(index_, rows_, keys, bytesUpTo(spec.offset + spec.stateFloats));
  finder.forEach([&](uint32_t i, uint32_t row, Row at) HETER_REQUIRES(mutex_) {
    const BatchKey &key = keys[i];
    if (row == RowIndex::none) {
      if (!counts && spec.wantsAdmission)
        return; // not admitted: the gradient is lost
      row = counts ? createCounted(key, time) : create(key, !spec_.policy.admitsAll());
      if (row == RowIndex::none)
        return;
      at = rows_.at(row);
    } else if (RowStore::isOnDisk(row)) {
      onDisk.add(diskRow(key.hash, row, i));
      return;
    } else if (at.epoch() != epoch_) {
      setAside(key.hash, row);
      at.setEpoch(epoch_);
    }
    const RowGradients &push = pushes[key.push];
    if (counts)
      count(at, push.countsOf(key.position), period);
    if (RowStore::isShort(row)) {
      if (counts && spec_.policy.admits(key.key, at.floats(), time.step, context_.admissionKey))
        at = rows_.at(admit(key, row));
      else if (spec.wantsAdmission)
        return;
    }
    updater.add(at.floats() + spec.offset, push.gradients.data() + key.position * dim);
  });
  updater.flush();
}

void TableRange::put(std::span<const RowImage> images) {
  constexpr size_t ahead = 32; // the buckets of so many keys are brought near: keys come in any order
  std::array<uint64_t, ahead> hashes;
  const auto approach = [&](size_t i) HETER_REQUIRES(mutex_) {
    if (i >= images.size())
      return;
    hashes[i % ahead] = index_.hash()(images[i].key);
    index_.approachToInsert(hashes[i % ahead]);
  };
  for (size_t i = 0; i < ahead; ++i)
    approach(i);
  for (size_t i = 0; i < images.size(); ++i) {
    const uint64_t hash = hashes[i % ahead];
    approach(i + ahead);
    putOne(hash, images[i]);
  }
}

void TableRange::putOne(uint64_t hash, const RowImage &image) {
  assert(static_cast<int64_t>(image.state.size()) == spec_.floatsOf(!image.admitted));
  uint32_t row = index_.find(hash, image.key, rows_);
  if (row == RowIndex::none) {
    row = addRow(image.key, !image.admitted);
    index_.insert(hash, row, rows_);
    tally(image.key, row, true);
  } else {
    assert(!tier_ || !inSnapshot_);
    if (!RowStore::isOnDisk(row))
      markChanged(hash, row);
    if (RowStore::isOnDisk(row) || RowStore::isShort(row) == image.admitted) {
      const uint32_t other = addRow(image.key, !image.admitted);
      index_.replace(hash, row, other);
      tally(image.key, row, false);
      tally(image.key, other, true);
      removeRow(row);
      row = other;
    }
  }
  Row at = rows_.at(row);
  at.setEpoch(epoch_);
  at.setSeen(image.seen);
  std::copy(image.state.begin(), image.state.end(), at.floats());
}

RowImage TableRange::imageOf(uint32_t row) const {
  const Row at = rows_.at(row);
  const bool isShort = RowStore::isShort(row);
  return {at.key(), !isShort, {at.floats(), static_cast<size_t>(spec_.floatsOf(isShort))}, at.seen()};
}

uint64_t TableRange::visitSegment(uint64_t position, const std::function<void(const RowImage &)> &visit,
                                  DiskRows &onDisk) const {
  std::vector<uint32_t> rows;
  index_.segmentRows(position, rows);
  for (uint32_t row : rows)
    if (RowStore::isOnDisk(row))
      onDisk.add(diskRow(0, row, 0));
    else
      visit(imageOf(row));
  return index_.segmentEnd(position);
}

void TableRange::visitRow(uint64_t key, const std::function<void(const RowImage &)> &visit, DiskRows &onDisk) const {
  const uint32_t row = index_.find(index_.hash()(key), key, rows_);
  if (row == RowIndex::none)
    return;
  if (RowStore::isOnDisk(row))
    onDisk.add(diskRow(0, row, 0));
  else
    visit(imageOf(row));
}

//===--- Snapshots ------------------------------------------------------------------------------------------------===//

void TableRange::beginSnapshot(const SlotsOnDisk *apart) {
  assert(!inSnapshot_);
  if (epoch_ == std::numeric_limits<uint16_t>::max())
    beginEpochsAnew();
  inSnapshot_ = true;
  since_ = 0;
  walked_ = 0;
  walkedRows_ = {};
  ++epoch_;
  apart_ = apart;
  for (const Moved &row : std::exchange(movedEarly_, {}))
    if (apart_ && apart_->has(row.isShort, row.slot))
      moved_.emplace(row.key, row);
}

void TableRange::beginEpochsAnew() {
  std::vector<uint32_t> rows;
  for (uint64_t at = 0; at < RowIndex::positions; at = index_.segmentEnd(at)) {
    index_.segmentRows(at, rows);
    for (uint32_t row : rows)
      rows_.at(row).setEpoch(1);
  }
  erased_.clear();
  epoch_ = 1;
}

void TableRange::endSnapshot() {
  inSnapshot_ = false;
  notesMoves_ = false;
  apart_ = nullptr;
  moved_ = {};
  apartRows_ = {};
  asides_.clear();
}

void TableRange::setAside(uint64_t hash, uint32_t row) {
  if (!wantsAside(hash, row))
    return;
  const Row at = rows_.at(row);
  const bool isShort = RowStore::isShort(row);
  asides_.add({at.key(), at.epoch(), at.seen(), !isShort}, {at.floats(), static_cast<size_t>(spec_.floatsOf(isShort))});
}

void TableRange::prefetch(uint32_t row) const {
  RowStore::prefetch(rows_.at(row), bytesUpTo(spec_.floatsOf(RowStore::isShort(row))));
}

bool TableRange::walkMemory(const RowVisit &visit) {
  constexpr uint32_t most = 1024;
  constexpr size_t ahead = 1024; // bytes, beyond what the processor does by itself
  for (const bool isShort : {false, true}) {
    uint32_t &walked = walkedRows_[isShort];
    const uint32_t end = std::min(rows_.endOfNumbers(isShort), walked + most);
    if (walked == end)
      continue;
    for (; walked < end; ++walked) {
      const uint32_t row = RowStore::rowOf(walked, isShort);
      const Row at = rows_.at(row);
      prefetchLine(at.at(ahead));
      if (at.epoch() != epoch_ && at.epoch() > since_) // else it is set aside, new, not wanted or no row any more
        visit(imageOf(row));
    }
    return true;
  }
  return false;
}

bool TableRange::walkIndex(const RowVisit &visit, DiskRows &onDisk) {
  constexpr size_t ahead = 16;
  if (walked_ >= RowIndex::positions)
    return false;
  std::vector<uint32_t> rows;
  index_.segmentRows(walked_, rows);
  for (size_t i = 0; i < std::min(ahead, rows.size()); ++i)
    prefetch(rows[i]);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i + ahead < rows.size())
      prefetch(rows[i + ahead]);
    const uint16_t epoch = rows_.at(rows[i]).epoch();
    if (epoch == epoch_ || epoch <= since_)
      continue;
    if (isApart(rows[i])) {
      if (since_ > 0 && RowStore::isOnDisk(rows[i]) && !moved_.contains(rows_.key(rows[i])))
        apartRows_.push_back(diskRow(0, rows[i], 0));
    } else if (RowStore::isOnDisk(rows[i])) {
      onDisk.add(diskRow(0, rows[i], 0));
    } else {
      visit(imageOf(rows[i]));
    }
  }
  walked_ = index_.segmentEnd(walked_);
  return true;
}

bool TableRange::nextOfSnapshot(uint16_t since, const RowVisit &visit, DiskRows &onDisk) {
  constexpr size_t most = 512;
  since_ = since;
  if (tier_ ? walkIndex(visit, onDisk) : walkMemory(visit))
    return true;
  return asides_.takeSome(most, [&](const SetAsideRows::Entry &row, std::span<const float> state) {
    if (row.epoch > since) // some were set aside before it was known what is wanted
      visit({row.key, row.admitted, state, row.seen});
  });
}

} // namespace heter::runtime
