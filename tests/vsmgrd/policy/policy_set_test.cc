#include "vsmgrd/policy/policy_set.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/policy/policy_builder.h"
#include "vsmgrd/policy/engine.h"

namespace vs::test {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> names_of(const std::vector<Step>& steps) {
  std::vector<std::string> names;
  for (const Step& step : steps) names.push_back(step.policy + "/" + step.rule);
  return names;
}

TEST(Decide, DeniesWhatNoRuleAllows) {
  Desired desired;
  add_domain(desired, "web1");
  add_service(desired, "dns");
  const Decision decision = PolicySet(desired).decide("web1", "dns");
  EXPECT_EQ(decision, (Decision{.message = "no rule allows domain web1 to use service dns"}));
}

TEST(Decide, NamesTheRuleThatAllows) {
  Desired desired;
  add_policy(desired, "p",
             {allow("other", {.domains = {"web2"}}), allow("web", {.domains = {"web1"}})});
  EXPECT_EQ(PolicySet(desired).decide("web1", "dns"),
            (Decision{.allowed = true,
                      .policy = "p",
                      .rule = "web",
                      .message = "web says yes",
                      .source = Source{"p.yaml", 2, 1}}));
}

TEST(Decide, ADenyWinsOverEveryAllow) {
  Desired desired;
  add_policy(desired, "a", {allow("all", {}), allow("web1", {.domains = {"web1"}})});
  add_policy(desired, "z", {deny("dns", {.services = {"dns"}})});
  const PolicySet policies(desired);
  EXPECT_EQ(policies.decide("web1", "dns").rule, "dns");
  EXPECT_FALSE(policies.decide("web1", "dns").allowed);
  EXPECT_TRUE(policies.decide("web1", "ldap").allowed);
}

TEST(Decide, EachConditionMustHold) {
  Desired desired;
  add_domain(desired, "web1", {{"tier", "web"}, {"stage", "production"}});
  add_domain(desired, "web2", {{"tier", "web"}});
  add_service(desired, "names", "dns");
  add_service(desired, "staff", "ldap");
  add_policy(desired, "p",
             {allow("r", {.domains = {"web1", "web2"},
                          .domain_labels = {{"tier", "web"}, {"stage", "production"}},
                          .services = {"names", "staff"},
                          .kinds = {"dns"}})});
  const PolicySet policies(desired);
  EXPECT_TRUE(policies.decide("web1", "names").allowed);
  EXPECT_FALSE(policies.decide("web2", "names").allowed) << "has not every label";
  EXPECT_FALSE(policies.decide("web1", "staff").allowed) << "is of another kind";
  EXPECT_FALSE(policies.decide("web3", "names").allowed) << "is not listed";
  EXPECT_FALSE(policies.decide("web1", "other").allowed) << "is not listed";
}

TEST(Decide, WhatIsNotDeclaredHasNeitherLabelsNorKind) {
  Desired desired;
  add_policy(desired, "p",
             {allow("label", {.domain_labels = {{"a", "b"}}}), allow("kind", {.kinds = {"dns"}})});
  EXPECT_FALSE(PolicySet(desired).decide("web1", "dns").allowed);
}

TEST(Decide, LabelsDoNotRunTogether) {
  Desired desired;
  add_domain(desired, "a", {{"k", "v=w"}});
  add_policy(desired, "p", {allow("r", {.domain_labels = {{"k", "v"}}})});
  EXPECT_FALSE(PolicySet(desired).decide("a", "s").allowed);
}

TEST(Decide, OutlivesTheStateItWasMadeFrom) {
  std::optional<PolicySet> policies;
  {
    Desired desired;
    add_domain(desired, "web1", {{"tier", "web"}});
    add_policy(desired, "p", {allow("r", {.domain_labels = {{"tier", "web"}}})});
    policies.emplace(desired);
  }
  PolicySet moved = std::move(*policies);
  EXPECT_TRUE(moved.decide("web1", "dns").allowed);
}

TEST(DecideBindings, DecidesEachBinding) {
  Desired desired;
  add_domain(desired, "web1");
  add_domain(desired, "web2");
  add_service(desired, "dns");
  add_policy(desired, "p", {allow("r", {.domains = {"web1"}})});
  add_binding(desired, "one", "web1", "dns");
  add_binding(desired, "two", "web2", "dns");
  const auto decisions = decide_bindings(desired);
  ASSERT_EQ(decisions.size(), 2u);
  EXPECT_TRUE(decisions.at("one").allowed);
  EXPECT_FALSE(decisions.at("two").allowed);
}

TEST(Explain, ListsEveryRuleThatMatchedDeniesFirst) {
  Desired desired;
  add_policy(desired, "a", {allow("all", {}), deny("no2", {.domains = {"web2"}})});
  add_policy(desired, "b", {deny("no1", {.services = {"dns"}}), allow("x", {.domains = {"x"}})});
  const Explanation why = PolicySet(desired).explain("web2", "dns");
  EXPECT_EQ(why.domain, "web2");
  EXPECT_EQ(why.service, "dns");
  EXPECT_EQ(names_of(why.matched), (std::vector<std::string>{"a/no2", "b/no1", "a/all"}));
  EXPECT_EQ(why.matched[0].because, "matches domain web2 and service dns");
  EXPECT_EQ(why.matched[0].message, "no2 says no");
  EXPECT_EQ(why.matched[0].source, (Source{"a.yaml", 2, 1}));
  EXPECT_TRUE(why.matched[0].matched);
  EXPECT_TRUE(why.nearest.empty());
  EXPECT_EQ(why.fix, "change or remove rule no2 of policy a (a.yaml:2:1) and 1 more that deny it");
}

TEST(Explain, SaysThatAnAllowIsNeededToo) {
  Desired desired;
  add_policy(desired, "a", {deny("no", {})});
  EXPECT_EQ(PolicySet(desired).explain("web2", "dns").fix,
            "change or remove rule no of policy a (a.yaml:1:1); "
            "then a rule must allow domain web2 to use service dns");
}

TEST(Explain, AnAllowedPairNeedsNoFix) {
  Desired desired;
  add_policy(desired, "a", {allow("yes", {})});
  const Explanation why = PolicySet(desired).explain("web2", "dns");
  EXPECT_TRUE(why.decision.allowed);
  EXPECT_EQ(why.fix, "");
  EXPECT_EQ(names_of(why.matched), (std::vector<std::string>{"a/yes"}));
}

TEST(Explain, WithoutRulesAsksForOne) {
  const Explanation why = PolicySet(Desired{}).explain("web2", "dns");
  EXPECT_TRUE(why.matched.empty());
  EXPECT_TRUE(why.nearest.empty());
  EXPECT_EQ(why.fix, "add a rule that allows domain web2 to use service dns");
}

struct NearCase {
  RuleMatch match;
  std::string because;
  std::string fix;
};

TEST(Explain, ShowsRulesThatMissedByOneCondition) {
  const std::vector<NearCase> cases{
      {{.domains = {"web1"}},
       "domain web2 is not among web1",
       "add web2 to the domains of rule r of policy p (p.yaml:1:1)"},
      {{.domains = {"e", "d", "c", "b", "a"}},
       "domain web2 is not among a, b, c and 2 more",
       "add web2 to the domains of rule r of policy p (p.yaml:1:1)"},
      {{.domain_labels = {{"stage", "production"}, {"tier", "web"}}},
       "domain web2 has label stage=testing, not production",
       "give domain web2 the label stage=production, which rule r of policy p (p.yaml:1:1) asks "
       "for"},
      {{.domain_labels = {{"team", "shop"}}},
       "domain web2 has no label team=shop",
       "give domain web2 the label team=shop, which rule r of policy p (p.yaml:1:1) asks for"},
      {{.services = {"names"}},
       "service dns is not among names",
       "add dns to the services of rule r of policy p (p.yaml:1:1)"},
      {{.kinds = {"ldap"}},
       "service dns is of kind dns, not ldap",
       "add dns to the kinds of rule r of policy p (p.yaml:1:1)"},
  };
  for (const NearCase& near : cases) {
    Desired desired;
    add_domain(desired, "web2", {{"tier", "web"}, {"stage", "testing"}});
    add_service(desired, "dns");
    add_policy(desired, "p", {allow("r", near.match), deny("d", near.match)});
    const Explanation why = PolicySet(desired).explain("web2", "dns");
    ASSERT_EQ(names_of(why.nearest), (std::vector<std::string>{"p/r"})) << near.because;
    EXPECT_EQ(why.nearest[0].because, near.because);
    EXPECT_FALSE(why.nearest[0].matched);
    EXPECT_EQ(why.fix, near.fix);
  }
}

TEST(Explain, SaysWhenAServiceIsNotDeclared) {
  Desired desired;
  add_policy(desired, "p", {allow("r", {.kinds = {"dns"}})});
  const Explanation why = PolicySet(desired).explain("web2", "names");
  ASSERT_EQ(why.nearest.size(), 1u);
  EXPECT_EQ(why.nearest[0].because, "service names is not declared, so its kind is not known");
  EXPECT_EQ(why.fix, "declare service names; rule r of policy p (p.yaml:1:1) asks for its kind");
}

TEST(Explain, ShowsFewNearMissesAndNoneThatMissedTwice) {
  Desired desired;
  std::vector<Rule> rules{allow("a-far", {.domains = {"x"}, .services = {"y"}})};
  for (int i = 0; i < 9; ++i) rules.push_back(allow("r" + std::to_string(i), {.domains = {"x"}}));
  add_policy(desired, "p", rules);
  EXPECT_THAT(names_of(PolicySet(desired).explain("web2", "dns").nearest),
              ElementsAre("p/r0", "p/r1", "p/r2", "p/r3", "p/r4"));
}

TEST(Explain, DecidesAsDecideDoes) {
  Desired desired;
  add_policy(desired, "a", {allow("all", {}), deny("no2", {.domains = {"web2"}})});
  const PolicySet policies(desired);
  for (const char* domain : {"web1", "web2"})
    EXPECT_EQ(policies.explain(domain, "dns").decision, policies.decide(domain, "dns"));
}

}  // namespace
}  // namespace vs::test
