// Objectives against what backends report.
#include "vsmgrd/sla/promises.h"

#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "promised.h"

namespace vs::test {
namespace {

using namespace std::chrono_literals;

const Window::WallTime kNow{1'700'000'000'000ms};

Promises promised(Sla sla) {
  Promises promises;
  promises.promise(with_sla(std::move(sla)));
  return promises;
}

TEST(Promises, AreOneForEachObjectiveOfEachClass) {
  const Promises promises = promised({.objectives = Objectives{.latency_p50 = 1ms, .latency_p99 = 2ms, .loss_ppm = 100, .freshness = 50ms,
                                                               .availability_ppm = 999'000},
                                      .content_classes = {{"own", "bytes > 1", "normal", Objectives{.latency_p999 = 9ms, .window = 24h}},
                                                          {"other", "bytes > 2", "normal", {}}}});
  std::vector<std::string> all;
  for (const Standing& one : promises.standing(kNow))
    all.push_back(one.key.content_class + ' ' + one.key.objective + ' ' + one.promised + ' ' + std::to_string(one.target));
  EXPECT_EQ(all, (std::vector<std::string>{
                     "* availability served 0.999000", "* freshness at most 50ms old 0.999000", "* loss not lost 0.999900",
                     "* p50 within 1ms 0.500000", "* p99 within 2ms 0.990000", "other availability served 0.999000",
                     "other freshness at most 50ms old 0.999000", "other loss not lost 0.999900", "other p50 within 1ms 0.500000",
                     "other p99 within 2ms 0.990000", "own p99.9 within 9ms 0.999000"}));
}

TEST(Promises, AddUpWhatCountersGrewBy) {
  Promises promises = promised({.objectives = Objectives{.latency_p99 = 2ms}});
  promises.take(report(1000, 5), kNow);
  promises.take(report(1500, 10), kNow + 10s);
  promises.take(report(1500, 10), kNow + 20s);
  Standing standing = promises.standing(kNow + 20s).front();
  EXPECT_EQ(standing.judged[2], (Judged{1500, 10}));
  EXPECT_TRUE(standing.kept());
  promises.take(report(100, 20), kNow + 30s);  // the backend began anew
  standing = promises.standing(kNow + 30s).front();
  EXPECT_EQ(standing.judged[2], (Judged{1600, 30}));
  EXPECT_FALSE(standing.kept());
  standing = promises.standing(kNow + 6min + 20s).front();
  EXPECT_EQ(standing.judged[0], Judged{}) << "five minutes are over";
  EXPECT_EQ(standing.judged[1], (Judged{1600, 30}));
}

TEST(Promises, AreJudgedOverTheirOwnWindow) {
  Promises promises = promised({.objectives = Objectives{.latency_p99 = 2ms, .window = 24h}});
  promises.take(report(1000, 500), kNow);
  EXPECT_FALSE(promises.standing(kNow + 3h).front().kept());
  EXPECT_EQ(promises.standing(kNow + 3h).front().judged[1], Judged{});
  EXPECT_TRUE(promises.standing(kNow + 25h).front().kept());
}

TEST(Promises, TakeNothingFromWhatMakesNoSense) {
  Promises promises = promised({.objectives = Objectives{.latency_p99 = 2ms}});
  promises.take(report(1000, 5, "p50"), kNow);  // not promised
  promises.take(report(-1, 5), kNow);
  promises.take(report(std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()), kNow);
  promises.take(report(1e300, 0), kNow);
  promises.take(report(10, 50), kNow + 1s);  // more missed than there was
  EXPECT_EQ(promises.standing(kNow + 1s).front().judged[2].all, 10u);
  EXPECT_EQ(promises.standing(kNow + 1s).front().judged[2].missed, 10u);
}

TEST(Promises, KeepTheirCountsWhileTheyStay) {
  Promises promises = promised({.objectives = Objectives{.latency_p99 = 2ms}});
  promises.take(report(1000, 5), kNow);
  promises.promise(with_sla({.objectives = Objectives{.latency_p99 = 4ms}}));
  EXPECT_EQ(promises.standing(kNow).front().judged[2].all, 1000u);
  promises.promise(with_sla({.objectives = Objectives{.latency_p99 = 4ms, .window = 24h}}));
  EXPECT_EQ(promises.standing(kNow).front().judged[2].all, 0u) << "another window";
  promises.promise(with_sla({}));
  EXPECT_TRUE(promises.empty());
}

TEST(Promises, AreRestoredWithTheCountersTheyWereOf) {
  const Sla sla{.objectives = Objectives{.latency_p99 = 2ms}};
  Promises promises = promised(sla);
  promises.take(report(1000, 5), kNow);
  Promises again = promised(sla);
  again.restore(promises.encode());
  again.take(report(1200, 6), kNow + 1min);  // the backend served on meanwhile
  EXPECT_EQ(again.standing(kNow + 1min).front().judged[2], (Judged{1200, 6}));
}

TEST(Promises, RestoreNothingFromWhatIsNone) {
  Promises promises = promised({.objectives = Objectives{.latency_p99 = 2ms}});
  for (const char* wrong : {"", "{", "1", "[1]", "[{}]", R"([{"class": 1}])", R"([{"class": "*", "objective": "p99", "all": 5}])"})
    promises.restore({{"b", wrong}, {"nobody", wrong}});
  EXPECT_EQ(promises.standing(kNow).front().judged[2], Judged{});
}

TEST(Promises, AreShownAsMetrics) {
  Promises promises = promised({.objectives = Objectives{.latency_p99 = 2ms, .window = 24h}});
  promises.take(report(1000, 5), kNow);
  std::vector<std::string> shown;
  for (const Sample& sample : promises.samples(kNow))
    shown.push_back(sample.name + ' ' + (sample.labels.back().first == "window" ? sample.labels.back().second + ' ' : "") +
                    std::to_string(sample.value));
  EXPECT_EQ(shown, (std::vector<std::string>{"vservices_sla_objective_ratio 0.990000", "vservices_sla_budget_remaining_ratio 0.500000",
                                             "vservices_sla_compliance_ratio 1h 0.995000", "vservices_sla_compliance_ratio 24h 0.995000",
                                             "vservices_sla_compliance_ratio 5m 0.995000"}));
}

TEST(Verdict, SaysWhatIsMissed) {
  Promises promises = promised({.objectives = Objectives{.latency_p99 = 2ms}, .content_classes = {{"own", "bytes > 1", "normal", {}}}});
  EXPECT_FALSE(verdict_on(promises.standing(kNow)).measured);
  promises.take(report(1000, 5), kNow);
  EXPECT_EQ(verdict_on(promises.standing(kNow)).message, "2 objectives are kept");
  promises.take(report(1000, 50, "p99", "own"), kNow);
  const Verdict verdict = verdict_on(promises.standing(kNow));
  EXPECT_FALSE(verdict.kept);
  EXPECT_EQ(verdict.message, "missed: p99 of class own within 2ms, 99 % promised over 1h");
}

}  // namespace
}  // namespace vs::test
