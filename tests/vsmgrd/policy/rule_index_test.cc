// The index must decide as one would who read all the rules, and must not read them all.
#include "vsmgrd/policy/rule_index.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/vsmgrd/model/random_resource.h"
#include "tests/vsmgrd/policy/policy_builder.h"
#include "vsmgrd/policy/policy_set.h"

namespace vs::test {
namespace {

// Few words, so that rules meet subjects often.
const std::vector<std::string> kDomains{"web1", "web2", "db1", "undeclared"};
const std::vector<std::string> kServices{"dns", "names", "staff", "undeclared"};
const std::vector<std::string> kServiceKinds{"dns", "ldap", "video"};

std::vector<std::string> some_of(Chance& chance, const std::vector<std::string>& words) {
  std::vector<std::string> chosen;
  for (const std::string& word : words)
    if (chance.one_in(3)) chosen.push_back(word);
  if (chance.one_in(2)) std::reverse(chosen.begin(), chosen.end());
  return chosen;
}

Labels some_labels(Chance& chance) {
  Labels labels;
  for (const char* key : {"tier", "stage"})
    if (chance.one_in(3)) labels[key] = chance.one_in(2) ? "a" : "b";
  return labels;
}

Desired random_desired(Chance& chance) {
  Desired desired;
  for (const char* name : {"web1", "web2", "db1"}) add_domain(desired, name, some_labels(chance));
  for (const char* name : {"dns", "names", "staff"})
    add_service(desired, name, chance.of(kServiceKinds));
  for (std::size_t policies = chance.below(4); policies > 0; --policies) {
    std::vector<Rule> rules;
    for (std::size_t i = 1 + chance.below(5); i > 0; --i)
      rules.push_back({"r" + std::to_string(i),
                       chance.one_in(3) ? Effect::deny : Effect::allow,
                       "m" + std::to_string(i),
                       {some_of(chance, kDomains), some_labels(chance), some_of(chance, kServices),
                        some_of(chance, kServiceKinds)}});
    add_policy(desired, "p" + std::to_string(policies), std::move(rules));
  }
  return desired;
}

bool lists(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

// A decision without its place, in which one made by hand is not interested.
struct Verdict {
  bool allowed = false;
  std::string policy;
  std::string rule;
  std::string message;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};
Verdict verdict_of(const Decision& decision) {
  return {decision.allowed, decision.policy, decision.rule, decision.message};
}

// The definition, word for word: all rules are read, and nothing is clever.
Verdict naive_verdict(const Desired& desired, const std::string& domain,
                      const std::string& service) {
  const auto found_domain = desired.domains.find(domain);
  const Labels labels =
      found_domain == desired.domains.end() ? Labels{} : found_domain->second.metadata.labels;
  const auto found_service = desired.services.find(service);
  const std::string kind = found_service == desired.services.end()
                               ? ""
                               : std::get<ServiceSpec>(found_service->second.spec).kind;
  std::optional<Verdict> best;
  for (const auto& [policy, resource] : desired.policies) {
    for (const Rule& rule : std::get<AccessPolicySpec>(resource.spec).rules) {
      bool match = lists(rule.match.domains, domain) && lists(rule.match.services, service) &&
                   lists(rule.match.kinds, kind);
      for (const auto& [key, value] : rule.match.domain_labels)
        match = match && labels.contains(key) && labels.at(key) == value;
      if (!match) continue;
      const bool allowed = rule.effect == Effect::allow;
      const bool better = !best || (best->allowed && !allowed) ||
                          (best->allowed == allowed &&
                           std::pair(policy, rule.id) < std::pair(best->policy, best->rule));
      if (better) best = Verdict{allowed, policy, rule.id, rule.message};
    }
  }
  if (best) return *best;
  return {.message = "no rule allows domain " + domain + " to use service " + service};
}

TEST(RuleIndex, DecidesAsReadingAllRulesWould) {
  int allowed = 0;
  int denied = 0;
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    Chance chance(seed);
    const Desired desired = random_desired(chance);
    const PolicySet policies(desired);
    for (const std::string& domain : kDomains) {
      for (const std::string& service : kServices) {
        const Decision decision = policies.decide(domain, service);
        ASSERT_EQ(verdict_of(decision), naive_verdict(desired, domain, service)) << "seed " << seed;
        (decision.allowed ? allowed : denied) += 1;
      }
    }
  }
  EXPECT_GT(allowed, 1000);
  EXPECT_GT(denied, 1000);
}

TEST(RuleIndex, TheOrderOfRulesDoesNotMatter) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Chance chance(seed);
    const Desired desired = random_desired(chance);
    Desired shuffled = desired;
    for (auto& [name, policy] : shuffled.policies) {
      auto& rules = std::get<AccessPolicySpec>(policy.spec).rules;
      for (std::size_t i = rules.size(); i > 1; --i)
        std::swap(rules[i - 1], rules[chance.below(i)]);
    }
    const PolicySet before(desired);
    const PolicySet after(shuffled);
    for (const std::string& domain : kDomains) {
      for (const std::string& service : kServices) {
        ASSERT_EQ(verdict_of(before.decide(domain, service)),
                  verdict_of(after.decide(domain, service)));
        ASSERT_EQ(before.explain(domain, service).matched.size(),
                  after.explain(domain, service).matched.size());
      }
    }
  }
}

