#include "vsctl/commands/settle.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace vs::ctl {
namespace {

using nlohmann::json;

json binding(const char* state, int generation, int observed) {
  return {{"metadata", {{"generation", generation}}},
          {"status", {{"state", state}, {"observedGeneration", observed}}}};
}

json decided(const char* state, bool allowed) {
  json seen = binding(state, 1, 1);
  seen["status"]["decision"] = {{"allowed", allowed}};
  return seen;
}

TEST(IsSettled, WhenTheStateBelongsToTheDeclaration) {
  EXPECT_TRUE(is_settled(binding("Ready", 2, 2)));
  EXPECT_TRUE(is_settled(binding("Bound", 2, 2)));
  EXPECT_TRUE(is_settled(binding("Failed", 2, 2)));
  EXPECT_FALSE(is_settled(binding("Ready", 2, 1)));
  EXPECT_FALSE(is_settled(binding("Pending", 2, 2)));
}

TEST(IsSettled, WhenTheStateBelongsToTheDecision) {
  EXPECT_TRUE(is_settled(decided("Ready", true)));
  EXPECT_TRUE(is_settled(decided("Denied", false)));
  EXPECT_FALSE(is_settled(decided("Denied", true)));
  EXPECT_FALSE(is_settled(decided("Ready", false)));
  EXPECT_FALSE(is_settled(decided("Bound", false)));
  EXPECT_TRUE(is_settled(decided("Failed", false)));
}

TEST(IsSettled, NotBeforeAnythingWasObserved) {
  EXPECT_FALSE(is_settled({{"metadata", {{"generation", 1}}}}));
  EXPECT_FALSE(is_settled(json::object()));
  EXPECT_FALSE(is_settled(
      {{"metadata", {{"generation", 1}}}, {"status", {{"decision", {{"allowed", true}}}}}}));
}

}  // namespace
}  // namespace vs::ctl
