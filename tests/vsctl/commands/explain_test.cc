#include "tests/vsctl/cli_test.h"

namespace vs::ctl::test {
namespace {

using nlohmann::json;

json step(const json& decided, const char* effect, const char* because) {
  return {{"policy", decided["policy"]},
          {"rule", decided["rule"]},
          {"effect", effect},
          {"because", because},
          {"message", decided["message"]},
          {"source", decided["source"]}};
}

class ExplainTest : public CliTest {
 protected:
  void daemon_decides(const json& decided, json matched, json nearest, const char* fix) {
    daemon_.answers("POST /v1/explain", json{{"domain", "web2"},
                                             {"service", "dns"},
                                             {"decision", decided},
                                             {"matched", std::move(matched)},
                                             {"nearest", std::move(nearest)},
                                             {"fix", fix}});
  }
};

TEST_F(ExplainTest, NamesTheRuleThatDenies) {
  daemon_decides(decision(false),
                 {step(decision(false), "deny", "matches domain web2 and service dns"),
                  step(decision(true), "allow", "matches service dns")},
                 json::array(), "remove the rule, or take web2 out of it");
  const Finished run = vsctl({"explain", "web2", "dns"});
  EXPECT_EQ(run.exit, 1);
  EXPECT_EQ(run.out, R"(DENY: domain web2 may not use service dns
  rule:     deny-web2
  policy:   demo-dns
  at:       demo.yaml:36:7
  message:  web2 resolves nothing
matched:
  deny   demo-dns/deny-web2   demo.yaml:36:7  matches domain web2 and service dns
  allow  demo-dns/allow-web1  demo.yaml:30:7  matches service dns
to change this: remove the rule, or take web2 out of it
)");
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(json::parse(daemon_.asked()[0].body), (json{{"domain", "web2"}, {"service", "dns"}}));
}

TEST_F(ExplainTest, ShowsWhatWouldNearlyHaveAllowed) {
  daemon_decides(
      {{"allowed", false}, {"policy", ""}, {"rule", ""}, {"message", "no rule allows it"}},
      json::array(), json::array({step(decision(true), "allow", "domain web2 is not among web1")}), "");
  const Finished run = vsctl({"explain", "web2", "dns"});
  EXPECT_EQ(run.exit, 1);
  EXPECT_EQ(run.out, R"(DENY: domain web2 may not use service dns
  rule:     none matched; what no rule allows is denied
  message:  no rule allows it
nearest misses:
  allow  demo-dns/allow-web1  demo.yaml:30:7  domain web2 is not among web1
)");
}

TEST_F(ExplainTest, SaysYesWithZero) {
  daemon_decides(decision(true), json::array({step(decision(true), "allow", "matches domain web2")}),
                 json::array(), "");
  const Finished run = vsctl({"explain", "web2", "dns"});
  EXPECT_EQ(run.exit, 0);
  EXPECT_TRUE(run.out.starts_with("ALLOW: domain web2 may use service dns\n")) << run.out;
}

TEST_F(ExplainTest, SpeaksJsonAndYamlWithTheSameExitCode) {
  daemon_decides(decision(false), json::array(), json::array(), "");
  const Finished as_json = vsctl({"explain", "web2", "dns", "-o", "json"});
  EXPECT_EQ(as_json.exit, 1);
  EXPECT_EQ(json::parse(as_json.out)["decision"], decision(false));
  const Finished as_yaml = vsctl({"explain", "web2", "dns", "-o", "yaml"});
  EXPECT_EQ(as_yaml.exit, 1);
  EXPECT_TRUE(as_yaml.out.starts_with("decision:\n  allowed: false\n")) << as_yaml.out;
}

TEST_F(ExplainTest, NamesWhatIsNotDeclared) {
  daemon_.refuses("POST /v1/explain", 404,
                  {{"detail", "domain web9: not declared"},
                   {"errors",
                    {{{"pointer", "/domain"},
                      {"message", "domain web9: not declared"},
                      {"hint", "did you mean \"web1\"?"}}}}});
  const Finished run = vsctl({"explain", "web9", "dns"});
  EXPECT_EQ(run.exit, 3);
  EXPECT_EQ(run.err,
            "/domain: domain web9: not declared (did you mean \"web1\"?)\nvsctl: domain web9: not "
            "declared\n");
}

}  // namespace
}  // namespace vs::ctl::test
