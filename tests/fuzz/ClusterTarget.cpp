// The cluster file. What is accepted prints and reads back as itself.
#include "runtime/role/ClusterFile.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/runtime/package/SamplePackage.h"

namespace heter::fuzz {

using namespace runtime;

std::vector<Seed> seeds() {
  ClusterFile small{"127.0.0.1:7000", {"127.0.0.1:0"}, {"127.0.0.1:0"}, {}};
  ClusterFile large{"trainer-0.example:7000",
                    {"10.0.0.1:7001", "10.0.0.2:7001"},
                    {"[::1]:0", "10.0.0.4:0"},
                    {{"heter", {"10.0.0.5:7003"}}, {"xpu", {"10.0.0.6:0", "10.0.0.7:0"}}}};
  return {{"small", small.print()},
          {"large", large.print()},
          {"misspelt", "{\"coordinater\": \"h:1\"}", false},
          {"wrong-type", "{\"servers\": [1, 2.5e3, null, true, {\"a\": [\"\\u00e9\"]}]}", false},
          {"not-json", "coordinator: h:1\n", false}};
}

bool accepts(std::string_view input) {
  StatusOr<ClusterFile> cluster = parseClusterFile(std::string(input));
  if (!cluster.ok()) {
    check(!cluster.status().message().empty(), "an error without words");
    return false;
  }
  static const package::PackageInfo info = test::samplePackage().info;
  (void)checkCluster(info, *cluster);
  StatusOr<ClusterFile> again = parseClusterFile(cluster->print());
  check(again.ok() && again->print() == cluster->print(), "a cluster file does not read back as it prints");
  return true;
}

} // namespace heter::fuzz
