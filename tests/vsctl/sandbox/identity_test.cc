#include "vsctl/sandbox/identity.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace vs::ctl {
namespace {

TEST(GuestId, IsTheSameOnEveryNode) {
  EXPECT_EQ(guest_id("web1"), 0x76c3ef73U);
  EXPECT_EQ(guest_id("web1"), guest_id(std::string("web1")));
}

TEST(GuestId, StaysWithinItsRange) {
  for (int i = 0; i < 10'000; ++i) {
    const std::uint32_t id = guest_id("domain-" + std::to_string(i));
    EXPECT_GE(id, kGuestIdBase);
    EXPECT_LT(id, kGuestIdBase + kGuestIdCount);
  }
}

TEST(GuestId, TellsAThousandDomainsApart) {
  std::set<std::uint32_t> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(guest_id("web" + std::to_string(i)));
  EXPECT_EQ(ids.size(), 1000U);
}

}  // namespace
}  // namespace vs::ctl
