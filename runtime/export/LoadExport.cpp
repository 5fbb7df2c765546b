// Loading an export into a parameter store.
#include "runtime/export/Export.h"
#include "runtime/export/ExportFile.h"
#include "runtime/table/Checkpoint.h"
#include "runtime/table/ParameterStore.h"
#include "runtime/table/SparseTable.h"

#include <algorithm>
#include <optional>

namespace heter::runtime {

using namespace exports;

namespace {
/// Turns rows of one table of an export into rows of a table.
class TableLoader {
public:
  TableLoader(const ExportTable &from, RowCoding coding, SparseTable &table)
      : coding_(coding), table_(table), hasAdmission_(false) {
    const TableSpec &spec = table.spec();
    for (const PartSpec &part : spec.parts)
      hasAdmission_ = hasAdmission_ || part.wantsAdmission;
    for (const ExportSet &set : from.sets) {
      Set &own = sets_.emplace_back();
      own.ofAdmitted = set.absentIsZero;
      own.rowBytes = set.rowBytes(coding);
      for (const ExportPart &part : set.parts) {
        const auto found = std::find_if(spec.parts.begin(), spec.parts.end(), [&](const PartSpec &other) {
          return other.name == part.name && other.dim == part.dim;
        });
        own.parts.push_back({found == spec.parts.end() ? nullptr : &*found, static_cast<size_t>(part.dim)});
      }
    }
    begin_.resize(static_cast<size_t>(spec.rowFloats));
    for (const PartSpec &part : spec.parts) {
      float *at = begin_.data() + part.offset + part.dim;
      for (const float init : part.optimizer.slotInit)
        at = std::fill_n(at, part.dim, init);
      std::copy(part.optimizer.scalarInit.begin(), part.optimizer.scalarInit.end(), at);
    }
  }

  /// False if sets do not fit each other.
  bool put(const ShardRows &rows) {
    // Keys of the first set, and beside them those of a second, whose keys are among the first's.
    size_t second = 0;
    for (size_t i = 0; i < rows.sets[0].keys.size(); ++i) {
      const uint64_t key = rows.sets[0].keys[i];
      state_ = begin_;
      take(0, rows.sets[0], i);
      bool admitted = !hasAdmission_ || sets_[0].ofAdmitted;
      if (second < rows.sets[1].keys.size() && rows.sets[1].keys[second] == key) {
        take(1, rows.sets[1], second++);
        admitted = true;
      }
      if (table_.owns(key))
        table_.putRow({key, admitted, std::span(state_).first(static_cast<size_t>(table_.spec().floatsOf(!admitted)))});
    }
    return second == rows.sets[1].keys.size();
  }

private:
  struct Part {
    const PartSpec *spec; ///< Null: the model's predictions do not read it.
    size_t dim;
  };
  struct Set {
    bool ofAdmitted = false;
    size_t rowBytes = 0;
    std::vector<Part> parts;
  };

  void take(size_t set, const RowSet &rows, size_t row) {
    std::string_view bytes = std::string_view(rows.values).substr(row * sets_[set].rowBytes);
    for (const Part &part : sets_[set].parts) {
      const size_t size = codedBytes(coding_, static_cast<int64_t>(part.dim));
      if (part.spec)
        decodeValues(coding_, bytes.substr(0, size),
                     std::span(state_).subspan(static_cast<size_t>(part.spec->offset), part.dim));
      bytes.remove_prefix(size);
    }
  }

  const RowCoding coding_;
  SparseTable &table_;
  bool hasAdmission_;
  std::vector<Set> sets_;
  std::vector<float> begin_; ///< The state of a new row, values left out.
  std::vector<float> state_;
};

/// Sets a parameter to these values, and its average too.
void loadParameter(ParameterStore &store, int parameter, const std::vector<float> &values) {
  const OptimizerSpec &optimizer = store.schema().parameters[static_cast<size_t>(parameter)].optimizer;
  const std::span<const DenseBlock> blocks = store.layout(parameter).blocks();
  std::vector<float> state;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto own =
        std::span(values).subspan(static_cast<size_t>(blocks[i].first), static_cast<size_t>(blocks[i].count));
    state.assign(own.begin(), own.end());
    for (size_t slot = 0; slot < optimizer.slots.size(); ++slot)
      if (static_cast<int>(slot) == optimizer.averaged)
        state.insert(state.end(), own.begin(), own.end());
      else
        state.insert(state.end(), own.size(), optimizer.slotInit[slot]);
    state.insert(state.end(), optimizer.scalarInit.begin(), optimizer.scalarInit.end());
    store.writeDenseState(parameter, static_cast<int64_t>(i), state);
  }
}

Status loadAll(ExportReader &reader, ParameterStore &store) {
  HETER_RETURN_IF_ERROR(reader.readDense([&](size_t p, const std::vector<float> &values) {
    const StatusOr<int> parameter = store.findParameter(reader.index().parameters[p].name);
    if (parameter.ok() && store.layout(*parameter).elements() == static_cast<int64_t>(values.size()))
      loadParameter(store, *parameter, values);
    return Status();
  }));
  std::vector<std::optional<TableLoader>> tables;
  for (const ExportTable &table : reader.index().tables) {
    const StatusOr<int> own = store.findTable(table.name);
    tables.emplace_back();
    if (own.ok())
      tables.back().emplace(table, reader.index().coding, store.table(*own));
  }
  ShardRows rows;
  for (;;) {
    HETER_ASSIGN_OR_RETURN(const bool more, reader.next(rows));
    if (!more)
      return store.tierStatus();
    HETER_RETURN_IF_ERROR(store.tierStatus());
    if (tables[rows.table] && !tables[rows.table]->put(rows))
      return Status::dataLoss(reader.path() + " is malformed: table `" + reader.index().tables[rows.table].name +
                              "` has admitted keys without rows");
  }
}
} // namespace

Status loadForPrediction(FileSystem &files, ParameterStore &store, const PredictionNeeds &needs,
                         const std::string &path) {
  if (!isExport(files, path))
    return loadInto(files, store, path).status();
  HETER_ASSIGN_OR_RETURN(const std::unique_ptr<ExportReader> reader, ExportReader::open(files, path));
  const ExportIndex &index = reader->index();
  if (index.isDelta())
    return Status::failedPrecondition(
        path + " holds only what changed since save " + index.since +
        "; apply it to an export of that with `heter patch`, and predict with the result");
  HETER_RETURN_IF_ERROR(checkFits(index, makeIndex(store.schema(), needs)).withContext(path));
  store.reset(index.seed, index.steps);
  if (Status status = loadAll(*reader, store); !status.ok()) {
    store.reset(index.seed, 0);
    return status;
  }
  return {};
}

} // namespace heter::runtime
