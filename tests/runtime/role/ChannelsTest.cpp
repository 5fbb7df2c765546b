// What a mailbox promises: values wait for their receiver and a receiver for its values, each frame and channel apart,
// and what comes twice counts once.
#include "runtime/role/Channels.h"

#include <gtest/gtest.h>

namespace heter::runtime {
namespace {

rpc::FrameId frame(int64_t step) {
  rpc::FrameId id;
  id.step = step;
  return id;
}

WireValuesPtr someValues(const std::string &bytes) {
  WireValues values(1);
  values[0].data = bytes;
  return std::make_shared<const WireValues>(std::move(values));
}

class MailboxTest : public testing::Test {
protected:
  /// Takes what there is for `step`; "" until something is there.
  void take(int64_t step, const std::string &channel, std::string &into) {
    mailbox_.take(frame(step), channel, [&into](StatusOr<WireValuesPtr> values) {
      into = values.ok() ? (**values)[0].data : values.status().message();
    });
    scheduler_.runUntilIdle();
  }

  SimulatedScheduler scheduler_{1};
  Mailbox mailbox_{scheduler_};
};

TEST_F(MailboxTest, ValuesAndReceiversFindEachOtherInAnyOrder) {
  std::string early, late, other;
  take(1, "c", early);
  EXPECT_EQ(early, "");
  mailbox_.put(frame(1), "c", someValues("one"));
  mailbox_.put(frame(2), "c", someValues("two"));
  mailbox_.put(frame(2), "d", someValues("other"));
  scheduler_.runUntilIdle();
  EXPECT_EQ(early, "one");
  take(2, "c", late);
  take(2, "d", other);
  EXPECT_EQ(late, "two");
  EXPECT_EQ(other, "other");
}

TEST_F(MailboxTest, TheFirstOfTwoPutsCounts) {
  mailbox_.put(frame(1), "c", someValues("first"));
  mailbox_.put(frame(1), "c", someValues("second"));
  std::string taken;
  take(1, "c", taken);
  EXPECT_EQ(taken, "first");
}

TEST_F(MailboxTest, CloseFailsWhoWaitsAndWhoComesLater) {
  std::string waiting, later;
  take(1, "c", waiting);
  mailbox_.close(Status::unavailable("the end"));
  take(2, "c", later);
  EXPECT_EQ(waiting, "the end");
  EXPECT_EQ(later, "the end");
}

} // namespace
} // namespace heter::runtime
