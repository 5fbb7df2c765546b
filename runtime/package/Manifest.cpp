// Reads manifest.json. This is the one file of the room that touches the JSON library.
#include "runtime/package/Manifest.h"

#include "runtime/package/Package.h"

#include <nlohmann/json.hpp>

namespace heter::runtime {

StatusOr<Manifest> parseManifest(const std::string &text) {
  nlohmann::json root = nlohmann::json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded())
    return Status::dataLoss("is not JSON, or is cut short; compile the model again");
  auto format = root.find("format"), hash = root.find("program_hash");
  if (format == root.end() || !format->is_number_integer())
    return Status::dataLoss("has no number \"format\"");
  if (hash == root.end() || !hash->is_string())
    return Status::dataLoss("has no text \"program_hash\"");
  Manifest manifest{format->get<int64_t>(), hash->get<std::string>(), {}};
  if (auto checksums = root.find("sha256"); checksums != root.end() && checksums->is_object())
    for (const auto &[name, checksum] : checksums->items())
      manifest.checksums[name] = checksum.is_string() ? checksum.get<std::string>() : "";
  return manifest;
}

Status checkFile(const Manifest &manifest, const std::string &folder, const std::string &name,
                 const std::string &bytes) {
  auto known = manifest.checksums.find(name);
  if (known == manifest.checksums.end() || known->second == sha256Hex(bytes))
    return {};
  return Status::dataLoss("`" + folder + "/" + name +
                          "` is not the file that heterc wrote: it was edited, damaged or "
                          "cut short; compile the model again");
}

} // namespace heter::runtime
