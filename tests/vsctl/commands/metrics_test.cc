#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

class MetricsTest : public CliTest {
 protected:
  MetricsTest() {
    daemon_.answers(
        "GET /metrics",
        Answer{.body = "# TYPE vservices_up gauge\nvservices_up 1\nvsmgrd_x{a=\"b\"} 2.5\n",
               .content_type = "text/plain; version=0.0.4; charset=utf-8"});
  }
};

TEST_F(MetricsTest, ShowsPrometheusText) {
  const Finished run = vsctl({"metrics"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, "# TYPE vservices_up gauge\nvservices_up 1\nvsmgrd_x{a=\"b\"} 2.5\n");
}

TEST_F(MetricsTest, ChoosesByPrefix) {
  EXPECT_EQ(vsctl({"metrics", "vsmgrd"}).out, "vsmgrd_x{a=\"b\"} 2.5\n");
}

TEST_F(MetricsTest, SaysWhenThereIsNoSuchMetric) {
  const Finished run = vsctl({"metrics", "nothing"});
  EXPECT_EQ(run.exit, 1);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err, "vsctl: no metric begins with \"nothing\"\n");
}

TEST_F(MetricsTest, SpeaksJsonAndYaml) {
  EXPECT_EQ(json::parse(vsctl({"metrics", "vsmgrd", "-o", "json"}).out),
            (json{{{"name", "vsmgrd_x"}, {"labels", {{"a", "b"}}}, {"value", 2.5}}}));
  EXPECT_EQ(vsctl({"metrics", "vsmgrd", "-o", "yaml"}).out,
            "- labels:\n    a: b\n  name: vsmgrd_x\n  value: 2.5\n");
}

}  // namespace
}  // namespace vs::ctl::test
