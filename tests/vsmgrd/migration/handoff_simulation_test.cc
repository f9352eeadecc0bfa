// Handoffs in a world where everything goes wrong, from many seeds; and that mistakes would be noticed.
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/vsmgrd/migration/simulation.h"

namespace vs::handoff::simulation {
namespace {

constexpr std::uint64_t kSeeds = 4'000;  // many more are simulate_handoffs', which knows no unoptimised test
constexpr std::uint64_t kShards = 2;     // run beside each other
constexpr std::uint64_t kSeedsForMistakes = 20'000;

std::string story_of(std::uint64_t seed, Mistake mistake = Mistake::none) {
  std::ostringstream story;
  (void)simulate({.seed = seed, .mistake = mistake, .trace = &story});
  return story.str();
}

class HandoffInSeeds : public testing::TestWithParam<std::uint64_t> {};

TEST_P(HandoffInSeeds, HasOneOwnerAtMost) {
  Report totals;
  int failed = 0;
  const std::uint64_t first = GetParam() * (kSeeds / kShards) + 1;
  for (std::uint64_t seed = first; seed < first + kSeeds / kShards; ++seed) {
    const Report report = simulate({.seed = seed});
    totals.started += report.started;
    totals.done += report.done;
    totals.cancelled += report.cancelled;
    totals.taken_back += report.taken_back;
    totals.doubts += report.doubts;
    totals.faults += report.faults;
    if (report.failure.empty()) continue;
    if (++failed <= 5) ADD_FAILURE() << "seed " << seed << ": " << report.failure << "\n(simulate_handoffs --seed " << seed << ")";
  }
  EXPECT_EQ(failed, 0);
  // The seeds are about something: handoffs end in every way there is.
  const std::uint64_t seeds = kSeeds / kShards;
  EXPECT_GT(totals.started, seeds);
  EXPECT_GT(totals.done, seeds / 10);
  EXPECT_GT(totals.cancelled, seeds / 10);
  EXPECT_GT(totals.taken_back, seeds / 200);
  EXPECT_GT(totals.doubts, seeds / 200);
  EXPECT_GT(totals.faults, seeds);
}

INSTANTIATE_TEST_SUITE_P(Shard, HandoffInSeeds, testing::Range<std::uint64_t>(0, kShards));

TEST(Handoff, IsTheSameStoryFromTheSameSeed) {
  for (const std::uint64_t seed : {7u, 42u, 1234u}) {
    const std::string story = story_of(seed);
    EXPECT_FALSE(story.empty());
    EXPECT_EQ(story, story_of(seed));
  }
}

// What would be noticed, if the code or its use were wrong.
class HandoffWithAMistake : public testing::TestWithParam<Mistake> {};

TEST_P(HandoffWithAMistake, FailsInSomeSeedAndReplays) {
  for (std::uint64_t seed = 1; seed <= kSeedsForMistakes; ++seed) {
    const Report report = simulate({.seed = seed, .mistake = GetParam()});
    if (report.failure.empty()) continue;
    EXPECT_EQ(simulate({.seed = seed, .mistake = GetParam()}).failure, report.failure);
    return;
  }
  FAIL() << "no seed of " << kSeedsForMistakes << " notices it";
}

INSTANTIATE_TEST_SUITE_P(All, HandoffWithAMistake,
                         testing::Values(Mistake::serve_before_go, Mistake::go_before_withdrawn, Mistake::forget_commit,
                                         Mistake::thaw_late));

}  // namespace
}  // namespace vs::handoff::simulation
