#include "base/duration_buckets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vs {
namespace {

using ::testing::Pair;
using namespace std::chrono_literals;

TEST(DurationBuckets, ShowEachBoundWhenNothingTookAnyTime) {
  const Sample sample = DurationBuckets().sample("pass_seconds", "Help.");
  EXPECT_EQ(sample.type, Sample::Type::histogram);
  ASSERT_EQ(sample.buckets.size(), 16u);
  EXPECT_THAT(sample.buckets.front(), Pair(0.0001, 0u));
  EXPECT_THAT(sample.buckets[1], Pair(0.00025, 0u));
  EXPECT_THAT(sample.buckets[5], Pair(0.005, 0u));
  EXPECT_THAT(sample.buckets.back(), Pair(10.0, 0u));
  EXPECT_EQ(sample.count, 0u);
}

TEST(DurationBuckets, CountUpToEachBound) {
  DurationBuckets buckets;
  buckets.record(100us);  // on the bound: within it
  buckets.record(101us);
  buckets.record(2s);
  buckets.record(1min);   // beyond all
  const Sample sample = buckets.sample("pass_seconds", "Help.");
  EXPECT_THAT(sample.buckets[0], Pair(0.0001, 1u));
  EXPECT_THAT(sample.buckets[1], Pair(0.00025, 2u));
  EXPECT_THAT(sample.buckets[12], Pair(1.0, 2u));
  EXPECT_THAT(sample.buckets[13], Pair(2.5, 3u));
  EXPECT_THAT(sample.buckets[15], Pair(10.0, 3u));
  EXPECT_EQ(sample.count, 4u);
  EXPECT_DOUBLE_EQ(sample.sum, 62.000201);
}

}  // namespace
}  // namespace vs
