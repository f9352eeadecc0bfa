// Which owner of a binding a backend obeys.
#include "dataplane/backend/epoch_fence.h"

#include <gtest/gtest.h>

namespace vs {
namespace {

control::BindingConfig binding(const std::string& name, std::uint64_t epoch, const std::string& uid = "") {
  control::BindingConfig one{name, "web1", "dns", "dns", true};
  one.epoch = epoch;
  one.uid = uid;
  return one;
}

// The names of those that are served.
std::vector<std::string> served(EpochFence& fence, std::vector<control::BindingConfig> bindings) {
  control::Configure configure{.number = 1, .bindings = std::move(bindings)};
  const auto problems = fence.judge(configure);
  std::vector<std::string> names;
  for (const auto& one : configure.bindings) names.push_back(one.name);
  for (const auto& one : problems) names.push_back("not " + one.binding);
  return names;
}
using Names = std::vector<std::string>;

TEST(EpochFence, ServesAnOwnerAndThoseAfterItAndNoneBefore) {
  EpochFence fence;
  EXPECT_EQ(served(fence, {binding("a", 5)}), Names{"a"});
  EXPECT_EQ(served(fence, {binding("a", 5)}), Names{"a"});
  EXPECT_EQ(served(fence, {binding("a", 7)}), Names{"a"});
  EXPECT_EQ(served(fence, {binding("a", 6), binding("b", 1)}), (Names{"b", "not a"}));
  EXPECT_EQ(fence.refused(), 1u);
  EXPECT_EQ(fence.epoch_of("a", ""), 7u) << "what was refused is not remembered";
}

TEST(EpochFence, RemembersWhileTheBindingIsNotThere) {
  EpochFence fence;
  EXPECT_EQ(served(fence, {binding("a", 5)}), Names{"a"});
  EXPECT_EQ(served(fence, {}), Names{});
  EXPECT_EQ(served(fence, {binding("a", 4)}), Names{"not a"});
}

TEST(EpochFence, ABindingThatNeverMovedIsNotFencedUntilItDoes) {
  EpochFence fence;
  EXPECT_EQ(served(fence, {binding("a", 0)}), Names{"a"});
  EXPECT_EQ(fence.remembered(), 0u);
  EXPECT_EQ(served(fence, {binding("a", 1)}), Names{"a"});
  EXPECT_EQ(served(fence, {binding("a", 0)}), Names{"not a"});
}

TEST(EpochFence, AnotherBindingOfTheSameNameBeginsAnew) {
  EpochFence fence;
  EXPECT_EQ(served(fence, {binding("a", 9, "first")}), Names{"a"});
  EXPECT_EQ(served(fence, {binding("a", 1, "second")}), Names{"a"});
  EXPECT_EQ(served(fence, {binding("a", 8, "first")}), Names{"not a"});
  EXPECT_EQ(served(fence, {binding("first", 1)}), Names{"first"}) << "a name is no uid";
}

TEST(EpochFence, SaysWhatItKnows) {
  EpochFence fence;
  EXPECT_EQ(served(fence, {binding("a", 5)}), Names{"a"});
  control::Configure configure{.number = 1, .bindings = {binding("a", 3)}};
  EXPECT_EQ(fence.judge(configure).at(0).message, "epoch 3: another owner has had epoch 5 since; it is not served");
}

TEST(EpochFence, ForgetsThoseItHeardOfLongestAgo) {
  EpochFence fence;
  control::Configure configure{.number = 1};
  for (std::size_t i = 0; i < kEpochsMax; ++i) configure.bindings.push_back(binding(std::to_string(i), 5));
  EXPECT_TRUE(fence.judge(configure).empty());
  EXPECT_EQ(served(fence, {binding("0", 6), binding("new", 1)}), (Names{"0", "new"}));
  EXPECT_EQ(fence.remembered(), kEpochsMax);
  EXPECT_EQ(fence.forgotten(), 1u);
  EXPECT_EQ(fence.epoch_of("1", ""), 0u);
  EXPECT_EQ(fence.epoch_of("0", ""), 6u);
}

}  // namespace
}  // namespace vs
