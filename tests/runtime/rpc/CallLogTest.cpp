// What a service remembers of the calls on a connection: which run, which ran, and what they were answered.
#include "runtime/rpc/CallLog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heter::runtime {
namespace {

using testing::ElementsAre;

/// Counts what is sent on it.
class CountingLink final : public Link {
public:
  void send(FramePtr) override { ++sent; }
  void close(Status) override {}
  std::string remoteAddress() const override { return "test"; }
  int sent = 0;
};

TEST(CallLogTest, KeepsRepliesUntilTheCallerHasThem) {
  auto link = std::make_shared<CountingLink>();
  CallLog log(link);
  auto reply = std::make_shared<const OutgoingFrame>();
  std::weak_ptr<const OutgoingFrame> kept = reply;
  EXPECT_TRUE(log.begin(1));
  EXPECT_FALSE(log.begin(1)) << "it runs still";
  EXPECT_EQ(link->sent, 0);
  log.answer(1, std::move(reply), Repeat::SendReplyAgain);
  EXPECT_FALSE(log.begin(1));
  EXPECT_EQ(link->sent, 2) << "answered, and answered again";
  EXPECT_FALSE(kept.expired());
  log.forgetBelow(2);
  EXPECT_TRUE(kept.expired());
  EXPECT_FALSE(log.begin(1)) << "late";
  EXPECT_EQ(link->sent, 2);
}

TEST(CallLogTest, NumbersWrapAround) {
  auto link = std::make_shared<CountingLink>();
  for (uint32_t wrap : {uint32_t{1} << 31, uint32_t{0}}) {
    CallLog log(link);
    auto sequence = [&](int64_t offset) { return static_cast<int32_t>(wrap + static_cast<uint32_t>(offset)); };
    auto reply = std::make_shared<const OutgoingFrame>();
    std::weak_ptr<const OutgoingFrame> kept = reply;
    for (int64_t offset : {-2, -1, 1, 2})
      EXPECT_TRUE(log.begin(sequence(offset))) << offset;
    log.answer(sequence(-1), std::move(reply), Repeat::SendReplyAgain);
    log.forgetBelow(sequence(1));
    EXPECT_TRUE(kept.expired()) << "it was before the wrap";
    EXPECT_FALSE(log.begin(sequence(-2))) << "late";
    EXPECT_FALSE(log.begin(sequence(2))) << "it runs still";
    log.forgetBelow(sequence(-2));
    EXPECT_FALSE(log.begin(sequence(-1))) << "what was forgotten stays so";
    EXPECT_TRUE(log.begin(sequence(3)));
  }
}

TEST(CallLogTest, SaysWhatDoesNotRun) {
  CallLog log(std::make_shared<CountingLink>());
  EXPECT_TRUE(log.begin(1));
  EXPECT_TRUE(log.begin(2));
  EXPECT_TRUE(log.begin(3));
  log.answer(2, std::make_shared<const OutgoingFrame>(), Repeat::SendReplyAgain);
  log.answer(3, std::make_shared<const OutgoingFrame>(), Repeat::RunAgain);
  EXPECT_THAT(log.notRunning({1, 2, 3, 4}), ElementsAre(2, 3, 4));
}

TEST(CallLogTest, LetsHarmlessCallsRunAgainAndDoesNotKnowStockClients) {
  auto link = std::make_shared<CountingLink>();
  CallLog log(link);
  EXPECT_TRUE(log.begin(1));
  EXPECT_FALSE(log.begin(1)) << "but not at once";
  log.answer(1, std::make_shared<const OutgoingFrame>(), Repeat::RunAgain);
  EXPECT_TRUE(log.begin(1));
  EXPECT_TRUE(log.begin(0));
  EXPECT_TRUE(log.begin(0));
}

} // namespace
} // namespace heter::runtime
