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

const NodeFacts kNode{.name = "node1", .labels = {{"tier", "a"}, {"rack", "7"}}};

Rule random_rule(Chance& chance, const std::string& id) {
  RuleMatch match{.domains = some_of(chance, kDomains),
                  .domain_labels = some_labels(chance),
                  .services = some_of(chance, kServices),
                  .kinds = some_of(chance, kServiceKinds)};
  if (chance.one_in(4)) match.domain_types = {chance.one_in(2) ? "sandbox" : "container"};
  if (chance.one_in(4)) match.nodes = some_of(chance, {"node1", "node2"});
  if (chance.one_in(4)) match.node_labels = some_labels(chance);
  return {.id = id,
          .effect = chance.one_in(3) ? Effect::deny : Effect::allow,
          .message = "m" + id,
          .match = std::move(match),
          .mode = chance.one_in(2) ? Mode::enforce : static_cast<Mode>(chance.below(3))};
}

Desired random_desired(Chance& chance) {
  Desired desired;
  for (const char* name : {"web1", "web2", "db1"})
    add_domain(desired, name, some_labels(chance), chance.one_in(2) ? "sandbox" : "container");
  for (const char* name : {"dns", "names", "staff"})
    add_service(desired, name, chance.of(kServiceKinds));
  for (std::size_t policies = chance.below(4); policies > 0; --policies) {
    std::vector<Rule> rules;
    for (std::size_t i = 1 + chance.below(5); i > 0; --i)
      rules.push_back(random_rule(chance, "r" + std::to_string(i)));
    add_policy(desired, "p" + std::to_string(policies), std::move(rules));
  }
  return desired;
}

bool lists(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

bool has_all(const Labels& wanted, const Labels& labels) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    return labels.contains(label.first) && labels.at(label.first) == label.second;
  });
}

// A decision without its place, in which one made by hand is not interested.
struct Verdict {
  bool allowed = false;
  std::string policy;
  std::string rule;
  std::string message;
  Mode mode = Mode::enforce;
  std::string trial_policy;
  std::string trial_rule;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};
Verdict verdict_of(const Decision& decision) {
  return {.allowed = decision.allowed,
          .policy = decision.policy,
          .rule = decision.rule,
          .message = decision.message,
          .mode = decision.mode,
          .trial_policy = decision.trial ? decision.trial->policy : "",
          .trial_rule = decision.trial ? decision.trial->rule : ""};
}

struct Found {
  std::string policy;
  Rule rule;
};

// The rules that match, by policy and rule id: all rules are read, and nothing is clever.
std::vector<Found> naive_matches(const Desired& desired, const std::string& domain,
                                 const std::string& service) {
  const bool known_domain = desired.domains.contains(domain);
  const Labels labels = known_domain ? desired.domains.at(domain).metadata.labels : Labels{};
  const std::string type =
      known_domain ? std::get<DomainSpec>(desired.domains.at(domain).spec).type : "";
  const std::string kind = desired.services.contains(service)
                               ? std::get<ServiceSpec>(desired.services.at(service).spec).kind
                               : "";
  std::vector<Found> found;
  for (const auto& [policy, resource] : desired.policies)
    for (const Rule& rule : std::get<AccessPolicySpec>(resource.spec).rules)
      if (lists(rule.match.domains, domain) && lists(rule.match.services, service) &&
          lists(rule.match.kinds, kind) && lists(rule.match.domain_types, type) &&
          lists(rule.match.nodes, kNode.name) && has_all(rule.match.domain_labels, labels) &&
          has_all(rule.match.node_labels, kNode.labels))
        found.push_back({policy, rule});
  std::sort(found.begin(), found.end(), [](const Found& left, const Found& right) {
    return std::pair(left.policy, left.rule.id) < std::pair(right.policy, right.rule.id);
  });
  return found;
}

