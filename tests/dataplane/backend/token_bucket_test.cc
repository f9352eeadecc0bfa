#include "dataplane/backend/token_bucket.h"

#include <random>

#include <gtest/gtest.h>

namespace vs {
namespace {

using namespace std::chrono_literals;
using TimePoint = TokenBucket::TimePoint;

const TimePoint kBegin{std::chrono::hours(1)};

TEST(TokenBucket, WithoutARateHasNoLimit) {
  TokenBucket bucket;
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(bucket.take(kBegin));
}

TEST(TokenBucket, IsFullAtFirst) {
  TokenBucket bucket(10, 5, kBegin);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(bucket.take(kBegin)) << i;
  EXPECT_FALSE(bucket.take(kBegin));
  EXPECT_EQ(bucket.next(), kBegin + 100ms);
  EXPECT_FALSE(bucket.take(kBegin + 100ms - 1ns));
  EXPECT_TRUE(bucket.take(kBegin + 100ms));
}

TEST(TokenBucket, AfterARestItHoldsItsBurstAndNoMore) {
  TokenBucket bucket(1000, 3, kBegin);
  while (bucket.take(kBegin)) {
  }
  bucket.rest();
  int taken = 0;
  const TimePoint later = kBegin + 1h;
  while (bucket.take(later)) ++taken;
  EXPECT_LE(taken, 3) << "nobody waited through that hour";
  bucket.rest();
}

TEST(TokenBucket, ABurstIsGivenOnce) {
  TokenBucket bucket(10, 5, kBegin);
  const TimePoint later = kBegin + 10s;  // it was full all the while
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(bucket.take(later)) << i;
  EXPECT_FALSE(bucket.take(later));
}

TEST(TokenBucket, WhatWasNotNeededIsPutBack) {
  TokenBucket bucket(10, 1, kBegin);
  ASSERT_TRUE(bucket.take(kBegin));
  bucket.put_back();
  EXPECT_TRUE(bucket.take(kBegin));
  EXPECT_FALSE(bucket.take(kBegin));
}

TEST(TokenBucket, TimeThatRunsBackwardsGivesNothing) {
  TokenBucket bucket(1'000'000, 1, kBegin);
  ASSERT_TRUE(bucket.take(kBegin));
  EXPECT_FALSE(bucket.take(kBegin - 1h));
}

// A guest that always has more: however late the loop comes each time (up to 50 ms), it gets its rate, within 5 % after a second
// and without any drift after an hour.
TEST(TokenBucket, GivesItsRateToWhoAlwaysWaits) {
  std::mt19937_64 random(7);
  for (const std::uint64_t rate : {1ull, 10ull, 33ull, 1000ull, 77'777ull, 1'000'000ull}) {
    for (const std::uint64_t burst : {1ull, 10ull, 1000ull}) {
      TokenBucket bucket(rate, burst, kBegin);
      TimePoint now = kBegin;
      while (bucket.take(now)) {
      }
      std::uint64_t taken = 0;
      const TimePoint end = kBegin + (rate >= 1000 ? 1s : 600s);
      while (now < end) {
        now = bucket.next() + std::chrono::nanoseconds(random() % 49'000'000);
        while (bucket.take(now)) ++taken;
      }
      const double wanted = std::chrono::duration<double>(now - kBegin).count() * static_cast<double>(rate);
      EXPECT_NEAR(static_cast<double>(taken), wanted, 1 + wanted * 1e-6) << rate << "/s, burst " << burst;
    }
  }
}

// A guest that comes and goes: never more than its rate and its burst, over any window.
TEST(TokenBucket, NeverGivesMoreThanRateAndBurst) {
  std::mt19937_64 random(8);
  TokenBucket bucket(10'000, 20, kBegin);
  TimePoint now = kBegin;
  std::uint64_t taken = 0;
  for (int visit = 0; visit < 100'000; ++visit) {
    now += std::chrono::nanoseconds(random() % 3'000'000);
    bool all = true;
    for (std::uint64_t wanted = random() % 20; wanted > 0 && all; --wanted) {
      all = bucket.take(now);
      taken += all ? 1 : 0;
    }
    if (all) bucket.rest();
  }
  EXPECT_LE(static_cast<double>(taken), std::chrono::duration<double>(now - kBegin).count() * 10'000 + 20);
}

}  // namespace
}  // namespace vs
