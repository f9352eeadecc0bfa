#include "vsmgrd/hypervisor/libxl_hypervisor.h"

#include <fstream>

#include <gtest/gtest.h>

namespace vs {
namespace {

// What tests/xen shows, is shown there.
TEST(LibxlHypervisor, SaysInOneLineThatThisIsNoXen) {
  if (std::ifstream("/proc/xen/capabilities").good()) GTEST_SKIP() << "this is a Xen";
  const auto opened = LibxlHypervisor::open([] {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_EQ(opened.error().message, "this is not the control domain of a Xen");
}

TEST(OpenHypervisor, WithoutXenHasNoGuestsAndSaysWhy) {
  if (std::ifstream("/proc/xen/capabilities").good()) GTEST_SKIP() << "this is a Xen";
  const auto hypervisor = open_hypervisor([] {});
  EXPECT_TRUE(hypervisor->guests().empty());
  EXPECT_EQ(hypervisor->trouble(), "this is not the control domain of a Xen");
}

}  // namespace
}  // namespace vs
