#include "vsmgrd/policy/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/model/random_resource.h"
#include "tests/vsmgrd/policy/policy_builder.h"
#include "vsmgrd/policy/replay.h"

namespace vs::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Desired shop() {
  Desired desired;
  add_domain(desired, "web1", {{"tier", "web"}});
  add_service(desired, "dns");
  return desired;
}

// "code policy/rule", as many as are found.
std::vector<std::string> found(const Desired& desired) {
  std::vector<std::string> lines;
  for (const LintFinding& finding : lint(PolicySet(desired, {.name = "node1"}), desired))
    lines.push_back(finding.code + ' ' + finding.policy + '/' + finding.rule);
  return lines;
}

TEST(Lint, FindsNothingWrongWithRulesThatDoSomething) {
  Desired desired = shop();
  add_policy(desired, "p",
             {allow("a", {.domain_labels = {{"tier", "web"}}}), deny("b", {.domains = {"web1"}})});
  EXPECT_THAT(found(desired), IsEmpty());
}

TEST(Lint, FindsAnAllowThatOneDenyTakesAwayWhole) {
  Desired desired = shop();
  add_policy(desired, "p", {allow("a", {.domains = {"web1"}, .services = {"dns"}})});
  add_policy(desired, "q", {deny("b", {.domains = {"web1"}})});
  EXPECT_THAT(found(desired), ElementsAre("shadowed p/a"));
  const auto findings = lint(PolicySet(desired), desired);
  EXPECT_EQ(findings[0].source, (Source{"p.yaml", 1, 1}));
  EXPECT_EQ(findings[0].other, (Source{"q.yaml", 1, 1}));
  EXPECT_EQ(findings[0].message, "can never grant: rule b of policy q (q.yaml:1:1) denies all of it");
  add_policy(desired, "q", {on_trial(Mode::warn, deny("b", {.domains = {"web1"}}))});
  EXPECT_THAT(found(desired), IsEmpty()) << "a rule on trial takes nothing away";
}

TEST(Lint, FindsARuleThatAnotherMakesRedundant) {
  Desired desired = shop();
  add_policy(desired, "p",
             {allow("all-dns", {.kinds = {"dns"}}),
              allow("web-dns", {.domains = {"web1"}, .kinds = {"dns"}})});
  EXPECT_THAT(found(desired), ElementsAre("redundant p/web-dns"));
}

TEST(Lint, CallsOneOfTwoEqualsRedundantAndNotBoth) {
  Desired desired = shop();
  add_policy(desired, "p", {allow("a", {.kinds = {"dns"}}), allow("b", {.kinds = {"dns"}})});
  EXPECT_THAT(found(desired), ElementsAre("redundant p/b"));
}

TEST(Lint, FindsNamesThatAreNotDeclared) {
  Desired desired = shop();
  add_policy(desired, "p",
             {allow("a", {.domains = {"web1", "wbe1"}}), allow("b", {.kinds = {"video"}})});
  EXPECT_THAT(found(desired), ElementsAre("unknown_name p/a", "unknown_name p/b"));
  EXPECT_EQ(lint(PolicySet(desired), desired)[0].message,
            "domain wbe1 is not declared; did you mean \"web1\"?");
}

TEST(Lint, LooksUpNoNamesInFilesOfPoliciesAlone) {
  Desired desired;
  add_policy(desired, "p", {allow("a", {.domains = {"web1"}})});
  EXPECT_THAT(found(desired), IsEmpty());
}

TEST(Lint, FindsRulesThatNothingDeclaredMatches) {
  Desired desired = shop();
  add_policy(desired, "p",
             {allow("a", {.domain_labels = {{"tier", "db"}}}),
              allow("b", {.domains = {"web1"}, .domain_types = {"container"}})});
  EXPECT_THAT(found(desired), ElementsAre("never_matches p/a", "never_matches p/b"));
}

