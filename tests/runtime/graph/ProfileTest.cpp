// What a profile says of the work that it was told about.
#include "runtime/graph/Profile.h"

#include <gmock/gmock.h>

using namespace heter::runtime;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

void fill(Profile &profile) {
  const ProfiledWork small{"local", "relu_0", "train 3 relu", "m.heter:4:1"}, large{"local", "matmul", "train 2 a", ""},
      pull{"local", "pull_rows", "train 0 pull emb", "m.heter:2:1", /*waits=*/true};
  profile.add(pull, 0, 0us, 900us);
  profile.add(small, 0, 1000us, 1010us);
  profile.add(large, 0, 1010us, 1060us);
  profile.add(small, 1, 2000us, 2030us);
  profile.add(large, 1, 2030us, 2100us);
}

} // namespace

TEST(Profile, TableBeginsWithWhatTakesMostAndEndsWithWaits) {
  Profile profile;
  fill(profile);
  EXPECT_EQ(profile.table(),
            " share          ms     calls   us a call  role, kind, name, place\n"
            " 75.0%         0.1         2        60.0  local  matmul  train 2 a\n"
            " 25.0%         0.0         2        20.0  local  relu_0  train 3 relu  m.heter:4:1\n"
            " waits         0.9         1       900.0  local  pull_rows  train 0 pull emb  m.heter:2:1\n");
  EXPECT_EQ(Profile().table(), " share          ms     calls   us a call  role, kind, name, place\n");
}

TEST(Profile, TraceHasEachEventFromTheFirstStartOn) {
  Profile profile;
  fill(profile);
  const std::string trace = profile.trace();
  EXPECT_THAT(trace, HasSubstr("\"name\": \"relu_0 train 3 relu\", \"ts\": 2000.000, \"dur\": 30.000, \"args\": "
                               "{\"role\": \"local\", \"frame\": 1, \"place\": \"m.heter:4:1\"}}"));
  EXPECT_EQ(std::count(trace.begin(), trace.end(), '\n'), 7);
}
