#include "vsctl/client/deadline.h"

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

using std::chrono::milliseconds;

class HandClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return now_; }
  std::chrono::system_clock::time_point wall() const override { return {}; }
  void advance(std::chrono::nanoseconds by) { now_ += by; }

 private:
  std::chrono::steady_clock::time_point now_;
};

TEST(Deadline, CountsDownAndStopsAtNothing) {
  HandClock clock;
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
  HandClock clock;
  const Deadline deadline(clock, milliseconds{1});
  clock.advance(std::chrono::microseconds{999});
  EXPECT_FALSE(deadline.passed());
  clock.advance(std::chrono::microseconds{1});
  EXPECT_TRUE(deadline.passed());
}

}  // namespace
}  // namespace vs::ctl
