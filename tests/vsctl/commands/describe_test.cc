#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

class DescribeTest : public CliTest {
 protected:
  DescribeTest() {
    daemon_.answers("GET /v1/domains/web1", domain("web1"), "\"7\"");
    daemon_.answers("GET /v1/bindings/web2-dns", binding("web2", "Denied"), "\"7\"");
    daemon_.answers("GET /v1/bindings",
                    list_of({binding("web1", "Ready"), binding("web2", "Denied")}));
  }
};

TEST_F(DescribeTest, ShowsADomainAndItsBindings) {
  const Finished run = vsctl({"describe", "domain", "web1"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, R"(Name:              web1
Kind:              Domain
UID:               6f2a2c5e-0000-4000-8000-000000000001
Generation:        2
Resource version:  7
Created:           2026-01-02T03:04:05.678Z
Updated:           2026-01-02T03:04:06.000Z
Declared at:       demo.yaml:4:1
Labels:
  team: web
Spec:
  description: Front end
  type: sandbox
Status:
  observedGeneration: 2
  socketDirectory: /run/vservices/domains/web1
  state: Ready
Bindings:
  NAME      DOMAIN  SERVICE  STATE
  web1-dns  web1    dns      Ready
)");
}

TEST_F(DescribeTest, ShowsABindingAndWhatDecided) {
  const Finished run = vsctl({"describe", "binding", "web2-dns"});
  EXPECT_EQ(run.exit, 0) << run.err;
  EXPECT_NE(
      run.out.find(
          "Decision:\n  denied by demo-dns/deny-web2 (demo.yaml:36:7): web2 resolves nothing\n"),
      std::string::npos)
      << run.out;
  EXPECT_NE(run.out.find("  refusedOpens: 3\n"), std::string::npos) << run.out;
  EXPECT_EQ(daemon_.lines(), std::vector<std::string>{"GET /v1/bindings/web2-dns"});
}

TEST_F(DescribeTest, ShowsAllOfItInJson) {
  json expected = domain("web1");
  expected["bindings"] = {binding("web1", "Ready")};
  EXPECT_EQ(json::parse(vsctl({"describe", "domain", "web1", "-o", "json"}).out), expected);
  EXPECT_EQ(json::parse(vsctl({"describe", "binding", "web2-dns", "-o", "json"}).out),
            binding("web2", "Denied"));
}

TEST_F(DescribeTest, CanBeAskedInYaml) {
  const Finished run = vsctl({"describe", "domain", "web1", "-o", "yaml"});
  EXPECT_EQ(run.exit, 0);
  EXPECT_TRUE(
      run.out.starts_with("apiVersion: vservices/v1\nbindings:\n  - apiVersion: vservices/v1\n"))
      << run.out;
}

TEST_F(DescribeTest, SaysWhatIsNotThere) {
  EXPECT_EQ(vsctl({"describe", "domain", "web9"}).exit, 3);
  EXPECT_EQ(vsctl({"describe", "domain", ""}).exit, 2);
}

}  // namespace
}  // namespace vs::ctl::test