TEST(Lint, FindsWhatAllowsEverything) {
  Desired desired = shop();
  add_policy(desired, "p", {allow("a", {})});
  EXPECT_THAT(found(desired), ElementsAre("open_to_all p/a"));
}

// What is called shadowed or redundant must really make no difference.
TEST(Lint, WhatItCallsUselessChangesNoDecision) {
  int useless = 0;
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Chance chance(seed);
    Desired desired;
    for (const char* name : {"a", "b", "c"})
      add_domain(desired, name, {{"k", chance.one_in(2) ? "x" : "y"}});
    for (const char* name : {"s", "t"}) add_service(desired, name, chance.one_in(2) ? "dns" : "ldap");
    std::vector<Rule> rules;
    for (int i = 0; i < 6; ++i) {
      RuleMatch match;
      for (const char* name : {"a", "b"})
        if (chance.one_in(3)) match.domains.emplace_back(name);
      if (chance.one_in(3)) match.domain_labels = {{"k", "x"}};
      if (chance.one_in(3)) match.services = {"s"};
      if (chance.one_in(3)) match.kinds = {"dns"};
      const std::string id = "r" + std::to_string(i);
      rules.push_back(chance.one_in(3) ? deny(id, match) : allow(id, match));
    }
    add_policy(desired, "p", rules);
    const PolicySet all(desired);
    for (const LintFinding& finding : lint(all, desired)) {
      if (finding.code != "shadowed" && finding.code != "redundant") continue;
      ++useless;
      std::vector<Rule> rest;
      for (const Rule& rule : rules)
        if (rule.id != finding.rule) rest.push_back(rule);
      Desired without = desired;
      add_policy(without, "p", rest);
      const PolicySet others(without);
      for (const char* domain : {"a", "b", "c", "stranger"})
        for (const char* service : {"s", "t", "other"})
          ASSERT_EQ(all.decide(domain, service).allowed, others.decide(domain, service).allowed)
              << "seed " << seed << " rule " << finding.rule;
    }
  }
  EXPECT_GT(useless, 100);
}

RecordedDecision recorded(std::int64_t id, const std::string& domain, Labels labels, bool allowed) {
  return {.id = id,
          .binding = domain + "-dns",
          .domain = domain,
          .labels = std::move(labels),
          .service = "dns",
          .kind = "dns",
          .decision = {.allowed = allowed, .policy = allowed ? "old" : ""}};
}

TEST(Replay, FindsWhatWouldTurnOver) {
  Desired desired = shop();
  add_policy(desired, "p", {allow("web", {.domain_labels = {{"tier", "web"}}})});
  const Replay result = replay(PolicySet(desired), desired,
                               {recorded(1, "web1", {{"tier", "web"}}, true),
                                recorded(2, "db1", {{"tier", "db"}}, true),
                                recorded(3, "web9", {{"tier", "web"}}, false)});
  EXPECT_EQ(result.replayed, 3u);
  ASSERT_EQ(result.flips.size(), 2u);
  EXPECT_EQ(result.flips[0].recorded.id, 2);
  EXPECT_FALSE(result.flips[0].would.allowed);
  EXPECT_EQ(result.flips[1].recorded.id, 3);
  EXPECT_EQ(result.flips[1].would.rule, "web");
}

TEST(Replay, AsksWithTheLabelsOfThenAndTheSameOnlyOnce) {
  Desired desired = shop();
  add_policy(desired, "p", {allow("db", {.domain_labels = {{"tier", "db"}}})});
  const Replay result = replay(PolicySet(desired), desired,
                               {recorded(1, "web1", {{"tier", "db"}}, false),
                                recorded(2, "web1", {{"tier", "db"}}, true)});
  EXPECT_EQ(result.replayed, 1u);
  EXPECT_THAT(result.flips, IsEmpty()) << "web1 was a database then, and the newest record counts";
}

}  // namespace
}  // namespace vs::test
