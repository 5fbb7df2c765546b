// Rows of a save, coded and sorted one server's share at a time.
#include "runtime/export/SavedRows.h"

#include "runtime/base/Hash.h"
#include "runtime/table/CheckpointFiles.h"
#include "runtime/table/Sharding.h"

#include <algorithm>
#include <cassert>

namespace heter::runtime::exports {

SavedRows::SavedRows(FileSystem &files, const std::string &folder, const checkpoint::Manifest &manifest,
                     const ExportIndex &index)
    : files_(files), folder_(folder), manifest_(manifest), index_(index), tables_(index.tables.size()),
      ofSavedTable_(manifest.schema.tables.size(), -1), held_(index.tables.size()) {
  for (size_t t = 0; t < tables_.size(); ++t)
    for (size_t saved = 0; saved < manifest.schema.tables.size(); ++saved) {
      const TableSpec &spec = manifest.schema.tables[saved];
      if (spec.name != index.tables[t].name)
        continue;
      ofSavedTable_[saved] = static_cast<int>(t);
      for (const ExportSet &set : index.tables[t].sets) {
        std::vector<Slice> &slices = tables_[t].sets.emplace_back();
        for (const ExportPart &wanted : set.parts)
          for (const PartSpec &part : spec.parts)
            if (part.name == wanted.name)
              slices.push_back({static_cast<size_t>(part.offset), static_cast<size_t>(part.dim)});
        tables_[t].ofAdmitted.push_back(set.absentIsZero);
      }
    }
}

Status SavedRows::add(size_t savedTable, const RowImage &row) {
  const int t = ofSavedTable_[savedTable];
  if (t < 0)
    return {};
  const Table &table = tables_[static_cast<size_t>(t)];
  Held &held = held_[static_cast<size_t>(t)];
  const uint64_t at = held.values.size();
  bool stored = false;
  for (size_t s = 0; s < table.sets.size(); ++s) {
    if (table.ofAdmitted[s] && !row.admitted)
      continue;
    stored = true;
    for (const Slice &slice : table.sets[s])
      if (const Status status = encodeValues(index_.coding, row.state.subspan(slice.offset, slice.dim), held.values);
          !status.ok())
        return Status(status.code(), "key " + std::to_string(row.key) + " of table `" +
                                         index_.tables[static_cast<size_t>(t)].name + "`: " + status.message() +
                                         "; export with --rows f32");
  }
  if (stored)
    held.entries.push_back({row.key, at, row.admitted});
  return {};
}

Status SavedRows::loadServer() {
  for (Held &held : held_)
    held = Held();
  HETER_RETURN_IF_ERROR(checkpoint::readRows(files_, folder_, manifest_, server_,
                                             [&](size_t table, const RowImage &row) { return add(table, row); }));
  for (Held &held : held_)
    std::sort(held.entries.begin(), held.entries.end(),
              [](const Entry &a, const Entry &b) { return mixKey(a.key) < mixKey(b.key); });
  return {};
}

Status SavedRows::read(ShardRows &rows) {
  const auto shard = static_cast<int>(rows.shard);
  if (const int owner = ownerOfShard(shard, manifest_.shardCount); owner != server_) {
    assert(owner > server_);
    server_ = owner;
    HETER_RETURN_IF_ERROR(loadServer());
  }
  for (RowSet &set : rows.sets)
    set.clear();
  const ExportTable &table = index_.tables[rows.table];
  Held &held = held_[rows.table];
  for (; held.next < held.entries.size() && shardOf(held.entries[held.next].key) == shard; ++held.next) {
    const Entry &entry = held.entries[held.next];
    size_t at = entry.at;
    for (size_t s = 0; s < table.sets.size(); ++s) {
      if (table.sets[s].absentIsZero && !entry.admitted)
        continue;
      const size_t bytes = table.sets[s].rowBytes(index_.coding);
      rows.sets[s].keys.push_back(entry.key);
      rows.sets[s].values.append(held.values, at, bytes);
      at += bytes;
    }
  }
  return {};
}

} // namespace heter::runtime::exports
