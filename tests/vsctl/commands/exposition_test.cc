#include "vsctl/commands/exposition.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace vs::ctl {
namespace {

using nlohmann::json;

constexpr const char* kText = R"(# HELP vservices_requests_total Requests that were served.
# TYPE vservices_requests_total counter
vservices_requests_total{service="dns",domain="web1"} 42 1700000000000
vservices_requests_total{service="dns",domain="a\"b\\c\nd",} 0.5
# HELP vsmgrd_up Always 1.
# TYPE vsmgrd_up gauge
vsmgrd_up 1
# a remark
vsmgrd_latency_seconds_bucket{le="+Inf"} +Inf
vsmgrd_odd NaN
)";

TEST(SelectMetrics, TakesSamplesTogetherWithWhatIsSaidOfThem) {
  EXPECT_EQ(select_metrics(kText, "vsmgrd_up"),
            "# HELP vsmgrd_up Always 1.\n# TYPE vsmgrd_up gauge\nvsmgrd_up 1\n");
  EXPECT_EQ(select_metrics(kText, "nothing"), "");
  EXPECT_EQ(select_metrics(kText, "vservices_").find("vsmgrd"), std::string::npos);
}

TEST(ParseMetrics, ReadsNamesLabelsAndValues) {
  const json expected = {
      {{"name", "vservices_requests_total"},
       {"labels", {{"service", "dns"}, {"domain", "web1"}}},
       {"value", 42}},
      {{"name", "vservices_requests_total"},
       {"labels", {{"service", "dns"}, {"domain", "a\"b\\c\nd"}}},
       {"value", 0.5}},
      {{"name", "vsmgrd_up"}, {"labels", json::object()}, {"value", 1}},
      {{"name", "vsmgrd_latency_seconds_bucket"}, {"labels", {{"le", "+Inf"}}}, {"value", "+Inf"}},
      {{"name", "vsmgrd_odd"}, {"labels", json::object()}, {"value", "NaN"}}};
  EXPECT_EQ(parse_metrics(kText), expected);
}

TEST(ParseMetrics, PassesOverWhatIsNoSample) {
  for (const char* line : {"", "\n\n", "x", "x{", "x{a", "x{a=", "x{a=\"", "x{a=\"b", "x{a=\"b\"",
                           "x{a=\"b\"}", "{a=\"b\"} 1", "# x 1"})
    EXPECT_EQ(parse_metrics(line), json::array()) << line;
}

}  // namespace
}  // namespace vs::ctl
