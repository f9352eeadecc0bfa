#include "dataplane/services/pubsub/handoff.h"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vs::pubsub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HandoffTest : public ::testing::Test {
 protected:
  void turn() { loop_.run_once(std::chrono::milliseconds(0)); }

  EventLoop loop_;
  std::vector<int> taken_;
  std::vector<std::uint64_t> lost_;
  int pauses_ = 0;
  std::optional<Handoff<int>> handoff_{std::in_place, loop_, Handoff<int>::Limits{3, 100},
                                       Handoff<int>::Callbacks{.take = [this](int one) { taken_.push_back(one); },
                                                               .pause = [this] { ++pauses_; },
                                                               .lost = [this](std::uint64_t count) { lost_.push_back(count); }}};
};

TEST_F(HandoffTest, BringsInOrderAndThenPauses) {
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(handoff_->giver()->give(i, 1));
  EXPECT_THAT(taken_, IsEmpty());
  turn();
  EXPECT_THAT(taken_, ElementsAre(1, 2, 3));
  EXPECT_EQ(pauses_, 1);
  EXPECT_THAT(lost_, IsEmpty());
}

TEST_F(HandoffTest, RefusesWhatHasNoRoomAndSaysHowMany) {
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(handoff_->giver()->give(i, 1));
  EXPECT_FALSE(handoff_->giver()->give(4, 1));
  EXPECT_FALSE(handoff_->giver()->give(5, 1));
  EXPECT_TRUE(handoff_->giver()->give(6, 0, true));
  turn();
  EXPECT_THAT(taken_, ElementsAre(1, 2, 3, 6));
  EXPECT_THAT(lost_, ElementsAre(2));
  EXPECT_TRUE(handoff_->giver()->give(7, 1));  // there is room again
}

TEST_F(HandoffTest, HasALimitOfBytesToo) {
  EXPECT_TRUE(handoff_->giver()->give(1, 60));
  EXPECT_FALSE(handoff_->giver()->give(2, 41));
  EXPECT_TRUE(handoff_->giver()->give(3, 40));
  turn();
  EXPECT_THAT(taken_, ElementsAre(1, 3));
}

TEST_F(HandoffTest, MayGoBeforeWhoGives) {
  const auto giver = handoff_->giver();
  giver->give(1, 1);
  handoff_.reset();
  giver->give(2, 1);
  turn();
  EXPECT_THAT(taken_, IsEmpty());
}

TEST_F(HandoffTest, TakesFromManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> refused{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, giver = handoff_->giver()] {
      for (int j = 0; j < 1000; ++j) refused += giver->give(j, 1) ? 0 : 1;
    });
  std::uint64_t told = 0;
  const auto sum = [&] {
    told = 0;
    for (const auto count : lost_) told += count;
    return taken_.size() + told;
  };
  while (sum() < 4000) loop_.run_once(std::chrono::milliseconds(10));
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(sum(), 4000u);
  EXPECT_EQ(told, refused.load());
}

}  // namespace
}  // namespace vs::pubsub
