// Reading, checking and making cluster files.
#include "runtime/role/ClusterFile.h"

#include "runtime/base/Suggest.h"
#include "runtime/role/Model.h"
#include "runtime/role/RunOptions.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <set>

namespace heter::runtime {
namespace {

using Json = nlohmann::json;

Status wrong(const std::string &field, const std::string &expected, const Json &found) {
  return Status::invalidArgument("cluster file: '" + field + "' must be " + expected + ", found " + found.dump());
}

/// The port of "HOST:PORT", or -1 if it is none.
int portOf(const std::string &address) {
  size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string::npos)
    return -1;
  const char *end = address.data() + address.size();
  auto [stop, code] = std::from_chars(address.data() + colon + 1, end, port);
  return code == std::errc() && stop == end && port >= 0 && port <= 65535 ? port : -1;
}

StatusOr<std::string> parseAddress(const std::string &field, const Json &value) {
  if (!value.is_string() || portOf(value.get_ref<const std::string &>()) < 0)
    return wrong(field, "an address \"HOST:PORT\" with a port from 0 to 65535", value);
  return value.get<std::string>();
}

StatusOr<std::vector<std::string>> parseAddresses(const std::string &field, const Json &value) {
  if (!value.is_array() || value.empty())
    return wrong(field, "a list of at least one address", value);
  std::vector<std::string> addresses;
  for (const Json &item : value) {
    HETER_ASSIGN_OR_RETURN(std::string address,
                           parseAddress(field + "[" + std::to_string(addresses.size()) + "]", item));
    addresses.push_back(std::move(address));
  }
  return addresses;
}

Status parseField(const std::string &key, const Json &value, ClusterFile &cluster) {
  if (key == "coordinator") {
    HETER_ASSIGN_OR_RETURN(cluster.coordinator, parseAddress(key, value));
  } else if (key == "servers") {
    HETER_ASSIGN_OR_RETURN(cluster.servers, parseAddresses(key, value));
  } else if (key == "cpu-trainers") {
    HETER_ASSIGN_OR_RETURN(cluster.cpuTrainers, parseAddresses(key, value));
  } else if (key == "heter-trainers") {
    if (!value.is_object())
      return wrong(key, "an object of lists by device class", value);
    for (const auto &[deviceClass, addresses] : value.items()) {
      HETER_ASSIGN_OR_RETURN(cluster.heterTrainers[deviceClass], parseAddresses(key + "." + deviceClass, addresses));
    }
  } else {
    std::vector<std::string> known = {"coordinator", "servers", "cpu-trainers", "heter-trainers"};
    std::string mend = didYouMean(key, known);
    return Status::invalidArgument(
        "cluster file: unknown field '" + key + "'" +
        (mend.empty() ? "; there are coordinator, servers, cpu-trainers, heter-trainers" : mend));
  }
  return Status();
}

/// Where a text stops being JSON.
std::string placeOf(const std::string &text, size_t byte) {
  std::string before = text.substr(0, byte > 0 ? byte - 1 : 0);
  size_t lineStart = before.rfind('\n') == std::string::npos ? 0 : before.rfind('\n') + 1;
  return "line " + std::to_string(1 + std::count(before.begin(), before.end(), '\n')) + ", column " +
         std::to_string(before.size() - lineStart + 1);
}

StatusOr<Json> parseJson(const std::string &text) {
  std::vector<std::set<std::string>> open; // the keys so far of each object that has not ended
  std::string repeated;
  const auto see = [&](int, Json::parse_event_t event, Json &value) {
    if (event == Json::parse_event_t::object_start)
      open.emplace_back();
    else if (event == Json::parse_event_t::object_end)
      open.pop_back();
    else if (event == Json::parse_event_t::key && !open.back().insert(value.get<std::string>()).second)
      repeated = value.get<std::string>();
    return true;
  };
  try {
    Json root = Json::parse(text, see);
    if (!repeated.empty())
      return Status::invalidArgument("cluster file: '" + repeated + "' is there twice; put all its addresses into one");
    return root;
  } catch (const Json::parse_error &error) {
    return Status::invalidArgument("cluster file: not valid JSON from " + placeOf(text, error.byte) + " on");
  } catch (const Json::out_of_range &) {
    return Status::invalidArgument("cluster file: holds a number that is too large");
  }
}

/// Two roles that listen at one address: the second would fail to.
Status checkDistinct(const ClusterFile &cluster) {
  std::map<std::string, std::string> owners;
  auto claim = [&](const std::string &field, const std::string &address) {
    if (portOf(address) == 0)
      return Status();
    auto [other, fresh] = owners.emplace(address, field);
    return fresh ? Status()
                 : Status::invalidArgument("cluster file: '" + other->second + "' and '" + field +
                                           "' have the same address " + address);
  };
  auto claimAll = [&](const std::string &field, const std::vector<std::string> &addresses) {
    for (size_t i = 0; i < addresses.size(); ++i)
      HETER_RETURN_IF_ERROR(claim(field + "[" + std::to_string(i) + "]", addresses[i]));
    return Status();
  };
  HETER_RETURN_IF_ERROR(claim("coordinator", cluster.coordinator));
  HETER_RETURN_IF_ERROR(claimAll("servers", cluster.servers));
  for (const auto &[deviceClass, addresses] : cluster.heterTrainers)
    HETER_RETURN_IF_ERROR(claimAll("heter-trainers." + deviceClass, addresses));
  return Status();
}

} // namespace