TEST(RuleIndex, FindsRulesWhoseListsAreTooLongToPair) {
  Rule rule = allow("long", {});
  for (int i = 0; i < 100; ++i) {
    rule.match.domains.push_back("d" + std::to_string(i));
    rule.match.services.push_back("s" + std::to_string(i));
  }
  rule.match.services.emplace_back("one-more");
  ASSERT_GT(rule.match.domains.size() * rule.match.services.size(), kPairsPerRuleMax);
  Desired desired;
  add_policy(desired, "p", {rule});
  const PolicySet policies(desired);
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(policies.decide("d" + std::to_string(i), "s" + std::to_string(99 - i)).allowed);
  EXPECT_FALSE(policies.decide("d1", "other").allowed);
  EXPECT_FALSE(policies.decide("other", "s1").allowed);
  EXPECT_EQ(policies.cost("d1", "other"), 0u) << "filed by services, the longer list";
}

// `count` rules of each kind a policy may have; none but one concerns web1 and dns.
std::size_t cost_among(std::size_t count) {
  Desired desired;
  add_domain(desired, "web1", {{"tier", "web"}});
  add_service(desired, "dns");
  std::vector<Rule> rules{allow("the-one", {.domains = {"web1"}, .services = {"dns"}})};
  for (std::size_t i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    rules.push_back(allow("a" + n, {.domains = {"guest" + n}}));
    rules.push_back(allow("b" + n, {.domains = {"web1"}, .services = {"other" + n}}));
    rules.push_back(allow("c" + n, {.domains = {"guest" + n}, .services = {"dns"}}));
    rules.push_back(allow("d" + n, {.domain_labels = {{"tier", "t" + n}}}));
    rules.push_back(allow("e" + n, {.domain_labels = {{"tier", "web"}, {"owner", "o" + n}}}));
    rules.push_back(allow("f" + n, {.services = {"other" + n}}));
    rules.push_back(allow("g" + n, {.kinds = {"kind" + n}}));
  }
  add_policy(desired, "p", std::move(rules));
  const PolicySet policies(desired);
  EXPECT_TRUE(policies.decide("web1", "dns").allowed);
  return policies.cost("web1", "dns");
}

TEST(RuleIndex, ADecisionDoesNotReadTheRulesOfOthers) {
  EXPECT_EQ(cost_among(10), 1u);
  EXPECT_EQ(cost_among(2000), 1u);
}

}  // namespace
}  // namespace vs::test
