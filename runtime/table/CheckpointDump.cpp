// A saved model as text, ordered by names and keys alone.
#include "runtime/table/Checkpoint.h"
#include "runtime/table/CheckpointFiles.h"
#include "runtime/table/CheckpointManifest.h"
#include "runtime/table/RowText.h"
#include "runtime/table/Sharding.h"

#include <algorithm>
#include <charconv>

namespace heter::runtime {

using namespace checkpoint;

namespace {
/// Gathers text and hands it on in large pieces.
class TextWriter {
public:
  explicit TextWriter(OutputFile &out) : out_(out) {}

  TextWriter &text(std::string_view text) {
    buffer_.append(text);
    return *this;
  }
  template <typename T> TextWriter &number(T value) {
    char digits[64];
    buffer_.push_back(' ');
    buffer_.append(digits, std::to_chars(digits, digits + sizeof(digits), value).ptr);
    return *this;
  }
  TextWriter &numbers(std::span<const float> values) {
    for (float value : values)
      number(value); // the shortest digits that read back as the same float
    return *this;
  }
  Status endLine() {
    buffer_.push_back('\n');
    return buffer_.size() >= rowBlockBytes ? flush() : Status();
  }
  Status flush() {
    const Status status = out_.append(buffer_);
    buffer_.clear();
    return status;
  }

private:
  OutputFile &out_;
  std::string buffer_;
};

/// A parameter with all of its state, put together from blocks.
struct WholeParameter {
  std::vector<std::vector<float>> arrays;  ///< The value, then the slots.
  std::vector<std::vector<float>> scalars; ///< Of each block.
};

struct SavedRow {
  uint64_t key;
  bool admitted;
  size_t at; ///< Where its state begins.
};

struct WholeTable {
  std::vector<SavedRow> rows;
  std::vector<float> states;
};
} // namespace

static StatusOr<std::vector<WholeParameter>> readParameters(FileSystem &files, const std::string &dir,
                                                            const Manifest &manifest) {
  std::vector<WholeParameter> result(manifest.schema.parameters.size());
  for (const ManifestFile &file : manifest.files) {
    if (!file.dense)
      continue;
    HETER_RETURN_IF_ERROR(
        readDense(files, dir, manifest, file, [&](size_t p, int64_t block, std::span<const float> state) {
          const ParameterSpec &spec = manifest.schema.parameters[p];
          WholeParameter &whole = result[p];
          whole.arrays.resize(1 + spec.optimizer.slots.size());
          whole.scalars.resize(static_cast<size_t>((spec.elements + denseBlockElements - 1) / denseBlockElements));
          const int64_t first = block * denseBlockElements;
          const auto count = static_cast<size_t>(std::min(denseBlockElements, spec.elements - first));
          for (std::vector<float> &array : whole.arrays) {
            array.resize(static_cast<size_t>(spec.elements));
            std::copy_n(state.begin(), count, array.begin() + first);
            state = state.subspan(count);
          }
          whole.scalars[static_cast<size_t>(block)].assign(state.begin(), state.end());
          return Status();
        }));
  }
  return result;
}

static Status printParameter(TextWriter &out, const ParameterSpec &spec, const WholeParameter &whole) {
  out.text("parameter ").text(spec.name).text(" shape");
  for (int64_t extent : spec.shape)
    out.number(extent);
  HETER_RETURN_IF_ERROR(out.text(" optimizer ").text(spec.optimizer.name).endLine());
  for (size_t a = 0; a < whole.arrays.size(); ++a)
    for (int64_t first = 0; first < spec.elements; first += dumpValuesPerLine) {
      const auto count = static_cast<size_t>(std::min(dumpValuesPerLine, spec.elements - first));
      out.text(spec.name).text(" ").text(a == 0 ? "value" : spec.optimizer.slots[a - 1]).number(first);
      HETER_RETURN_IF_ERROR(
          out.numbers(std::span(whole.arrays[a]).subspan(static_cast<size_t>(first), count)).endLine());
    }
  for (size_t s = 0; s < spec.optimizer.scalars.size(); ++s)
    for (size_t block = 0; block < whole.scalars.size(); ++block) {
      const float value = whole.scalars[block][s];
      if (block > 0 && value == whole.scalars[0][s])
        continue; // updated together, the blocks of a parameter have one value
      out.text(spec.name).text(" ").text(spec.optimizer.scalars[s]).number(block * denseBlockElements);
      HETER_RETURN_IF_ERROR(out.number(value).endLine());
    }
  return {};
}

static StatusOr<std::vector<WholeTable>> readTables(FileSystem &files, const std::string &dir,
                                                    const Manifest &manifest) {
  std::vector<WholeTable> result(manifest.schema.tables.size());
  for (int32_t server = 0; server < manifest.shardCount; ++server)
    HETER_RETURN_IF_ERROR(readRows(files, dir, manifest, server, [&](size_t t, const RowImage &row) {
      result[t].rows.push_back({row.key, row.admitted, result[t].states.size()});
      result[t].states.insert(result[t].states.end(), row.state.begin(), row.state.end());
      return Status();
    }));
  for (WholeTable &table : result)
    std::sort(table.rows.begin(), table.rows.end(), [](const SavedRow &a, const SavedRow &b) { return a.key < b.key; });
  return result;
}

static Status printRow(TextWriter &out, const TableSpec &spec, const SavedRow &row, const float *floats) {
  std::string line;
  appendRow(line, spec, {row.key, row.admitted, {floats, static_cast<size_t>(spec.floatsOf(!row.admitted))}});
  return out.text(line).endLine();
}

static Status printTable(TextWriter &out, const TableSpec &spec, const WholeTable &whole) {
  out.text("table ").text(spec.name);
  for (const PartSpec &part : spec.parts) {
    if (!part.name.empty())
      out.text(" part ").text(part.name);
    out.text(" dim").number(part.dim).text(" optimizer ").text(part.optimizer.name);
  }
  HETER_RETURN_IF_ERROR(out.text(" rows").number(whole.rows.size()).endLine());
  for (const SavedRow &row : whole.rows)
    HETER_RETURN_IF_ERROR(printRow(out, spec, row, whole.states.data() + row.at));
  return {};
}

/// Positions of a list of specs in the order of their names.
template <typename Spec> static std::vector<size_t> byName(const std::vector<Spec> &specs) {
  std::vector<size_t> order(specs.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return specs[a].name < specs[b].name; });
  return order;
}

Status dumpCheckpoint(FileSystem &files, const std::string &path, OutputFile &out) {
  HETER_ASSIGN_OR_RETURN(const Manifest manifest, readManifest(files, SavePath(path)));
  const std::string dir = SavePath(path).folder;
  TextWriter text(out);
  HETER_RETURN_IF_ERROR(text.text(dumpHeader).endLine());
  HETER_RETURN_IF_ERROR(text.text("model ").text(manifest.schema.model).endLine());
  HETER_RETURN_IF_ERROR(text.text("steps").number(manifest.steps).endLine());
  {
    HETER_ASSIGN_OR_RETURN(const std::vector<WholeParameter> parameters, readParameters(files, dir, manifest));
    for (size_t p : byName(manifest.schema.parameters))
      HETER_RETURN_IF_ERROR(printParameter(text, manifest.schema.parameters[p], parameters[p]));
  }
  HETER_ASSIGN_OR_RETURN(const std::vector<WholeTable> tables, readTables(files, dir, manifest));
  for (size_t t : byName(manifest.schema.tables))
    HETER_RETURN_IF_ERROR(printTable(text, manifest.schema.tables[t], tables[t]));
  return text.flush();
}

} // namespace heter::runtime
