#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

class FlushTest : public CliTest {
 protected:
  FlushTest() { daemon_.answers("POST /v1/services/dns:flush", Answer{.body = R"({"entries": 3})"}); }
};

TEST_F(FlushTest, SaysHowManyWereForgotten) {
  const Finished run = vsctl({"flush", "dns", "--name", "www.test", "--domain", "web1"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, "3 entries forgotten\n");
  EXPECT_EQ(json::parse(vsctl({"flush", "dns", "-o", "json"}).out), (json{{"entries", 3}}));
}

TEST_F(FlushTest, NeedsAService) { EXPECT_NE(vsctl({"flush"}).exit, 0); }

}  // namespace
}  // namespace vs::ctl::test
