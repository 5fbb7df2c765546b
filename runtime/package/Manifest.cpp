// Reads manifest.json through Boost's JSON reader; its exceptions stop here.
#include "runtime/package/Manifest.h"

#include <boost/property_tree/json_parser.hpp>
#include <boost/property_tree/ptree.hpp>
#include <sstream>

namespace heter::runtime {

StatusOr<Manifest> parseManifest(const std::string &text) {
  boost::property_tree::ptree tree;
  try {
    std::istringstream stream(text);
    boost::property_tree::read_json(stream, tree);
  } catch (const std::exception &error) {
    return Status::dataLoss(std::string("is not JSON: ") + error.what());
  }
  auto format = tree.get_optional<int64_t>("format");
  auto hash = tree.get_optional<std::string>("program_hash");
  if (!format || !hash)
    return Status::dataLoss(std::string("has no \"") + (format ? "program_hash" : "format") + "\"");
  return Manifest{*format, *hash};
}

} // namespace heter::runtime
