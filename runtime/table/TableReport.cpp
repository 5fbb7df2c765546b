// Statistics, rows and differences of tables. Rows are read as they come; only a difference keeps one side's in memory.
#include "runtime/table/TableReport.h"

#include "runtime/table/RowText.h"
#include "runtime/table/TableSource.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace heter::runtime {

using namespace checkpoint;

static constexpr size_t textBlock = size_t{1} << 20;

namespace {
/// The tables of a save.
class SavedTables final : public TableSource {
public:
  SavedTables(FileSystem &files, const std::string &path, Manifest manifest)
      : TableSource(path, "in " + path, std::move(manifest)), files_(files) {}

  Status forEachRow(std::optional<size_t> table, const RowVisitor &visit) override {
    const std::string folder = SavePath(name()).folder;
    for (int32_t server = 0; server < manifest().shardCount; ++server)
      HETER_RETURN_IF_ERROR(readRows(files_, folder, manifest(), server, [&](size_t t, const RowImage &row) {
        return table && *table != t ? Status() : visit(t, row);
      }));
    return {};
  }
  Status forKeys(size_t table, std::span<const uint64_t> keys, const RowVisitor &visit) override {
    const std::unordered_set<uint64_t> wanted(keys.begin(), keys.end());
    return forEachRow(
        table, [&](size_t t, const RowImage &row) { return wanted.contains(row.key) ? visit(t, row) : Status(); });
  }

private:
  FileSystem &files_;
};
} // namespace

StatusOr<std::unique_ptr<TableSource>> openSavedTables(FileSystem &files, const std::string &path) {
  HETER_ASSIGN_OR_RETURN(Manifest manifest, readManifest(files, SavePath(path)));
  return std::unique_ptr<TableSource>(std::make_unique<SavedTables>(files, path, std::move(manifest)));
}

static StatusOr<size_t> findTable(const TableSource &source, const std::string &name) {
  const Manifest &manifest = source.manifest();
  std::string there;
  for (size_t t = 0; t < manifest.schema.tables.size(); ++t) {
    if (manifest.schema.tables[t].name == name)
      return t;
    there += (t == 0 ? "" : ", ") + manifest.schema.tables[t].name;
  }
  return Status::notFound("the model " + source.place() + " has no table `" + name + "`" +
                          (there.empty() ? ": it has none at all" : ": there is " + there));
}

//===--- Statistics -----------------------------------------------------------------------------------------------===//

namespace {
struct PartStats {
  int64_t rows = 0;
  int64_t notFinite = 0; ///< Rows with a value that is no number.
  int64_t zeros = 0;     ///< Rows whose values are all 0.
  double norms = 0;      ///< The sum of the rows' lengths.
  double largest = 0;    ///< The greatest magnitude of a value.
  uint64_t largestKey = 0;

  void add(uint64_t key, std::span<const float> values) {
    double squares = 0;
    ++rows;
    for (float value : values) {
      if (!std::isfinite(value)) {
        ++notFinite;
        return;
      }
      squares += static_cast<double>(value) * static_cast<double>(value);
      if (std::abs(static_cast<double>(value)) > largest) {
        largest = std::abs(static_cast<double>(value));
        largestKey = key;
      }
    }
    zeros += squares == 0 ? 1 : 0;
    norms += std::sqrt(squares);
  }

  void print(std::string &text, const PartSpec &spec) const {
    text.append(spec.name.empty() ? "  values" : "  part " + spec.name).append(": dim");
    appendNumber(text, spec.dim);
    text.append(", ").append(spec.optimizer.name).append(", rows");
    appendNumber(text, rows);
    text.append(", all zero");
    appendNumber(text, zeros);
    if (notFinite > 0) {
      text.append(", not finite");
      appendNumber(text, notFinite);
    }
    if (const int64_t finite = rows - notFinite; finite > 0) {
      text.append(", mean length");
      appendNumber(text, static_cast<float>(norms / static_cast<double>(finite)));
    }
    if (largest > 0) {
      text.append(", largest magnitude");
      appendNumber(text, static_cast<float>(largest));
      text.append(" of key");
      appendNumber(text, largestKey);
    }
    text.push_back('\n');
  }
};

/// How long rows were not pushed to, against the row that was pushed to last.
class UnseenStats {
public:
  void add(uint16_t seen) {
    if (rows_.empty())
      rows_.resize(size_t{1} << 16);
    if (total_++ == 0 || RowPolicy::age(newest_, seen) > 0)
      newest_ = seen;
    ++rows_[seen];
  }