StatusOr<ClusterFile> parseClusterFile(const std::string &text) {
  HETER_ASSIGN_OR_RETURN(Json root, parseJson(text));
  if (!root.is_object())
    return Status::invalidArgument("cluster file: must be an object, as in {\"coordinator\": \"HOST:PORT\", ...}");
  ClusterFile cluster;
  for (const auto &[key, value] : root.items())
    HETER_RETURN_IF_ERROR(parseField(key, value, cluster));
  for (const auto &[field, empty] :
       {std::pair("coordinator", cluster.coordinator.empty()), std::pair("servers", cluster.servers.empty()),
        std::pair("cpu-trainers", cluster.cpuTrainers.empty())})
    if (empty)
      return Status::invalidArgument(std::string("cluster file: the field '") + field + "' is missing");
  HETER_RETURN_IF_ERROR(checkDistinct(cluster));
  return cluster;
}

StatusOr<ClusterFile> readClusterFile(FileSystem &files, const std::string &path) {
  HETER_ASSIGN_OR_RETURN(std::string text, files.readFile(path));
  StatusOr<ClusterFile> cluster = parseClusterFile(text);
  if (!cluster.ok())
    return cluster.status().withContext(path);
  if (portOf(cluster->coordinator) == 0)
    return Status::invalidArgument(path + ": cluster file: the coordinator's port cannot be 0, for all others dial it");
  return cluster;
}

std::string ClusterFile::print() const {
  nlohmann::ordered_json root;
  root["coordinator"] = coordinator;
  root["servers"] = servers;
  root["cpu-trainers"] = cpuTrainers;
  if (!heterTrainers.empty())
    root["heter-trainers"] = heterTrainers;
  return root.dump(2) + "\n";
}

ClusterFile loopbackCluster(const package::PackageInfo &info, const RunOptions &options,
                            const std::string &coordinator) {
  auto anyPorts = [](int count) {
    return std::vector<std::string>(static_cast<size_t>(std::max(count, 1)), "127.0.0.1:0");
  };
  ClusterFile cluster;
  cluster.coordinator = coordinator;
  cluster.servers = anyPorts(options.servers);
  cluster.cpuTrainers = anyPorts(options.cpuTrainers);
  for (const std::string &deviceClass : heterClasses(info))
    cluster.heterTrainers[deviceClass] = anyPorts(options.heterTrainersOf(deviceClass));
  return cluster;
}

Status checkCluster(const package::PackageInfo &info, const ClusterFile &cluster) {
  if (info.mode == "local")
    return Status::invalidArgument("the package is compiled for one process (mode local); compile it with "
                                   "--mode=ps or --mode=heter-ps to run it as a cluster");
  std::vector<std::string> classes = heterClasses(info);
  for (const auto &[deviceClass, addresses] : cluster.heterTrainers)
    if (std::find(classes.begin(), classes.end(), deviceClass) == classes.end())
      return Status::invalidArgument(
          classes.empty() ? "the cluster has heter-trainers, but the package has none (mode " + info.mode +
                                "); compile it with --mode=heter-ps, or leave them out"
                          : "the package has no device class '" + deviceClass + "'" + didYouMean(deviceClass, classes));
  for (const std::string &deviceClass : classes)
    if (!cluster.heterTrainers.contains(deviceClass))
      return Status::invalidArgument("the cluster has no heter-trainers of class '" + deviceClass +
                                     "', which the package needs");
  return Status();
}

} // namespace heter::runtime
