// Slot files, and reads of many rows at once.
#include "runtime/table/RowTier.h"

#include "runtime/table/RowStore.h"

#include <utility>

namespace heter::runtime {

StatusOr<std::unique_ptr<RowTier>> RowTier::create(const TierPlace &place, const TableSpec &spec,
                                                   BackgroundRunner background) {
  if (!place.files)
    return Status::invalidArgument("table `" + spec.name +
                                   "` says `beyond: ssd`, and there is no folder for the rows below memory");
  std::unique_ptr<RowTier> tier(new RowTier(spec));
  for (const bool isShort : {false, true}) {
    if (isShort && spec.policy.admitsAll())
      continue;
    SlotFileOptions options;
    options.folder = place.folder;
    options.name = spec.name + (isShort ? ".short-rows" : ".rows");
    options.slotBytes = tier->rowBytes(isShort);
    options.segmentBytes = place.segmentBytes;
    options.background = background;
    HETER_ASSIGN_OR_RETURN(tier->files_[isShort], SlotFile::create(*place.files, std::move(options)));
  }
  return tier;
}

void TierFigures::add(const TierFigures &other) {
  rowsInMemory += other.rowsInMemory;
  rowsOnDisk += other.rowsOnDisk;
  keysPulled += other.keysPulled;
  keysOnDisk += other.keysOnDisk;
  blocksRead += other.blocksRead;
  bytesWritten += other.bytesWritten;
}

size_t RowTier::rowBytes(bool isShort) const {
  return Row::headerBytes + static_cast<size_t>(spec_.floatsOf(isShort)) * sizeof(float);
}

StatusOr<uint32_t> RowTier::append(bool isShort, const char *row) {
  HETER_RETURN_IF_ERROR(status());
  StatusOr<uint32_t> slot = files_[isShort]->append({row, rowBytes(isShort)});
  return slot.ok() ? slot : StatusOr<uint32_t>(fail(slot.status()));
}

Status RowTier::read(DiskRows &rows) {
  size_t bytes = 0;
  rows.begins_.clear();
  for (const DiskRow &row : rows.rows_) {
    rows.begins_.push_back(bytes);
    bytes += rowBytes(row.isShort);
  }
  rows.bytes_.resize(bytes);
  for (const bool isShort : {false, true}) {
    std::vector<SlotFile::Read> reads;
    for (size_t i = 0; i < rows.rows_.size(); ++i)
      if (rows.rows_[i].isShort == isShort)
        reads.push_back({rows.rows_[i].slot, rows.bytes_.data() + rows.begins_[i]});
    if (reads.empty())
      continue;
    if (Status status = files_[isShort]->read(reads); !status.ok())
      return fail(std::move(status));
  }
  for (size_t i = 0; i < rows.rows_.size(); ++i)
    if (rows.row(i).key() != rows.rows_[i].key)
      return fail(Status::dataLoss(files_[rows.rows_[i].isShort]->name() + " has the row of another key in slot " +
                                   std::to_string(rows.rows_[i].slot)));
  return {};
}

Status RowTier::status() const {
  if (!failed_.load(std::memory_order_acquire))
    return {};
  MutexLock lock(mutex_);
  return status_;
}

Status RowTier::fail(Status why) {
  MutexLock lock(mutex_);
  if (status_.ok())
    status_ = std::move(why).withContext("table `" + spec_.name + "`");
  failed_.store(true, std::memory_order_release);
  return status_;
}

void RowTier::addFigures(TierFigures &figures) const {
  figures.keysPulled += keysPulled_.load(std::memory_order_relaxed);
  figures.keysOnDisk += keysOnDisk_.load(std::memory_order_relaxed);
  for (const std::unique_ptr<SlotFile> &file : files_) {
    if (!file)
      continue;
    const SlotFile::Counts counts = file->counts();
    figures.blocksRead += counts.blocksRead;
    figures.bytesWritten += counts.bytesWritten;
  }
}

void DiskRows::add(const DiskRow &row) {
  if (pins_.empty())
    for (const bool isShort : {false, true})
      if (const SlotFile *file = tier_->file(isShort))
        pins_.push_back(file->pin());
  rows_.push_back(row);
}

void DiskRows::clear() {
  rows_.clear();
  pins_.clear();
}

void DiskRows::append(DiskRows &&other, uint32_t first) {
  for (const DiskRow &row : other.rows_)
    rows_.emplace_back(row).position += first;
  for (SlotFile::Pin &pin : other.pins_)
    pins_.push_back(std::move(pin));
  other.clear();
}

} // namespace heter::runtime