// The definition, word for word.
Verdict naive_verdict(const Desired& desired, const std::string& domain,
                      const std::string& service) {
  const std::vector<Found> matching = naive_matches(desired, domain, service);
  const auto first = [&](Effect effect, Mode mode) -> const Found* {
    for (const Found& found : matching)
      if (found.rule.effect == effect && found.rule.mode == mode) return &found;
    return nullptr;
  };
  if (const Found* deny = first(Effect::deny, Mode::enforce))
    return {.policy = deny->policy, .rule = deny->rule.id, .message = deny->rule.message};
  for (const Mode mode : {Mode::enforce, Mode::warn, Mode::audit}) {
    const Found* allow = first(Effect::allow, mode);
    if (!allow) continue;
    Verdict verdict{.allowed = true,
                    .policy = allow->policy,
                    .rule = allow->rule.id,
                    .message = allow->rule.message,
                    .mode = mode};
    const Found* warn = first(Effect::deny, Mode::warn);
    const Found* audit = first(Effect::deny, Mode::audit);
    if (warn) verdict.mode = Mode::warn;
    if (!warn && audit && mode == Mode::enforce) verdict.mode = Mode::audit;
    const Found* trial = verdict.mode == Mode::warn    ? warn
                         : verdict.mode == Mode::audit ? audit
                                                       : nullptr;
    if (trial) {
      verdict.trial_policy = trial->policy;
      verdict.trial_rule = trial->rule.id;
    }
    return verdict;
  }
  return {.message = "no rule allows domain " + domain + " to use service " + service};
}

TEST(RuleIndex, DecidesAsReadingAllRulesWould) {
  int allowed = 0;
  int denied = 0;
  int on_trial = 0;
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    Chance chance(seed);
    const Desired desired = random_desired(chance);
    const PolicySet policies(desired, kNode);
    for (const std::string& domain : kDomains) {
      for (const std::string& service : kServices) {
        const Decision decision = policies.decide(domain, service);
        ASSERT_EQ(verdict_of(decision), naive_verdict(desired, domain, service)) << "seed " << seed;
        (decision.allowed ? allowed : denied) += 1;
        on_trial += decision.mode != Mode::enforce;
      }
    }
  }
  EXPECT_GT(allowed, 1000);
  EXPECT_GT(denied, 1000);
  EXPECT_GT(on_trial, 1000);
}

TEST(RuleIndex, AnExplanationDecidesAsTheRealDecisionDoes) {
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    Chance chance(seed);
    const Desired desired = random_desired(chance);
    const PolicySet policies(desired, kNode);
    for (const std::string& domain : kDomains) {
      for (const std::string& service : kServices) {
        const Explanation why = policies.explain(domain, service);
        ASSERT_EQ(why.decision, policies.decide(domain, service)) << "seed " << seed;
        ASSERT_EQ(why.matched.size(), naive_matches(desired, domain, service).size());
        ASSERT_EQ(why.fix.empty(), why.decision.allowed);
        ASSERT_EQ(why.notice.empty(), why.decision.mode == Mode::enforce);
      }
    }
  }
}

TEST(RuleIndex, TheOrderOfRulesDoesNotMatter) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Chance chance(seed);
    const Desired desired = random_desired(chance);
    Desired shuffled = desired;
    for (const auto& [name, policy] : desired.policies) {
      auto rules = std::get<AccessPolicySpec>(policy.spec).rules;
      for (std::size_t i = rules.size(); i > 1; --i)
        std::swap(rules[i - 1], rules[chance.below(i)]);
      shuffled.policies[name].spec = AccessPolicySpec{std::move(rules)};
    }
    const PolicySet before(desired, kNode);
    const PolicySet after(shuffled, kNode);
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

// A walk of random changes: what is carried over from one set to the next must be as if made anew.
TEST(RuleIndex, ASetThatWasUpdatedDecidesAsOneMadeAnew) {
  Chance chance(7);
  Desired desired = random_desired(chance);
  PolicySet updated(desired, kNode);
  for (int step = 0; step < 1000; ++step) {
    const std::string policy = "p" + std::to_string(1 + chance.below(6));
    if (chance.one_in(4)) {
      desired.policies.erase(policy);
    } else {
      std::vector<Rule> rules;
      for (std::size_t i = 1 + chance.below(5); i > 0; --i)
        rules.push_back(random_rule(chance, "r" + std::to_string(i)));
      add_policy(desired, policy, std::move(rules));
    }
    updated = updated.updated(desired);
    ASSERT_LE(updated.compiled(), 1u) << "only the changed policy";
    const PolicySet anew(desired, kNode);
    for (const std::string& domain : kDomains)
      for (const std::string& service : kServices)
        ASSERT_EQ(updated.decide(domain, service), anew.decide(domain, service)) << "step " << step;
  }
}

TEST(RuleIndex, FindsRulesWhoseListsAreTooLongToPair) {
  Rule rule = allow("long", {});
  for (int i = 0; i < 100; ++i) {
    rule.match.domains.push_back("d" + std::to_string(i));
    rule.match.services.push_back("s" + std::to_string(i));
  }
  rule.match.services.emplace_back("one-more");
  ASSERT_GT(rule.match.domains.size() * rule.match.services.size(), kKeysPerRuleMax);
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
