#include "dataplane/transport/xen/directory.h"

#include <cstring>
#include <random>

#include <gtest/gtest.h>

#include "dataplane/transport/xen/xenstore.h"

namespace vs {
namespace {

vs_xen_directory good(std::uint32_t pages) {
  vs_xen_directory directory{};
  directory.magic = VS_XEN_MAGIC;
  directory.major = VS_REGION_MAJOR;
  directory.generation = 7;
  directory.page_count = pages;
  std::memcpy(directory.service, "dns", 3);
  std::memcpy(directory.device, "names", 5);
  for (std::uint32_t i = 0; i < pages; ++i) directory.refs[i] = 100 + i;
  return directory;
}

TEST(XenDirectory, OfAGoodGuestSaysWhatItWants) {
  const auto directory = good(75);
  const auto verdict = judge_directory(directory, 75);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->hello.service, "dns");
  EXPECT_EQ(verdict->hello.device, "names");
  EXPECT_EQ(verdict->hello.generation, 7u);
  EXPECT_FALSE(verdict->hello.takes_pool);
  ASSERT_EQ(verdict->refs.size(), 75u);
  EXPECT_EQ(verdict->refs.back(), 174u);
}

TEST(XenDirectory, WithNamesThatFillTheirRoomEndsThere) {
  auto directory = good(1);
  std::memset(directory.service, 's', sizeof directory.service);
  std::memset(directory.device, 'd', sizeof directory.device);
  const auto verdict = judge_directory(directory, 1);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->hello.service, std::string(VS_LOCAL_SERVICE_BYTES, 's'));
  EXPECT_EQ(verdict->hello.device, std::string(VS_LOCAL_DEVICE_BYTES, 'd'));
}

TEST(XenDirectory, OfABadGuestIsRefusedForItsReason) {
  const auto reason = [](const vs_xen_directory& directory, std::uint32_t pages) {
    const auto verdict = judge_directory(directory, pages);
    return verdict ? VS_REFUSAL_NONE : verdict.error().reason;
  };
  auto directory = good(4);
  EXPECT_EQ(reason(vs_xen_directory{}, 4), VS_REFUSAL_PROTOCOL);
  EXPECT_EQ(reason(directory, 5), VS_REFUSAL_MEMORY);
  EXPECT_EQ(reason(directory, 3), VS_REFUSAL_MEMORY);
  directory.page_count = UINT32_MAX;
  EXPECT_EQ(reason(directory, UINT32_MAX), VS_REFUSAL_MEMORY);
  directory = good(4);
  directory.page_count = 0;
  EXPECT_EQ(reason(directory, 0), VS_REFUSAL_MEMORY);
  directory = good(4);
  directory.refs[3] = 1;  // its kernel's console
  EXPECT_EQ(reason(directory, 4), VS_REFUSAL_MEMORY);
  directory = good(4);
  directory.major = VS_REGION_MAJOR + 1;
  EXPECT_EQ(reason(directory, 4), VS_REFUSAL_VERSION);
  directory = good(4);
  directory.features = 1;
  EXPECT_EQ(reason(directory, 4), VS_REFUSAL_FEATURES);
}

TEST(XenDirectory, OfRubbishIsNeverReadPastItsEnd) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    vs_xen_directory directory;
    for (auto* byte = reinterpret_cast<unsigned char*>(&directory); byte < reinterpret_cast<unsigned char*>(&directory + 1); byte += 4)
      *reinterpret_cast<std::uint32_t*>(byte) = random();
    if (round % 2 == 0) {
      directory.magic = VS_XEN_MAGIC;
      directory.major = VS_REGION_MAJOR;
      directory.features = 0;
    }
    const std::uint32_t pages = round % 3 == 0 ? directory.page_count : random() % 1000;
    const auto verdict = judge_directory(directory, pages);
    if (verdict) {
      EXPECT_EQ(verdict->refs.size(), pages);
      EXPECT_LE(pages, std::uint32_t{VS_XEN_PAGES_MAX});
    }
  }
}

TEST(XenFrontend, OpensConnectsAndEnds) {
  EXPECT_EQ(frontend_step(std::nullopt, 3, false), FrontendStep::opens);
  EXPECT_EQ(frontend_step(3, 3, false), FrontendStep::none);
  EXPECT_EQ(frontend_step(3, 4, true), FrontendStep::connects);
  for (const std::uint32_t before : {3u, 4u}) {
    EXPECT_EQ(frontend_step(before, 5, true), FrontendStep::ends);
    EXPECT_EQ(frontend_step(before, 6, true), FrontendStep::ends);
    EXPECT_EQ(frontend_step(before, std::nullopt, true), FrontendStep::ends);
  }
}

TEST(XenFrontend, ThatJumpsMisbehaves) {
  for (const std::uint32_t state : {0u, 1u, 2u, 4u, 7u, 8u, 99u})
    EXPECT_EQ(frontend_step(std::nullopt, state, false), FrontendStep::misbehaves) << state;
  EXPECT_EQ(frontend_step(3, 4, false), FrontendStep::misbehaves) << "connected before it was answered";
  EXPECT_EQ(frontend_step(4, 3, true), FrontendStep::misbehaves) << "back to the beginning";
  EXPECT_EQ(frontend_step(3, 1, true), FrontendStep::misbehaves);
}

TEST(XenstoreNumbers, AreDecimalAndNothingElse) {
  EXPECT_EQ(decimal("0", 9), 0u);
  EXPECT_EQ(decimal("4294967295", UINT32_MAX), UINT32_MAX);
  for (const char* text : {"", " 1", "1 ", "+1", "-1", "01", "0x1", "1.0", "4294967296", "99999999999999999999", "ten"})
    EXPECT_FALSE(decimal(text, UINT32_MAX)) << text;
  EXPECT_FALSE(decimal("10", 9));
  EXPECT_FALSE(decimal(std::string_view("1\0", 2), 9));
}

}  // namespace
}  // namespace vs
