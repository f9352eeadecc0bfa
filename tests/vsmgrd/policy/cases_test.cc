// Tests of policies: what they say when they pass, when they fail, and when they are wrong themselves.
#include "vsmgrd/policy/cases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/policy/policy_builder.h"
#include "tests/vsmgrd/policy/policy_text.h"

namespace vs::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<PolicyCase> cases_in(const std::string& cases) {
  const auto loaded = load_cases(
      {{"t.yaml", "apiVersion: vservices/v1\nkind: PolicyTest\nspec:\n  cases:\n" + cases}});
  EXPECT_TRUE(loaded) << loaded.error().error.message;
  return loaded ? *loaded : std::vector<PolicyCase>();
}

Desired shop() {
  Desired desired;
  add_domain(desired, "web1", {{"tier", "web"}});
  add_service(desired, "dns");
  add_policy(desired, "p",
             {allow("web", {.domain_labels = {{"tier", "web"}}}),
              deny("lab", {.domain_labels = {{"stage", "lab"}}}),
              allow("there", {.nodes = {"node2"}})});
  return desired;
}

std::vector<std::string> faults_of(const std::string& cases) {
  std::vector<std::string> faults;
  for (const CaseResult& result : run_cases(shop(), {.name = "node1"}, cases_in(cases)).results)
    faults.push_back(result.fault);
  return faults;
}

TEST(PolicyCases, PassWhenTheAnswerIsTheOneExpected) {
  EXPECT_THAT(faults_of("  - {domain: web1, service: dns, expect: allow, expectRule: p/web}\n"
                        "  - {domain: x, labels: {stage: lab}, service: dns, expect: deny}\n"
                        "  - {domain: x, labels: {}, service: s, kind: dns, expect: deny, "
                        "expectRule: default}\n"
                        "  - {domain: x, labels: {}, service: dns, node: node2, expect: allow}\n"),
              ElementsAre("", "", "", ""));
}

TEST(PolicyCases, SayWhatWasDecidedInstead) {
  EXPECT_THAT(
      faults_of("  - {domain: web1, service: dns, expect: deny}\n"
                "  - {domain: web1, service: dns, expect: allow, expectRule: p/lab}\n"
                "  - {domain: web1, service: dns, expect: allow, expectMode: warn}\n"
                "  - {domain: web1, service: dns, expect: allow, expectSharing: open}\n"),
      ElementsAre("expected deny, is allow by p/web: web says yes",
                  "expected rule p/lab, is p/web", "expected mode warn, is enforce",
                  "expected sharing open, is private"));
}

TEST(PolicyCases, FailForWhatIsNotDeclaredRatherThanPassAsDenied) {
  EXPECT_THAT(faults_of("  - {domain: wbe1, service: dns, expect: deny}\n"
                        "  - {domain: web1, service: dsn, expect: deny}\n"),
              ElementsAre(HasSubstr("domain wbe1 is not declared"),
                          HasSubstr("service dsn is not declared")));
}

TEST(PolicyCases, CountTheRulesThatTheyReach) {
  const TestReport report =
      run_cases(shop(), {.name = "node1"},
                cases_in("  - {domain: web1, service: dns, expect: allow}\n"
                         "  - {domain: web1, service: dns, expect: deny}\n"));
  EXPECT_EQ(report.failed, 1u);
  EXPECT_EQ(report.rules, 3u);
  ASSERT_EQ(report.uncovered.size(), 2u);
  EXPECT_EQ(report.uncovered[0].rule.id, "lab");
  EXPECT_EQ(report.uncovered[0].source, (Source{"p.yaml", 2, 1}));
}

TEST(PolicyCases, NameEveryFaultByPlace) {
  const auto loaded = load_cases({{"t.yaml", R"(apiVersion: vservices/v1
kind: PolicyTest
spec:
  cases:
    - {domain: web1, service: dns, expect: alow}
    - {domain: web1, expect: deny, expectd: x}
)"}});
  ASSERT_FALSE(loaded);
  EXPECT_THAT(lines_of(loaded.error()),
              ElementsAre(R"(t.yaml:5:44: "expect" must be one of allow, deny, is "alow" (did you mean "allow"?))",
                          R"(t.yaml:6:7: "service" is missing)",
                          ::testing::AllOf(HasSubstr("t.yaml:6:36"), HasSubstr("expectd"))));
}

TEST(PolicyCases, NeedAtLeastOne) {
  EXPECT_FALSE(load_cases({}));
  EXPECT_FALSE(load_cases({{"t.yaml", "# nothing\n"}}));
}

}  // namespace
}  // namespace vs::test