  /// Rows unseen for 0, 1, 2 to 3, 4 to 7 .. periods.
  void print(std::string &text, const RowPolicy &policy) const {
    if (total_ == 0)
      return;
    text.append("  periods of");
    appendNumber(text, policy.period);
    text.append(policy.periodUnit == RowPolicy::Unit::Steps ? " steps" : " seconds").append(" unseen: rows");
    int64_t left = total_;
    for (int first = 0, end = 1; left > 0 && first < (1 << 15); first = end, end = 2 * end) {
      int64_t rows = 0;
      for (int age = first; age < end; ++age)
        rows += rows_[static_cast<uint16_t>(newest_ - age)];
      text.append(first == 0 ? "" : ",");
      appendNumber(text, rows);
      text.append(" for");
      appendNumber(text, first);
      if (end - first > 1) {
        text.append(" to");
        appendNumber(text, end - 1);
      }
      left -= rows;
    }
    text.push_back('\n');
  }

private:
  std::vector<int64_t> rows_; ///< By the period, modulo 2^16.
  int64_t total_ = 0;
  uint16_t newest_ = 0;
};

struct TableStats {
  int64_t rows = 0;
  double shows = 0, clicks = 0;
  UnseenStats unseen;
  int64_t shortRows = 0;
  int64_t bytes = 0;
  std::vector<PartStats> parts;
};
} // namespace

/// What rows were counted by, each when it was pushed to last.
static void printPolicyStats(std::string &text, const TableStats &stats, const RowPolicy &policy) {
  if (policy.statistics() > 0) {
    text.append("  shows");
    appendNumber(text, static_cast<float>(stats.shows));
    if (policy.statistics() > 1) {
      text.append(", clicks");
      appendNumber(text, static_cast<float>(stats.clicks));
    }
    text.push_back('\n');
  }
  stats.unseen.print(text, policy);
}

Status printTableStats(TableSource &source, OutputFile &out) {
  const Manifest &manifest = source.manifest();
  const std::vector<TableSpec> &tables = manifest.schema.tables;
  std::vector<TableStats> stats(tables.size());
  for (size_t t = 0; t < tables.size(); ++t)
    stats[t].parts.resize(tables[t].parts.size());
  HETER_RETURN_IF_ERROR(source.forEachRow({}, [&](size_t t, const RowImage &row) {
    ++stats[t].rows;
    stats[t].shortRows += row.admitted ? 0 : 1;
    const RowPolicy &policy = tables[t].policy;
    if (policy.statistics() > 0)
      stats[t].shows += static_cast<double>(row.state[0]);
    if (policy.statistics() > 1)
      stats[t].clicks += static_cast<double>(row.state[1]);
    if (policy.period > 0)
      stats[t].unseen.add(row.seen);
    stats[t].bytes += static_cast<int64_t>(sizeof(row.key) + row.state.size_bytes());
    for (size_t p = 0; p < tables[t].parts.size(); ++p) {
      const PartSpec &part = tables[t].parts[p];
      if (row.admitted || !part.wantsAdmission)
        stats[t].parts[p].add(row.key,
                              row.state.subspan(static_cast<size_t>(part.offset), static_cast<size_t>(part.dim)));
    }
    return Status();
  }));
  std::string text = "model " + manifest.schema.model + ", steps";
  appendNumber(text, manifest.steps);
  text.push_back('\n');
  for (size_t t = 0; t < tables.size(); ++t) {
    text.append("table ").append(tables[t].name).append(": rows");
    appendNumber(text, stats[t].rows);
    if (stats[t].shortRows > 0) {
      text.append(", not admitted");
      appendNumber(text, stats[t].shortRows);
    }
    text.append(", bytes");
    appendNumber(text, stats[t].bytes);
    text.push_back('\n');
    printPolicyStats(text, stats[t], tables[t].policy);
    for (size_t p = 0; p < tables[t].parts.size(); ++p)
      stats[t].parts[p].print(text, tables[t].parts[p]);
  }
  return out.append(text);
}

//===--- Rows -----------------------------------------------------------------------------------------------------===//

