// Reading, checking and making cluster files.
#include "runtime/role/ClusterFile.h"

#include "runtime/base/Suggest.h"
#include "runtime/role/Model.h"
#include "runtime/role/RunOptions.h"

#include <nlohmann/json.hpp>

namespace heter::runtime {
namespace {

using Json = nlohmann::json;

Status wrong(const std::string &field, const std::string &expected, const Json &found) {
  return Status::invalidArgument("cluster file: '" + field + "' must be " + expected + ", found " + found.dump());
}

StatusOr<std::string> parseAddress(const std::string &field, const Json &value) {
  if (!value.is_string() || value.get_ref<const std::string &>().find(':') == std::string::npos)
    return wrong(field, "an address \"HOST:PORT\"", value);
  return value.get<std::string>();
}

StatusOr<std::vector<std::string>> parseAddresses(const std::string &field, const Json &value) {
  if (!value.is_array() || value.empty())
    return wrong(field, "a list of at least one address", value);
  std::vector<std::string> addresses;
  for (const Json &item : value) {
    HETER_ASSIGN_OR_RETURN(std::string address, parseAddress(field, item));
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
    return Status::invalidArgument("cluster file: unknown field '" + key +
                                   "'; known are coordinator, servers, cpu-trainers, heter-trainers");
  }
  return Status();
}

} // namespace

StatusOr<ClusterFile> parseClusterFile(const std::string &text) {
  Json root = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded())
    return Status::invalidArgument("cluster file: not valid JSON");
  if (!root.is_object())
    return Status::invalidArgument("cluster file: must be an object");
  ClusterFile cluster;
  for (const auto &[key, value] : root.items())
    HETER_RETURN_IF_ERROR(parseField(key, value, cluster));
  for (const auto &[field, empty] :
       {std::pair("coordinator", cluster.coordinator.empty()), std::pair("servers", cluster.servers.empty()),
        std::pair("cpu-trainers", cluster.cpuTrainers.empty())})
    if (empty)
      return Status::invalidArgument(std::string("cluster file: the field '") + field + "' is missing");
  return cluster;
}

StatusOr<ClusterFile> readClusterFile(FileSystem &files, const std::string &path) {
  HETER_ASSIGN_OR_RETURN(std::string text, files.readFile(path));
  StatusOr<ClusterFile> cluster = parseClusterFile(text);
  if (!cluster.ok())
    return cluster.status().withContext(path);
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
  for (const std::string &deviceClass : classes)
    if (!cluster.heterTrainers.contains(deviceClass))
      return Status::invalidArgument("the cluster has no heter-trainers of class '" + deviceClass +
                                     "', which the package needs");
  for (const auto &[deviceClass, addresses] : cluster.heterTrainers)
    if (std::find(classes.begin(), classes.end(), deviceClass) == classes.end())
      return Status::invalidArgument("the package has no device class '" + deviceClass + "'" +
                                     didYouMean(deviceClass, classes));
  return Status();
}

} // namespace heter::runtime
