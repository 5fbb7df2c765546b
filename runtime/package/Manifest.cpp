// Reads manifest.json. This is the one file of the room that touches the JSON library.
#include "runtime/package/Manifest.h"

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
  return Manifest{format->get<int64_t>(), hash->get<std::string>()};
}

} // namespace heter::runtime
