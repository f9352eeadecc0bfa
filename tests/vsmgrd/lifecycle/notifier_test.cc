#include "vsmgrd/lifecycle/notifier.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "tests/vsmgrd/lifecycle/manager_socket.h"

namespace vs {
namespace {

using test::ManagerSocket;

std::string unique(const char* prefix) {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  return std::string(prefix) + "vs-notify-" + info->name() + "-" + std::to_string(::getpid());
}

TEST(Notifier, SpeaksToASocketWithAPath) {
  const ManagerSocket manager(unique(testing::TempDir().c_str()));
  const Notifier notifier(manager.name(), std::nullopt);
  notifier.ready("serving on a socket");
  EXPECT_EQ(manager.take(), "READY=1\nSTATUS=serving on a socket");
  notifier.stopping("ending");
  EXPECT_EQ(manager.take(), "STOPPING=1\nSTATUS=ending");
  notifier.alive();
  EXPECT_EQ(manager.take(), "WATCHDOG=1");
}

TEST(Notifier, SpeaksToAnAbstractSocket) {
  const ManagerSocket manager(unique("@"));
  Notifier(manager.name(), std::nullopt).status("waits");
  EXPECT_EQ(manager.take(), "STATUS=waits");
}

TEST(Notifier, KeepsAStatusOnOneLineSoThatItCannotSayAnythingElse) {
  const ManagerSocket manager(unique("@"));
  Notifier(manager.name(), std::nullopt).status("a\nWATCHDOG=trigger");
  EXPECT_EQ(manager.take(), "STATUS=a WATCHDOG=trigger");
}

TEST(Notifier, SaysWhenAReloadBegan) {
  const ManagerSocket manager(unique("@"));
  Notifier(manager.name(), std::nullopt).reloading();
  EXPECT_TRUE(manager.take().starts_with("RELOADING=1\nMONOTONIC_USEC="));
}

TEST(Notifier, TakesTheVariablesAwayFromProgramsStartedLater) {
  ::setenv("NOTIFY_SOCKET", unique("@").c_str(), 1);
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  const Notifier notifier = Notifier::from_environment();
  EXPECT_EQ(notifier.watchdog(), std::chrono::seconds{3});
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
    EXPECT_EQ(std::getenv(name), nullptr) << name;
}

TEST(Notifier, HasNoWatchdogThatIsAnotherProcesssOrNoNumber) {
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(Notifier::from_environment().watchdog(), std::nullopt);
  for (const char* wrong : {"", "0", "-5", "3s", "99999999999999999999"}) {
    ::setenv("WATCHDOG_USEC", wrong, 1);
    EXPECT_EQ(Notifier::from_environment().watchdog(), std::nullopt) << wrong;
  }
}

TEST(Notifier, WithoutASocketOrWithOneThatIsGoneDoesNothing) {
  Notifier("", std::nullopt).ready("nobody hears it");
  Notifier("/nowhere/at/all", std::nullopt).ready("nobody hears it");
  Notifier(std::string(500, 'x'), std::nullopt).ready("nobody hears it");
}

}  // namespace
}  // namespace vs
