// What was promised to a binding in a backend: classes of requests, what is judged of them, who gives way, and what a guest is told.
#include <algorithm>
#include <cerrno>
#include <thread>

#include <nlohmann/json.hpp>

#include "dataplane/backend/class_meter.h"
#include "dataplane/backend/overload.h"
#include "dataplane/backend/quality.h"
#include "node.h"

namespace vs::test {
namespace {

using namespace std::chrono_literals;
using control::Guarantee;
using control::Priority;
using control::Terms;
using TimePoint = ClassMeter::TimePoint;

const TimePoint kBegin{1h};

TEST(Ranks, AreByGuaranteeThenByPriority) {
  EXPECT_EQ(rank_of(Guarantee::guaranteed, Priority::normal), Priority::deadline);
  EXPECT_EQ(rank_of(Guarantee::guaranteed, Priority::control), Priority::control);
  EXPECT_EQ(rank_of(Guarantee::burstable, Priority::normal), Priority::normal);
  EXPECT_EQ(rank_of(Guarantee::best_effort, Priority::normal), Priority::bulk);
}

TEST(ClassMeter, JudgesEachRequestByWhatWasPromised) {
  ClassMeter meter("*", Priority::normal, {.p99_us = 1000, .availability = true}, kBegin);
  meter.answered(VS_STATUS_OK, 1000us, false, kBegin);
  meter.answered(VS_STATUS_OK, 1001us, false, kBegin);
  meter.answered(VS_STATUS_NOT_FOUND, 1us, false, kBegin);  // an answer as good as any
  meter.answered(VS_STATUS_EXHAUSTED, 1us, false, kBegin);
  EXPECT_EQ(meter.judged(Objective::p99).all, 3u) << "how long a failure took says nothing";
  EXPECT_EQ(meter.judged(Objective::p99).missed, 1u);
  EXPECT_EQ(meter.judged(Objective::availability).all, 4u);
  EXPECT_EQ(meter.judged(Objective::availability).missed, 1u);
  EXPECT_EQ(meter.judged(Objective::loss).all, 0u) << "was not promised";
  EXPECT_EQ(meter.total().count(), 4u);
}

TEST(ClassMeter, WhatWaitsForSomethingToHappenIsNotSlow) {
  ClassMeter meter("*", Priority::normal, {.p99_us = 1000, .availability = true}, kBegin);
  meter.answered(VS_STATUS_OK, 30s, true, kBegin);
  EXPECT_EQ(meter.judged(Objective::p99).all, 0u);
  EXPECT_EQ(meter.judged(Objective::availability).all, 0u);
  EXPECT_EQ(meter.total().count(), 0u);
  meter.answered(VS_STATUS_UNAVAILABLE, 1us, true, kBegin);
  EXPECT_EQ(meter.judged(Objective::availability).missed, 1u);
}

TEST(ClassMeter, BeyondThePromisedRateLatencyIsNotJudged) {
  ClassMeter meter("*", Priority::normal, {.p99_us = 1, .rate_per_s = 10}, kBegin);
  for (int i = 0; i < 100; ++i) meter.answered(VS_STATUS_OK, 1s, false, kBegin);
  EXPECT_EQ(meter.judged(Objective::p99).all, 10u);
  meter.answered(VS_STATUS_OK, 1s, false, kBegin + 1s);
  EXPECT_EQ(meter.judged(Objective::p99).all, 11u);
}

TEST(ClassMeter, JudgesHowOldAndHowManyAreWhatIsDelivered) {
  ClassMeter meter("*", Priority::normal, {.freshness_ms = 50, .loss = true}, kBegin);
  meter.delivered({.events = 9, .lost = 1, .oldest = 20ms});
  meter.delivered({.events = 10, .lost = 0, .oldest = 51ms});
  meter.delivered({.events = 0, .lost = 5, .oldest = {}});
  EXPECT_EQ(meter.judged(Objective::freshness).all, 2u);
  EXPECT_EQ(meter.judged(Objective::freshness).missed, 1u);
  EXPECT_EQ(meter.judged(Objective::loss).all, 25u);
  EXPECT_EQ(meter.judged(Objective::loss).missed, 6u);
  EXPECT_EQ(meter.age().count(), 2u);
}

TEST(Overload, IsALoopThatNeverRests) {
  Overload overload;
  overload.busy(kBegin);
  EXPECT_FALSE(overload.overloaded(kBegin + kOverloadAfter - 1us));
  EXPECT_TRUE(overload.overloaded(kBegin + kOverloadAfter));
  overload.idle();
  overload.busy(kBegin + 1s);
  EXPECT_FALSE(overload.overloaded(kBegin + 1s + 1ms));
}

TEST(Overload, ShedsTheLowestFirstAndNeverWhatIsGuaranteed) {
  Overload overload;
  overload.busy(kBegin);
  const TimePoint later = kBegin + 2 * kOverloadAfter;
  EXPECT_TRUE(overload.sheds(Guarantee::best_effort, kShedWait, later));
  EXPECT_FALSE(overload.sheds(Guarantee::best_effort, kShedWait - 1us, later)) << "it may still be served soon";
  EXPECT_FALSE(overload.sheds(Guarantee::burstable, 10s, later)) << "no promise breaks";
  overload.late(later);
  EXPECT_TRUE(overload.sheds(Guarantee::burstable, kShedWait, later + 1ms));
  EXPECT_FALSE(overload.sheds(Guarantee::burstable, kShedWait, later + kOverloadAfter)) << "it broke a while ago";
  EXPECT_FALSE(overload.sheds(Guarantee::guaranteed, 10s, later + 1ms));
  overload.idle();
  EXPECT_FALSE(overload.sheds(Guarantee::best_effort, 10s, later + 2ms));
}

TEST(Overload, BurstableGivesWayOnlyAfterBestEffortHad) {
  Overload overload;
  overload.busy(kBegin);
  const TimePoint soon = kBegin + kOverloadAfter;
  overload.late(soon);
  EXPECT_TRUE(overload.sheds(Guarantee::best_effort, kShedWait, soon));
  EXPECT_FALSE(overload.sheds(Guarantee::burstable, kShedWait, soon));
}

TEST(Quality, GoesUpAtOnceAndDownAfterAWhile) {
  Quality quality;
  EXPECT_FALSE(quality.look(false));
  EXPECT_TRUE(quality.look(true));
  EXPECT_EQ(quality.level(), 1u);
  for (int i = 0; i < kCalmIntervals - 1; ++i) EXPECT_FALSE(quality.look(false));
  EXPECT_TRUE(quality.look(true)) << "not calm yet";
  EXPECT_EQ(quality.level(), 2u);
  for (std::uint32_t i = 0; i < 3 * kLevelMax; ++i) quality.look(true);
  EXPECT_EQ(quality.level(), kLevelMax);
  for (std::uint32_t i = 0; i < kLevelMax * kCalmIntervals; ++i) quality.look(false);
  EXPECT_EQ(quality.level(), 0u);
}

class Promised : public testing::Test {
 protected:
  control::Applied grant(Terms terms) { return node_.configure({{"web1-echo", "web1", "echo", "echo", true, std::move(terms)}}); }
  nlohmann::json live(const std::string& binding = "web1-echo") {
    return node_.on_loop([&] { return node_.backend().describe(binding); });
  }
  nlohmann::json class_named(const std::string& name) {
    const auto told = live();
    for (const auto& one : told["classes"])
      if (one["name"] == name) return one;
    return nullptr;
  }
  double sample(const std::string& name, const std::string& content_class, const std::string& objective = "") {
    double found = -1;
    for (const Sample& one : node_.on_loop([&] { return node_.backend().samples(); })) {
      const auto has = [&](const std::string& key, const std::string& value) {
        return std::find(one.labels.begin(), one.labels.end(), std::pair(key, value)) != one.labels.end();
      };
      if (one.name == name && has("class", content_class) && (objective.empty() || has("objective", objective))) found = one.value;
    }
    return found;
  }

