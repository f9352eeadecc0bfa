#include "vsctl/commands/usage.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "vsctl/commands/exposition.h"

namespace vs::ctl {
namespace {

Readings reading(const std::string& text) { return read_usage(parse_metrics(text)); }

std::string histogram(int fast, int slow) {
  const auto line = [](const char* bound, int count) {
    return std::string("vservices_request_duration_seconds_bucket{domain=\"web1\",service=\"dns\",le=\"") + bound + "\"} " +
           std::to_string(count) + "\n";
  };
  return line("0.0001", fast) + line("0.01", fast + slow) + line("+Inf", fast + slow);
}

TEST(Usage, IsTheDifferenceOfTwoReadingsOverTheTimeBetween) {
  const Readings before = reading("vservices_requests_total{domain=\"web1\",service=\"dns\"} 100\n" + histogram(50, 50));
  const Readings after = reading("vservices_requests_total{domain=\"web1\",service=\"dns\"} 400\n" + histogram(347, 53));
  const auto usage = usage_between(before, after, 2);
  ASSERT_EQ(usage.size(), 1U);
  EXPECT_DOUBLE_EQ(usage[0].rate, 150);
  EXPECT_DOUBLE_EQ(usage[0].p50_us, 100);
  EXPECT_DOUBLE_EQ(usage[0].p99_us, 100);  // 297 of 300 were fast: earlier slow ones do not count
}

TEST(Usage, OfABackendThatBeganAnewIsWhatItCountedSince) {
  const auto usage = usage_between(reading("vservices_requests_total{domain=\"a\",service=\"s\"} 900\n"),
                                   reading("vservices_requests_total{domain=\"a\",service=\"s\"} 30\n"), 1);
  EXPECT_DOUBLE_EQ(usage[0].rate, 30);
}

TEST(Usage, TellsTheLeastThatIsLeftOfWhatMayMissAPromise) {
  const Readings now = reading("vservices_sla_budget_remaining_ratio{domain=\"a\",service=\"s\",objective=\"p50\"} 1\n"
                               "vservices_sla_budget_remaining_ratio{domain=\"a\",service=\"s\",objective=\"p99\"} -0.5\n"
                               "vservices_requests_total{domain=\"b\",service=\"s\"} 1\n");
  const auto usage = usage_between(now, now, 1);
  ASSERT_EQ(usage.size(), 2U);
  EXPECT_EQ(usage[0].budget, -0.5);
  EXPECT_EQ(usage[1].budget, std::nullopt) << "nothing was promised";
  EXPECT_TRUE(usage_document(usage)["items"][1]["slaBudgetLeft"].is_null());
}

TEST(Usage, SortsByWhatIsAskedAndByNameAmongEquals) {
  std::vector<Usage> usage{{.domain = "b", .service = "s", .rate = 1, .sessions = 9},
                           {.domain = "a", .service = "s", .rate = 1},
                           {.domain = "c", .service = "s", .rate = 5}};
  sort_usage(usage, "rate");
  EXPECT_EQ(usage[0].domain + usage[1].domain + usage[2].domain, "cab");
  sort_usage(usage, "sessions");
  EXPECT_EQ(usage[0].domain, "b");
  sort_usage(usage, "name");
  EXPECT_EQ(usage[0].domain + usage[1].domain + usage[2].domain, "abc");
}

}  // namespace
}  // namespace vs::ctl
