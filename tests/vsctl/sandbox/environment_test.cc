#include "vsctl/sandbox/environment.h"

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

using Strings = std::vector<std::string>;

TEST(GuestEnvironment, IsTheCallersWithAHomeAndTheLibraries) {
  EXPECT_EQ(guest_environment({"PATH=/bin", "HOME=/root", "LANG=C"}, {}, "/lib-v"),
            (Strings{"PATH=/bin", "LANG=C", "HOME=/tmp", "LD_LIBRARY_PATH=/lib-v"}));
}

TEST(GuestEnvironment, PutsTheLibrariesInFront) {
  EXPECT_EQ(guest_environment({"LD_LIBRARY_PATH=/mine:/other"}, {}, "/lib-v").back(),
            "LD_LIBRARY_PATH=/lib-v:/mine:/other");
  EXPECT_EQ(
      guest_environment({"LD_LIBRARY_PATH=/mine"}, {"LD_LIBRARY_PATH=/asked"}, "/lib-v").back(),
      "LD_LIBRARY_PATH=/lib-v:/asked");
}

TEST(GuestEnvironment, LetsTheUserOverrideAllElse) {
  EXPECT_EQ(guest_environment({"A=1"}, {"A=2", "HOME=/x", "B=", "A=3", "C=d=e"}, "/lib-v"),
            (Strings{"HOME=/x", "B=", "A=3", "C=d=e", "LD_LIBRARY_PATH=/lib-v"}));
}

TEST(GuestEnvironment, LeavesOutWhatSpeaksOfTheCallersPlace) {
  for (const char* name : {"VSERVICE_DIRECTORY", "VSCTL_SOCKET", "XDG_RUNTIME_DIR",
                           "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK", "TMPDIR", "NOTIFY_SOCKET"})
    EXPECT_EQ(guest_environment({std::string(name) + "=/run/x"}, {}, "/lib-v"),
              (Strings{"HOME=/tmp", "LD_LIBRARY_PATH=/lib-v"}))
        << name;
}

}  // namespace
}  // namespace vs::ctl