  Node node_;
};

TEST_F(Promised, RequestsAreCountedByTheFirstClassWhoseExpressionHolds) {
  const auto applied = grant({.content_classes = {{"large", "bytes > 40", Priority::bulk, {}}, {"some", "bytes > 10", Priority::control, {}}}});
  ASSERT_TRUE(applied.problems.empty());
  Guest guest(node_.home("web1"));
  for (int i = 0; i < 3; ++i) ASSERT_EQ(guest.echo(std::string(41, 'x')).size(), 41u);
  for (int i = 0; i < 2; ++i) ASSERT_EQ(guest.echo(std::string(11, 'x')).size(), 11u);
  ASSERT_EQ(guest.echo("x"), "x");
  EXPECT_EQ(class_named("large")["requests"], 3);
  EXPECT_EQ(class_named("some")["requests"], 2);
  EXPECT_EQ(class_named("*")["requests"], 1);
  EXPECT_EQ(class_named("large")["latency"]["count"], 3);
  EXPECT_EQ(sample("vservices_sla_requests_total", "large"), 3);
}

TEST_F(Promised, AnExpressionThatIsNoneIsTheBindingsProblem) {
  const auto applied = grant({.content_classes = {{"odd", "bytes >", Priority::normal, {}}}});
  ASSERT_EQ(applied.problems.size(), 1u);
  EXPECT_NE(applied.problems[0].message.find("content class odd: column 8"), std::string::npos) << applied.problems[0].message;
  Guest guest(node_.home("web1"));
  EXPECT_EQ(guest.echo("served all the same"), "served all the same");
}

TEST_F(Promised, ClassesOfOneSessionAreServedInTheOrderOfTheRing) {
  grant({.content_classes = {{"large", "bytes > 10", Priority::bulk, {}}, {"small", "bytes == 1", Priority::control, {}}}});
  Guest guest(node_.home("web1"));
  for (int i = 0; i < 200; ++i) {
    const std::string text(i % 3 == 0 ? 1 : i % 3 == 1 ? 5 : 50, 'x');
    ASSERT_EQ(guest.echo(text), text);
  }
  EXPECT_EQ(class_named("small")["requests"], 67);
  EXPECT_EQ(class_named("*")["requests"], 67);
  EXPECT_EQ(class_named("large")["requests"], 66);
}

TEST_F(Promised, FailuresMissWhatWasPromised) {
  grant({.promise = {.p99_us = 60'000'000, .availability = true}});
  Guest guest(node_.home("web1"));
  for (int i = 0; i < 9; ++i) ASSERT_EQ(guest.echo("hello"), "hello");
  EXPECT_EQ(guest.call(kRefuse, ""), std::to_string(-EAGAIN));
  EXPECT_EQ(sample("vservices_sla_judged_total", "*", "availability"), 10);
  EXPECT_EQ(sample("vservices_sla_missed_total", "*", "availability"), 1);
  EXPECT_EQ(sample("vservices_sla_judged_total", "*", "p99"), 9);
  EXPECT_EQ(sample("vservices_sla_missed_total", "*", "p99"), 0);
  EXPECT_EQ(sample("vservices_sla_judged_total", "*", "loss"), -1) << "was not promised";
}

TEST_F(Promised, WithoutPromisesNothingIsMetered) {
  grant({});
  Guest guest(node_.home("web1"));
  ASSERT_EQ(guest.echo("hello"), "hello");
  EXPECT_FALSE(live().contains("classes"));
  EXPECT_EQ(sample("vservices_sla_requests_total", "*"), -1);
}

// Every request misses; the guest sees the level come, on a device that never asks anything again, and go.
TEST_F(Promised, AGuestSeesAtWhichLevelItIsServed) {
  grant({.promise = {.availability = true}});
  Guest guest(node_.home("web1"));
  EXPECT_EQ(vs_level(guest.device()), 0);
  while (vs_level(guest.device()) == 0) ASSERT_EQ(guest.call(kRefuse, ""), std::to_string(-EAGAIN));
  EXPECT_GE(live()["level"], 1);
  EXPECT_GE(node_.sample("vservices_sla_level"), 1);
  Guest second(node_.home("web1"));
  node_.wait_for([&] { return node_.backend().sessions() == 2; });
  while (vs_level(guest.device()) != 0) std::this_thread::yield();
  EXPECT_EQ(live()["level"], 0);
}

}  // namespace
}  // namespace vs::test
