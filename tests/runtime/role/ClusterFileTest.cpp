// Cluster files: what is read, written back and refused.
#include "runtime/role/ClusterFile.h"

#include "runtime/package/Package_types.h"

#include <gtest/gtest.h>

namespace heter::runtime {
namespace {

std::string errorOf(const std::string &text) {
  auto cluster = parseClusterFile(text);
  return cluster.ok() ? "ok" : cluster.status().message();
}

TEST(ClusterFileTest, RoundTrips) {
  const char *text = R"({"coordinator": "a:1", "servers": ["b:2", "b:3"], "cpu-trainers": ["c:4"],
                         "heter-trainers": {"gpu": ["d:5"], "xpu": ["e:6"]}})";
  auto cluster = parseClusterFile(text);
  ASSERT_TRUE(cluster.ok()) << cluster.status().message();
  EXPECT_EQ(cluster->servers.size(), 2u);
  EXPECT_EQ(cluster->heterTrainers.at("xpu").front(), "e:6");
  auto again = parseClusterFile(cluster->print());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->print(), cluster->print());
}

TEST(ClusterFileTest, NamesWhatIsWrong) {
  EXPECT_EQ(errorOf("{"), "cluster file: not valid JSON from line 1, column 2 on");
  EXPECT_EQ(errorOf("{\n  \"servers\": x}"), "cluster file: not valid JSON from line 2, column 14 on");
  EXPECT_EQ(errorOf("{\"coordinator\": 1e400}"), "cluster file: holds a number that is too large");
  EXPECT_EQ(errorOf("[]"), "cluster file: must be an object, as in {\"coordinator\": \"HOST:PORT\", ...}");
  EXPECT_EQ(errorOf(R"({"coordinator": "a:1"})"), "cluster file: the field 'servers' is missing");
  EXPECT_EQ(errorOf(R"({"coordinator": 7})"),
            "cluster file: 'coordinator' must be an address \"HOST:PORT\" with a port from 0 to 65535, found 7");
  EXPECT_EQ(
      errorOf(R"({"servers": ["a:1", "b:65536"]})"),
      "cluster file: 'servers[1]' must be an address \"HOST:PORT\" with a port from 0 to 65535, found \"b:65536\"");
  EXPECT_EQ(errorOf(R"({"coordinator": "a:1", "servers": ["a:2", "a:2"], "cpu-trainers": ["a:0", "a:0"]})"),
            "cluster file: 'servers[0]' and 'servers[1]' have the same address a:2");
  EXPECT_EQ(errorOf(R"({"servers": []})"), "cluster file: 'servers' must be a list of at least one address, found []");
  EXPECT_EQ(errorOf(R"({"heter-trainers": []})"),
            "cluster file: 'heter-trainers' must be an object of lists by device class, found []");
  EXPECT_EQ(errorOf(R"({"server": []})"), "cluster file: unknown field 'server'; did you mean `servers`?");
  EXPECT_EQ(errorOf(R"({"workers": []})"),
            "cluster file: unknown field 'workers'; there are coordinator, servers, cpu-trainers, heter-trainers");
}

TEST(ClusterFileTest, RefusesAFieldThatIsThereTwice) {
  EXPECT_EQ(errorOf(R"({"coordinator": "a:1", "servers": ["a:2"], "servers": ["a:3"], "cpu-trainers": ["a:0"]})"),
            "cluster file: 'servers' is there twice; put all its addresses into one");
  EXPECT_EQ(errorOf(R"({"coordinator": "a:1", "servers": ["a:2"], "cpu-trainers": ["a:0"],
                        "heter-trainers": {"gpu": ["a:3"], "gpu": ["a:4"]}})"),
            "cluster file: 'gpu' is there twice; put all its addresses into one");
  EXPECT_EQ(errorOf(R"({"coordinator": "a:1", "servers": ["a:2"], "cpu-trainers": ["a:0"],
                        "heter-trainers": {"servers": ["a:3"]}})"),
            "ok");
}

TEST(ClusterFileTest, ChecksAgainstThePackage) {
  package::PackageInfo info;
  info.mode = "heter-ps";
  info.roles = {"cpu-trainer", "heter-trainer.gpu", "server"};
  ClusterFile cluster;
  EXPECT_EQ(checkCluster(info, cluster).message(),
            "the cluster has no heter-trainers of class 'gpu', which the package needs");
  cluster.heterTrainers["gpu"] = {"a:1"};
  EXPECT_TRUE(checkCluster(info, cluster).ok());
  cluster.heterTrainers["xpu"] = {"a:1"};
  EXPECT_FALSE(checkCluster(info, cluster).ok());
  info.mode = "local";
  EXPECT_FALSE(checkCluster(info, cluster).ok());
}

} // namespace
} // namespace heter::runtime
