#include "vsmgrd/lifecycle/watchdog.h"

#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/vsmgrd/lifecycle/manager_socket.h"

namespace vs {
namespace {

using std::chrono::milliseconds;

class WatchdogTest : public testing::Test {
 protected:
  [[nodiscard]] Notifier notifier(std::optional<std::chrono::microseconds> interval) const {
    return {manager_.name(), interval};
  }
  const test::ManagerSocket manager_{std::string("@vs-watchdog-") +
                                     testing::UnitTest::GetInstance()->current_test_info()->name() + "-" +
                                     std::to_string(::getpid())};
};

Probe lives(const char* name) {
  return {name, [](milliseconds) { return true; }};
}

TEST_F(WatchdogTest, IsFedWhileEveryPartLives) {
  const Notifier notifier = this->notifier(milliseconds{50});
  const Watchdog watchdog(notifier, {lives("api"), lives("reconciler")});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(manager_.wait(), "WATCHDOG=1");
}

TEST_F(WatchdogTest, IsNotFedWhileOnePartIsStuckAndIsFedAgainWhenItGetsOn) {
  const Notifier notifier = this->notifier(std::nullopt);  // no thread: the test looks
  bool stuck = true;
  Watchdog watchdog(notifier, {lives("api"), {"reconciler", [&](milliseconds) { return !stuck; }}});
  EXPECT_FALSE(watchdog.look());
  EXPECT_EQ(manager_.take(), "");
  stuck = false;
  EXPECT_TRUE(watchdog.look());
  EXPECT_EQ(manager_.take(), "WATCHDOG=1");
}

TEST_F(WatchdogTest, LeavesItsPartsTogetherLessThanHalfTheInterval) {
  const Notifier notifier = this->notifier(std::chrono::hours{6});
  milliseconds together{0};
  const Probe slow{"slow", [&](milliseconds patience) { return together += patience, true; }};
  Watchdog(notifier, {slow, slow, slow}).look();
  EXPECT_LE(together, std::chrono::hours{6});  // its thread may have looked once as well
  EXPECT_GT(together, milliseconds{0});
}

}  // namespace
}  // namespace vs
