// An export, or a delta, whose checksums are always right: the index, then blocks without their checksums. What loads
// is patched with nothing to an export that loads and predicts the same.
#include "runtime/base/Hash.h"
#include "runtime/base/Log.h"
#include "runtime/export/Crc.h"
#include "runtime/export/ExportFile.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/fuzz/PartsMutator.h"
#include "tests/runtime/export/ExportTesting.h"

#include <cstring>

namespace heter::fuzz {

using namespace runtime;
using namespace runtime::test;

namespace {

uint32_t numberAt(const std::string &bytes, size_t at) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <typename T> void add(std::string &bytes, T value) {
  bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
}

uint64_t padded(uint64_t bytes) { return (bytes + exports::padding - 1) / exports::padding * exports::padding; }

/// The index of a good export and its blocks, without their checksums.
std::vector<std::string> partsOf(const std::string &file, const exports::ExportIndex &index) {
  size_t at = exports::headBytes + numberAt(file, 12);
  std::vector<std::string> parts = {file.substr(exports::headBytes, at - exports::headBytes)};
  const auto take = [&](uint64_t bytes) {
    parts.push_back(file.substr(at + 4, exports::blockHeadBytes - 4 + bytes));
    at += exports::blockHeadBytes + bytes;
  };
  for (const exports::ExportParameter &parameter : index.parameters)
    take(padded(static_cast<uint64_t>(parameter.elements) * sizeof(float)));
  const size_t end = file.size() - exports::trailerBytes - index.tables.size() * size_t{virtualShards} * 8;
  while (at < end) {
    const exports::ExportTable &table = index.tables[numberAt(file, at + 8)];
    uint64_t bytes = 0;
    for (size_t s = 0; s < table.sets.size(); ++s) {
      const uint64_t keys = numberAt(file, at + 12 + 4 * s), removed = numberAt(file, at + 20 + 4 * s);
      bytes += 8 * (keys + removed) + padded(keys * table.sets[s].rowBytes(index.coding));
    }
    take(bytes);
  }
  return parts;
}

/// The file of some parts, its directory made for the index's tables as far as that is understood.
std::string fileOf(const std::vector<std::string> &parts) {
  std::string text = parts.empty() ? "" : parts[0];
  text.resize((exports::headBytes + text.size() + exports::alignment - 1) / exports::alignment * exports::alignment -
                  exports::headBytes,
              ' ');
  const StatusOr<exports::ExportIndex> index = exports::parseIndex(text);
  const size_t tables = index.ok() ? std::min<size_t>(index->tables.size(), 16) : 0;
  const size_t parameters = index.ok() ? index->parameters.size() : 0;
  std::vector<uint64_t> directory(tables * size_t{virtualShards});
  std::string file(exports::magic);
  add(file, exports::formatVersion);
  add(file, static_cast<uint32_t>(text.size()));
  add(file, exports::crcOf(text));
  file += text;
  for (size_t p = 1; p < parts.size(); ++p) {
    const bool rows = p > parameters && parts[p].size() >= 8;
    if (rows && numberAt(parts[p], 0) < virtualShards && numberAt(parts[p], 4) < tables)
      directory[numberAt(parts[p], 4) * size_t{virtualShards} + numberAt(parts[p], 0)] = file.size();
    add(file, exports::crcOf(parts[p]));
    file += parts[p];
  }
  std::string end;
  for (const uint64_t offset : directory)
    add(end, offset);
  add(end, exports::crcOf(end));
  file += end;
  add(file, exports::crcOf(file));
  return file;
}

Seed seedOf(const std::string &name, FaultyFileSystem &files, const std::string &path, bool valid) {
  const auto reader = exports::ExportReader::open(files, path);
  check(reader.ok(), "a seed is not read");
  return {name, join(partsOf(files.contents().at(path), (*reader)->index())), valid};
}

} // namespace

bool mutateStructure(std::vector<std::string> &parts, std::minstd_rand &random) {
  // A count or number in the head of a block becomes another.
  if (parts.size() < 2)
    return false;
  std::string &block = parts[1 + random() % (parts.size() - 1)];
  const size_t at = 4 * (random() % 7);
  if (block.size() < at + 4)
    return false;
  constexpr uint32_t numbers[] = {0, 1, 2, 3, 4, 4095, 4096, 65536, 0x7fffffff, 0xffffffff};
  const uint32_t number = numbers[random() % std::size(numbers)];
  std::memcpy(block.data() + at, &number, sizeof number);
  return true;
}

std::vector<Seed> seeds() {
  FaultyFileSystem files;
  TestCluster cluster(exportModelInfo(), 1);
  trainKeys(cluster, 0, 3);
  save(files, cluster, "first");
  trainKeys(cluster, 2, 5);
  save(files, cluster, "second");
  exportTo(files, "second", "whole");
  exportTo(files, "second", "small", "", exports::RowCoding::Int8);
  exportTo(files, "second", "delta", "first");
  return {seedOf("whole", files, "whole", true), seedOf("int8", files, "small", true),
          seedOf("delta", files, "delta", false)};
}

bool accepts(std::string_view input) {
  setLogSink([](LogLevel, std::string_view) {});
  FaultyFileSystem files;
  files.setContents({{"in", fileOf(split(input))}});
  TestCluster one(exportModelInfo(), 1), half(exportModelInfo(), 2);
  (void)loadForPrediction(files, half.store(0), allNeeds(), "in");
  (void)applyDeltas(files, "in", {"in"}, "twice");
  const Status status = loadForPrediction(files, one.store(0), allNeeds(), "in");
  if (!status.ok()) {
    check(!status.message().empty(), "an error without words");
    return false;
  }
  check(applyDeltas(files, "in", {}, "again").ok(), "an export that loads is not copied");
  TestCluster again(exportModelInfo(), 1);
  check(loadForPrediction(files, again.store(0), allNeeds(), "again").ok(), "a copy does not load");
  check(bitEqual(predicted(one, 10), predicted(again, 10)), "a copy predicts something else");
  return true;
}

} // namespace heter::fuzz
