#include "vsctl/client/deadline.h"

#include <gtest/gtest.h>

#include "tests/fakes/clock.h"
namespace vs::ctl {
namespace {

using std::chrono::milliseconds;

TEST(Deadline, CountsDownAndStopsAtNothing) {
  test::ManualClock clock;
  const Deadline deadline(clock, milliseconds{100});
  EXPECT_EQ(deadline.remaining(), milliseconds{100});
  clock.advance(milliseconds{60});
  EXPECT_EQ(deadline.remaining(), milliseconds{40});
  EXPECT_FALSE(deadline.passed());
  clock.advance(milliseconds{500});
  EXPECT_EQ(deadline.remaining(), milliseconds{0});
  EXPECT_TRUE(deadline.passed());
  EXPECT_EQ(deadline.limit(), milliseconds{100});
}

TEST(Deadline, IsNotPassedWhilePartOfAMillisecondIsLeft) {
  test::ManualClock clock;
  const Deadline deadline(clock, milliseconds{1});
  clock.advance(std::chrono::microseconds{999});
  EXPECT_FALSE(deadline.passed());
  clock.advance(std::chrono::microseconds{1});
  EXPECT_TRUE(deadline.passed());
}

}  // namespace
}  // namespace vs::ctl
