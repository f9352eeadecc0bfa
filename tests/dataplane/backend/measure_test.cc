// What is measured of requests: how long they took, since when they wait.
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/backend/arrivals.h"
#include "dataplane/backend/latency_histogram.h"
#include "dataplane/backend/storm_brake.h"

namespace vs {
namespace {

using namespace std::chrono_literals;
using TimePoint = Arrivals::TimePoint;

TEST(LatencyHistogram, OfNothingIsNothing) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.quantile(0.99), 0ns);
  EXPECT_EQ(histogram.sample("n", "h").count, 0u);
}

// Against the sorted list: right within a bucket's width, for all shapes of load.
TEST(LatencyHistogram, QuantilesAreRightWithinASixteenth) {
  std::mt19937_64 random(3);
  std::lognormal_distribution<double> spread(10, 3);
  for (int round = 0; round < 5; ++round) {
    LatencyHistogram histogram;
    std::vector<std::int64_t> all;
    for (int i = 0; i < 20'000; ++i) {
      all.push_back(std::clamp<std::int64_t>(static_cast<std::int64_t>(spread(random)), 64, 100'000'000'000));
      histogram.record(std::chrono::nanoseconds(all.back()));
    }
    std::sort(all.begin(), all.end());
    for (const double part : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(part * static_cast<double>(all.size()))));
      const auto exact = static_cast<double>(all[rank - 1]);
      const auto told = static_cast<double>(histogram.quantile(part).count());
      EXPECT_GE(told, exact * 0.9999) << part;
      EXPECT_LE(told, exact * 1.0626) << part;
    }
    EXPECT_EQ(histogram.max().count(), all.back());
  }
}

TEST(LatencyHistogram, KeepsWhatIsOutOfItsRange) {
  LatencyHistogram histogram;
  histogram.record(-5ns);
  histogram.record(0ns);
  histogram.record(24h);
  EXPECT_EQ(histogram.count(), 3u);
  EXPECT_LE(histogram.quantile(0.5), 68ns);
  EXPECT_EQ(histogram.max(), 24h);
}

TEST(LatencyHistogram, ItsSampleCountsUpwards) {
  LatencyHistogram histogram;
  for (const auto duration : {500ns, 3000ns, 20'000ns, 2'000'000ns, 60'000'000'000ns}) histogram.record(duration);
  const Sample sample = histogram.sample("n", "h");
  EXPECT_EQ(sample.count, 5u);
  EXPECT_NEAR(sample.sum, 60.0020235, 1e-6);
  std::uint64_t before = 0;
  for (const auto& [bound, count] : sample.buckets) {
    EXPECT_GE(count, before);
    before = count;
  }
  EXPECT_EQ(sample.buckets.front(), (std::pair{1e-6, std::uint64_t{1}}));
  EXPECT_EQ(before, 4u) << "a minute is beyond the last bound";
}

TEST(Arrivals, EachRequestIsAsOldAsTheLookThatSawItFirst) {
  const TimePoint begin{1h};
  Arrivals arrivals;
  arrivals.saw(64, begin);
  arrivals.saw(256, begin + 1us);
  arrivals.saw(256, begin + 5us);
  EXPECT_EQ(arrivals.of(64, begin + 9us), begin);
  EXPECT_EQ(arrivals.of(128, begin + 9us), begin + 1us);
  EXPECT_EQ(arrivals.of(256, begin + 9us), begin + 1us);
  EXPECT_EQ(arrivals.of(300, begin + 9us), begin + 9us) << "not seen before it was taken";
}

TEST(Arrivals, WaitsAreNeverUnderstated) {
  const TimePoint begin{1h};
  Arrivals arrivals;
  for (int i = 1; i <= 100; ++i) arrivals.saw(static_cast<std::uint32_t>(i * 16), begin + i * 1us);
  for (int i = 1; i <= 100; ++i) EXPECT_LE(arrivals.of(static_cast<std::uint32_t>(i * 16), begin + 1s), begin + i * 1us);
}

TEST(Arrivals, AnIndexThatJumpsAboutDoesNoHarm) {
  std::mt19937 random(5);
  const TimePoint begin{1h};
  Arrivals arrivals;
  for (int i = 0; i < 10'000; ++i) {
    const TimePoint now = begin + i * 1us;
    arrivals.saw(static_cast<std::uint32_t>(random()), now);
    EXPECT_LE(arrivals.of(static_cast<std::uint32_t>(i * 16), now), now);
  }
}

TEST(StormBrake, LetsCrossingDoorbellsPass) {
  StormBrake brake;
  for (int i = 0; i < StormBrake::kInVainFree; ++i) EXPECT_EQ(brake.in_vain(), 0ms);
  brake.useful();
  for (int i = 0; i < StormBrake::kInVainFree; ++i) EXPECT_EQ(brake.in_vain(), 0ms);
}

TEST(StormBrake, DoublesUpToASecond) {
  StormBrake brake;
  for (int i = 0; i < StormBrake::kInVainFree; ++i) brake.in_vain();
  for (auto pause = StormBrake::kPauseMin; pause < StormBrake::kPauseMax; pause *= 2) EXPECT_EQ(brake.in_vain(), pause);
  EXPECT_EQ(brake.in_vain(), StormBrake::kPauseMax);
  EXPECT_EQ(brake.in_vain(), StormBrake::kPauseMax);
  brake.useful();
  EXPECT_EQ(brake.in_vain(), 0ms);
}

}  // namespace
}  // namespace vs
