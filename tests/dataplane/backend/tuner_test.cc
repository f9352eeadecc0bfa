// What the tuner makes of what it sees.
#include "dataplane/backend/tuner.h"

#include <gtest/gtest.h>

namespace vs::test {
namespace {

using control::Terms;
using control::Tune;
using control::WaitMode;

constexpr int kWindowsMax = 200;  // within which it comes to rest

// Shows the same window until nothing changes any more.
Terms at_rest(Tuner& tuner, Terms terms, const TunerWindow& window) {
  for (int i = 0; i < kWindowsMax; ++i)
    if (const auto next = tuner.look(terms, window)) terms = *next;
  const auto changes = tuner.changes();
  for (int i = 0; i < kWindowsMax; ++i) EXPECT_FALSE(tuner.look(terms, window)) << "it does not come to rest";
  EXPECT_EQ(tuner.changes(), changes);
  return terms;
}

TEST(Tuner, LeavesAloneWhatNobodyUses) {
  Tuner tuner;
  const Terms terms{.tune = Tune::latency};
  EXPECT_EQ(at_rest(tuner, terms, {}), terms);
  EXPECT_EQ(tuner.why(), "");
}

TEST(Tuner, GrowsARingThatFillsUp) {
  Tuner tuner;
  const Terms terms = at_rest(tuner, {.tune = Tune::throughput},
                              {.requests_per_s = 1000, .request_bytes_peak = 32 << 10, .request_record_max = 4096});
  EXPECT_EQ(terms.request_bytes, 128u << 10);
  EXPECT_NE(tuner.why().find("for throughput: rings of 128 KiB"), std::string::npos) << tuner.why();
}

TEST(Tuner, HasTheLargestRecordFit) {
  Tuner tuner;
  const Terms terms = at_rest(tuner, {.tune = Tune::latency},
                              {.requests_per_s = 10, .request_record_max = 100, .response_record_max = 300'000});
  EXPECT_GE(terms.response_bytes, 300'000u * 8);
  EXPECT_EQ(terms.request_bytes, kTunedRingMin);
}

TEST(Tuner, ABurstAloneChangesNothing) {
  Tuner tuner;
  Terms terms{.tune = Tune::throughput};
  const TunerWindow busy{.requests_per_s = 1e6, .request_bytes_peak = 32 << 10, .response_bytes_peak = 256 << 10};
  const TunerWindow calm{.requests_per_s = 1000, .request_bytes_peak = 5000, .response_bytes_peak = 40 << 10};
  for (int i = 0; i < 50; ++i) {
    EXPECT_FALSE(tuner.look(terms, busy));
    EXPECT_FALSE(tuner.look(terms, calm));
  }
}

TEST(Tuner, ShrinksSlowlyAndNotBelowItsLeast) {
  Tuner tuner;
  Terms terms{.tune = Tune::latency, .request_bytes = 1 << 20};
  const TunerWindow calm{.requests_per_s = 1000, .request_bytes_peak = 100, .request_record_max = 100};
  EXPECT_FALSE(tuner.look(terms, calm));
  EXPECT_FALSE(tuner.look(terms, calm));
  EXPECT_EQ(at_rest(tuner, terms, calm).request_bytes, kTunedRingMin);
}

TEST(Tuner, SpinsOnlyForLatencyWithCoresToSpareAndGuestsThatAskAllTheTime) {
  const TunerWindow busy{.requests_per_s = 100'000, .cores = 4};
  const TunerWindow busy_on_two{.requests_per_s = 100'000, .cores = 2};
  const TunerWindow between{.requests_per_s = 10'000, .cores = 4};
  const TunerWindow idle{.requests_per_s = 100, .cores = 4};
  Tuner tuner;
  EXPECT_EQ(at_rest(tuner, {.tune = Tune::throughput}, busy).wait, WaitMode::adaptive);
  EXPECT_EQ(at_rest(tuner, {.tune = Tune::latency}, busy_on_two).wait, WaitMode::adaptive);
  EXPECT_EQ(at_rest(tuner, {.tune = Tune::latency}, between).wait, WaitMode::adaptive);
  const Terms spinning = at_rest(tuner, {.tune = Tune::latency}, busy);
  EXPECT_EQ(spinning.wait, WaitMode::spin);
  EXPECT_EQ(at_rest(tuner, spinning, between).wait, WaitMode::spin) << "it does not change to and fro";
  EXPECT_EQ(at_rest(tuner, spinning, idle).wait, WaitMode::adaptive);
}

}  // namespace
}  // namespace vs::test
