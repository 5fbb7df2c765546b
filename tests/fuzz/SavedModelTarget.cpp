// A saved model whose checksums are always right: the manifest, then the files' blocks, each file's ended by an empty
// part. What can be printed is loaded by one server and by two; what can be loaded is saved again and prints the same.
#include "runtime/base/Hash.h"
#include "runtime/base/Log.h"
#include "runtime/table/Checkpoint.h"
#include "runtime/table/CheckpointFormat.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/fuzz/PartsMutator.h"
#include "tests/runtime/table/FaultyFileSystem.h"
#include "tests/runtime/table/TestModel.h"

#include <nlohmann/json.hpp>

#include <cstring>

namespace heter::fuzz {

using namespace runtime;
using namespace runtime::test;
using Json = nlohmann::ordered_json;

namespace {

package::PackageInfo smallModel() {
  package::PackageInfo info;
  info.model = "small";
  info.mode = "local";
  info.seed = 42;
  info.tables = {
      makeTable("emb", {makePart("", 2, "uniform", 0.01, adagrad())}),
      makeTable("fm", {makePart("weight", 1, "zeros", 0, sgd()), makePart("vector", 2, "uniform", 0.5, adam())})};
  info.parameters = {makeParameter("w", {2, 3}, "uniform", 0.1, adam()), makeParameter("b", {}, "zeros", 0, sgd())};
  return info;
}

/// Rows and dense values of a few steps, saved by `servers` servers.
std::map<std::string, std::string> savedBy(int servers) {
  package::PackageInfo info = smallModel();
  TestCluster cluster(info, servers);
  for (int64_t step = 0; step < 2; ++step) {
    cluster.pushRows({0, step, 0, 0}, 4, 0, {3, 70000, 5000000000}, {1, 2, 3, 4, 5, 6});
    cluster.pushRows({0, step, 0, 1}, 4, 1, {9}, {0.5f});
    cluster.pushRows({0, step, 0, 2}, 4, 2, {9}, {1, -1});
    cluster.pushDense({0, step, 0, 3}, 4, 0, {1, 2, 3, 4, 5, 6});
    cluster.pushDense({0, step, 0, 4}, 4, 1, {2});
    cluster.closeStep(step, {0}, 4);
  }
  FaultyFileSystem files;
  std::vector<ShardInfo> shards;
  for (int server = 0; server < servers; ++server) {
    auto shard = writeShard(files, cluster.store(server), "save", 1);
    check(shard.ok(), shard.status().message());
    shards.push_back(*shard);
  }
  check(commitManifest(files, "save", info, 1, shards).ok(), "the seed is not committed");
  return files.contents();
}

/// The blocks of a data file, without the empty one that ends it.
std::vector<std::string> blocksOf(const std::string &bytes) {
  std::vector<std::string> blocks;
  for (size_t at = 0; at < bytes.size();) {
    uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    at += checkpoint::lengthBytes;
    if (length > 0)
      blocks.push_back(bytes.substr(at, length));
    at += length + checkpoint::checksumBytes;
  }
  return blocks;
}

std::string partsOf(const std::map<std::string, std::string> &files) {
  const std::string &manifest = files.at("save/manifest.json");
  Json json = Json::parse(manifest);
  std::vector<std::string> parts = {manifest.substr(0, manifest.find(checkpoint::manifestChecksumOpen))};
  for (const Json &file : json.at("files")) {
    for (std::string &block : blocksOf(files.at("save/" + file.at("name").get<std::string>())))
      parts.push_back(std::move(block));
    parts.emplace_back();
  }
  return join(parts);
}

std::string hex(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

/// The file of the parts from `at` to the next empty one, which `at` is left behind of.
std::string fileOf(const std::vector<std::string> &parts, size_t &at, uint64_t &checksum) {
  std::string bytes;
  checksum = 0;
  for (bool more = true; more; ++at) {
    std::string block = at < parts.size() ? parts[at] : "";
    more = !block.empty();
    auto length = static_cast<uint32_t>(block.size());
    checksum = hashBytes(block, checksum);
    bytes.append(reinterpret_cast<const char *>(&length), sizeof length).append(block);
    bytes.append(reinterpret_cast<const char *>(&checksum), sizeof checksum);
  }
  return bytes;
}

std::map<std::string, std::string> filesOf(const std::vector<std::string> &parts) {
  std::map<std::string, std::string> files;
  std::string text = parts.empty() ? "" : parts[0];
  Json json = Json::parse(text + "\n}", nullptr, /*allow_exceptions=*/false);
  if (json.is_object() && json.contains("files") && json["files"].is_array()) {
    size_t at = 1;
    for (Json &entry : json["files"]) {
      if (!entry.is_object() || !entry.contains("name") || !entry["name"].is_string())
        continue;
      uint64_t checksum = 0;
      std::string bytes = fileOf(parts, at, checksum);
      entry["bytes"] = bytes.size();
      entry["checksum"] = hex(checksum);
      files["save/" + entry["name"].get<std::string>()] = std::move(bytes);
    }
    text = json.dump(2, ' ', false, Json::error_handler_t::replace);
    text.resize(text.size() - 2);
  }
  uint64_t checksum = hashBytes(text);
  files["save/manifest.json"] =
      text.append(checkpoint::manifestChecksumOpen).append(hex(checksum)).append(checkpoint::manifestChecksumClose);
  return files;
}

/// The text of a save, or nothing if it cannot be printed.
std::optional<std::string> dump(FaultyFileSystem &files, const std::string &folder) {
  auto out = files.openForWrite("dump");
  Status status = dumpCheckpoint(files, folder, **out);
  if (!status.ok()) {
    check(!status.message().empty(), "an error without words");
    return std::nullopt;
  }
  return files.contents()["dump"];
}

} // namespace

bool mutateStructure(std::vector<std::string> &parts, std::minstd_rand &random) {
  // A number of the manifest becomes another: the blocks are plain numbers that bytes reach.
  std::string &text = parts[0];
  std::vector<size_t> digits;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] >= '0' && text[i] <= '9' && (i == 0 || text[i - 1] < '0' || text[i - 1] > '9'))
      digits.push_back(i);
  if (digits.empty())
    return false;
  constexpr const char *numbers[] = {"0",  "1",   "2",     "3",          "-1",         "4",
                                     "64", "128", "65537", "4294967296", "2147483647", "9223372036854775807"};
  size_t at = digits[random() % digits.size()];
  size_t end = text.find_first_not_of("0123456789", at);
  text.replace(at, (end == std::string::npos ? text.size() : end) - at, numbers[random() % std::size(numbers)]);
  return true;
}

std::vector<Seed> seeds() { return {{"one-server", partsOf(savedBy(1))}, {"three-servers", partsOf(savedBy(3))}}; }

bool accepts(std::string_view input) {
  setLogSink([](LogLevel, std::string_view) {});
  FaultyFileSystem files;
  files.setContents(filesOf(split(input)));
  std::optional<std::string> text = dump(files, "save");
  static const package::PackageInfo info = smallModel();
  auto whole = makeStore(info), half = makeStore(info, 1, 2);
  bool loaded = loadInto(files, *whole, "save").ok();
  (void)loadInto(files, *half, "save");
  if (!loaded)
    return false;
  check(text.has_value(), "a save that loads does not print");
  check(saveCheckpoint(files, *whole, "again").ok(), "a loaded model cannot be saved");
  std::optional<std::string> again = dump(files, "again");
  check(again == text, "a loaded model is saved as another");
  return true;
}

} // namespace heter::fuzz