Status printTableRows(TableSource &source, const std::string &table, std::span<const uint64_t> keys, OutputFile &out) {
  HETER_ASSIGN_OR_RETURN(const size_t wanted, findTable(source, table));
  std::unordered_map<uint64_t, std::string> lines;
  HETER_RETURN_IF_ERROR(source.forKeys(wanted, keys, [&](size_t t, const RowImage &row) {
    lines[row.key].clear(); // a key may be asked for twice
    appendRow(lines[row.key], source.manifest().schema.tables[t], row);
    return Status();
  }));
  std::string text;
  for (uint64_t key : keys) {
    if (lines[key].empty()) {
      text.append(table);
      appendNumber(text, key);
      text.append(" has no row: it reads as its first value\n");
    } else
      text.append(lines[key]).push_back('\n');
  }
  return out.append(text);
}

Status printTable(TableSource &source, const std::string &table, OutputFile &out) {
  HETER_ASSIGN_OR_RETURN(const size_t wanted, findTable(source, table));
  std::string text;
  HETER_RETURN_IF_ERROR(source.forEachRow(wanted, [&](size_t t, const RowImage &row) {
    appendRow(text, source.manifest().schema.tables[t], row);
    text.push_back('\n');
    if (text.size() < textBlock)
      return Status();
    Status status = out.append(text);
    text.clear();
    return status;
  }));
  return text.empty() ? Status() : out.append(text);
}

//===--- Differences ----------------------------------------------------------------------------------------------===//

namespace {
/// The rows of one table of one save.
struct KeptRows {
  struct Kept {
    bool admitted;
    size_t begin; ///< In `floats`.
    size_t count;
  };
  std::unordered_map<uint64_t, Kept> rows;
  std::vector<float> floats;
};

struct TableDiff {
  int64_t onlyAfter = 0;
  int64_t equal = 0;
  int64_t differ = 0;
  double most = 0;
  uint64_t mostKey = 0;

  void add(KeptRows &before, const RowImage &row) {
    const auto kept = before.rows.find(row.key);
    if (kept == before.rows.end()) {
      ++onlyAfter;
      return;
    }
    const float *old = before.floats.data() + kept->second.begin;
    const bool same = kept->second.admitted == row.admitted &&
                      std::equal(row.state.begin(), row.state.end(), old, old + kept->second.count);
    ++(same ? equal : differ);
    for (size_t i = 0; i < std::min(row.state.size(), kept->second.count); ++i)
      if (const double distance = std::abs(static_cast<double>(row.state[i]) - static_cast<double>(old[i]));
          distance > most) {
        most = distance;
        mostKey = row.key;
      }
    before.rows.erase(kept);
  }

  void print(std::string &text, const std::string &table, int64_t onlyBefore) const {
    text.append("table ").append(table).append(": equal");
    appendNumber(text, equal);
    text.append(", differ");
    appendNumber(text, differ);
    text.append(", only in the first");
    appendNumber(text, onlyBefore);
    text.append(", only in the second");
    appendNumber(text, onlyAfter);
    if (most > 0) {
      text.append(", most apart");
      appendNumber(text, static_cast<float>(most));
      text.append(" at key");
      appendNumber(text, mostKey);
    }
    text.push_back('\n');
  }
};
} // namespace

Status printTableDiff(TableSource &before, TableSource &after, OutputFile &out, bool &equal) {
  const Manifest &first = before.manifest(), &second = after.manifest();
  HETER_RETURN_IF_ERROR(
      checkSameSchema(first.schema, second.schema).withContext(before.name() + " beside " + after.name()));
  std::vector<KeptRows> kept(first.schema.tables.size());
  HETER_RETURN_IF_ERROR(before.forEachRow({}, [&](size_t t, const RowImage &row) {
    kept[t].rows[row.key] = {row.admitted, kept[t].floats.size(), row.state.size()};
    kept[t].floats.insert(kept[t].floats.end(), row.state.begin(), row.state.end());
    return Status();
  }));
  std::vector<size_t> placeInFirst;
  for (const TableSpec &table : second.schema.tables) {
    HETER_ASSIGN_OR_RETURN(const size_t place, findTable(before, table.name));
    placeInFirst.push_back(place);
  }
  std::vector<TableDiff> diffs(kept.size());
  HETER_RETURN_IF_ERROR(after.forEachRow({}, [&](size_t t, const RowImage &row) {
    diffs[placeInFirst[t]].add(kept[placeInFirst[t]], row);
    return Status();
  }));
  std::string text;
  equal = true;
  for (size_t t = 0; t < diffs.size(); ++t) {
    diffs[t].print(text, first.schema.tables[t].name, static_cast<int64_t>(kept[t].rows.size()));
    equal = equal && diffs[t].differ == 0 && diffs[t].onlyAfter == 0 && kept[t].rows.empty();
  }
  return out.append(text);
}

} // namespace heter::runtime
