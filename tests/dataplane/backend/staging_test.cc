// State that waits for the binding it came with.
#include "dataplane/backend/staging.h"

#include <gtest/gtest.h>

namespace vs {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class StagingTest : public testing::Test {
 protected:
  static control::Stage stage(std::uint64_t epoch, json state, const std::string& name = "a", std::uint32_t lease_ms = 1000) {
    return {1, name, "u", epoch, lease_ms, std::move(state)};
  }
  std::optional<json> take(std::uint64_t epoch, const std::string& uid = "u", const std::string& name = "a", bool granted = true) {
    control::BindingConfig binding{name, "web1", "dns", "dns", granted};
    binding.epoch = epoch;
    binding.uid = uid;
    return staging_.take(binding, now_);
  }

  Staging staging_;
  Staging::TimePoint now_{100s};
};

TEST_F(StagingTest, IsUsedOnceByTheEpochItIsFor) {
  EXPECT_EQ(staging_.keep(stage(2, {{"x", 1}}), 0, now_), "");
  EXPECT_EQ(take(1), std::nullopt) << "the owner before may still be configured";
  EXPECT_EQ(take(2), (json{{"x", 1}}));
  EXPECT_EQ(take(2), std::nullopt);
  EXPECT_EQ(staging_.bytes(), 0u);
  EXPECT_EQ(staging_.counts().used, 1u);
}

TEST_F(StagingTest, IsDroppedWhenAnotherOwnerComes) {
  EXPECT_EQ(staging_.keep(stage(2, {{"x", 1}}), 0, now_), "");
  EXPECT_EQ(take(3), std::nullopt);
  EXPECT_EQ(staging_.size(), 0u);
  EXPECT_EQ(staging_.keep(stage(4, {{"x", 1}}), 0, now_), "");
  EXPECT_EQ(take(4, "another"), std::nullopt) << "a binding of the same name";
  EXPECT_EQ(staging_.keep(stage(5, {{"x", 1}}), 0, now_), "");
  EXPECT_EQ(take(5, "u", "a", false), std::nullopt) << "policy refuses it here";
  EXPECT_EQ(staging_.counts().outdated, 3u);
}

TEST_F(StagingTest, IsKeptForItsLeaseOnly) {
  EXPECT_EQ(staging_.keep(stage(2, {{"x", 1}}), 0, now_), "");
  now_ += 1000ms;
  EXPECT_EQ(take(2), std::nullopt);
  EXPECT_EQ(staging_.keep(stage(2, {{"x", 1}}), 0, now_), "");
  EXPECT_EQ(staging_.keep(stage(2, {{"x", 2}}, "b", 5000), 0, now_), "");
  staging_.expire(now_ + 1000ms);
  EXPECT_EQ(staging_.size(), 1u);
  EXPECT_EQ(staging_.counts().expired, 2u);
}

TEST_F(StagingTest, WhatComesLaterTakesThePlaceOfWhatWas) {
  EXPECT_EQ(staging_.keep(stage(2, {{"x", 1}}), 0, now_), "");
  EXPECT_EQ(staging_.keep(stage(2, {{"x", 2}}), 0, now_), "");
  EXPECT_EQ(staging_.keep(stage(3, {{"x", 3}}), 0, now_), "");
  EXPECT_NE(staging_.keep(stage(2, {{"x", 4}}), 0, now_), "") << "it was overtaken";
  EXPECT_EQ(take(3), (json{{"x", 3}}));
}

TEST_F(StagingTest, RefusesAnEpochThatWasHereAlready) {
  EXPECT_EQ(staging_.keep(stage(5, {{"x", 1}}), 5, now_), "epoch 5: it has had epoch 5 here");
  EXPECT_EQ(staging_.keep(stage(6, {{"x", 1}}), 5, now_), "");
}

TEST_F(StagingTest, HasRoomForSoMuch) {
  const json large{{"x", std::string(control::kStateBytesMax - 10, 'x')}};
  std::size_t kept = 0;
  while (staging_.keep(stage(2, large, "b" + std::to_string(kept)), 0, now_).empty()) ++kept;
  EXPECT_EQ(kept, control::kStatesBytesMax / control::kStateBytesMax);
  EXPECT_EQ(staging_.keep(stage(3, large, "b0"), 0, now_), "") << "in the place of another";
  EXPECT_NE(staging_.keep(stage(2, {{"x", std::string(control::kStateBytesMax, 'x')}}, "b0"), 0, now_), "");
  EXPECT_LE(staging_.bytes(), control::kStatesBytesMax);
}

TEST_F(StagingTest, HasRoomForSoMany) {
  for (std::size_t i = 0; i < control::kStagedMax; ++i) ASSERT_EQ(staging_.keep(stage(2, json::object(), std::to_string(i)), 0, now_), "");
  EXPECT_EQ(staging_.keep(stage(2, json::object(), "more"), 0, now_), "state is staged for 10000 bindings already");
}

}  // namespace
}  // namespace vs
