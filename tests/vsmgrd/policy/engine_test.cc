// What is kept from one state to the next must make no difference but in time.
#include "vsmgrd/policy/engine.h"

#include <gtest/gtest.h>

#include "tests/vsmgrd/model/random_resource.h"
#include "tests/vsmgrd/policy/policy_builder.h"

namespace vs::test {
namespace {

Desired two_bindings() {
  Desired desired;
  add_domain(desired, "web1", {{"tier", "web"}});
  add_domain(desired, "web2");
  add_service(desired, "dns");
  add_policy(desired, "p", {allow("r", {.domain_labels = {{"tier", "web"}}})});
  add_binding(desired, "one", "web1", "dns");
  add_binding(desired, "two", "web2", "dns");
  return desired;
}

constexpr bool kAll = true;

TEST(PolicyEngine, DecidesTheBindingsThatAreNamed) {
  PolicyEngine engine;
  const Desired desired = two_bindings();
  const auto decisions = engine.decide(desired, {.bindings = {"two", "gone"}});
  ASSERT_EQ(decisions.size(), 1u);
  EXPECT_FALSE(decisions.at("two").allowed);
  EXPECT_EQ(engine.decide(desired, {.all = kAll}).size(), 2u);
}

TEST(PolicyEngine, FollowsALabelThatADomainIsGiven) {
  PolicyEngine engine;
  Desired desired = two_bindings();
  EXPECT_FALSE(engine.decide(desired, {.all = kAll}).at("two").allowed);
  add_domain(desired, "web2", {{"tier", "web"}});
  EXPECT_TRUE(engine.decide(desired, {.bindings = {"two"}}).at("two").allowed);
}

TEST(PolicyEngine, AChangeThatIsRolledBackLeavesNothing) {
  PolicyEngine engine;
  const Desired before = two_bindings();
  Desired tried = before;
  add_policy(tried, "q", {deny("no", {})});
  EXPECT_FALSE(engine.decide(tried, {.all = kAll}).at("one").allowed);
  EXPECT_TRUE(engine.decide(before, {.all = kAll}).at("one").allowed);
}

// Any walk of changes, some of them rolled back.
TEST(PolicyEngine, DecidesAsOneWithoutAMemoryWould) {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    Chance chance(seed);
    PolicyEngine engine;
    Desired current = two_bindings();
    const auto number = [&](std::size_t limit) { return std::to_string(chance.below(limit)); };
    for (int step = 0; step < 100; ++step) {
      Desired next = current;
      switch (chance.below(6)) {
        case 0: add_domain(next, "web" + number(4), {{"tier", chance.one_in(2) ? "web" : "db"}}); break;
        case 1: add_service(next, "s" + number(3), chance.one_in(2) ? "dns" : "video"); break;
        case 2: add_binding(next, "b" + number(8), "web" + number(4), "s" + number(3)); break;
        case 3: next.bindings.erase("b" + number(8)); break;
        case 4: {
          Rule rule = allow("r", {.kinds = {chance.one_in(2) ? "dns" : "video"}});
          if (chance.one_in(2)) rule.match.domain_labels = {{"tier", "web"}};
          if (chance.one_in(3)) rule.effect = Effect::deny;
          if (chance.one_in(3)) rule.mode = Mode::warn;
          add_policy(next, "p" + number(4), {rule});
          break;
        }
        default:
          if (chance.one_in(2))
            next.policies.erase("p" + number(4));
          else
            add_sharing(next, "s" + number(3), chance.one_in(2) ? "open" : "delayed",
                        chance.one_in(2) ? RuleMatch{} : RuleMatch{.kinds = {"dns"}});
      }
      ASSERT_EQ(engine.decide(next, {.all = kAll}), decide_bindings(next))
          << "seed " << seed << " step " << step;
      if (!chance.one_in(3)) current = next;
    }
  }
}

TEST(Sharing, WithoutAPolicyIsPrivate) {
  const PolicySet policies(two_bindings());
  EXPECT_EQ(policies.decide("web1", "dns").sharing, Sharing{});
  EXPECT_EQ(Sharing{}.mode, "private");
}

struct Contest {
  RuleMatch winner;
  std::string winner_mode;
  RuleMatch loser;
  std::string loser_mode;
};

TEST(Sharing, TheMostSpecificPolicyCounts) {
  const std::vector<Contest> contests{
      {{.domains = {"web1"}}, "open", {.domain_labels = {{"tier", "web"}}}, "private"},
      {{.domains = {"web1"}, .services = {"dns"}}, "open", {.domains = {"web1"}}, "private"},
      {{.domain_labels = {{"tier", "web"}}}, "open", {.kinds = {"dns"}}, "private"},
      {{.kinds = {"dns"}}, "open", {}, "private"},
      {{.kinds = {"dns"}}, "private", {.kinds = {"dns"}}, "delayed"},
      {{.kinds = {"dns"}}, "delayed", {.domain_types = {"sandbox"}}, "open"},
  };
  for (const Contest& contest : contests) {
    for (const bool first : {true, false}) {  // whatever their names are
      Desired desired = two_bindings();
      add_sharing(desired, first ? "a" : "z", contest.winner_mode, contest.winner);
      add_sharing(desired, "m", contest.loser_mode, contest.loser);
      const PolicySet policies(desired);
      EXPECT_EQ(policies.decide("web1", "dns").sharing.mode, contest.winner_mode);
      const Explanation why = policies.explain("web1", "dns");
      EXPECT_EQ(why.decision, policies.decide("web1", "dns"));
      ASSERT_EQ(why.sharing.size(), 2u);
      EXPECT_EQ(why.sharing[0].policy, first ? "a" : "z");
    }
  }
}

TEST(Sharing, OfEqualsTheFirstByNameCounts) {
  Desired desired = two_bindings();
  add_sharing(desired, "b", "open", {});
  add_sharing(desired, "a", "open", {});
  EXPECT_EQ(PolicySet(desired).decide("web1", "dns").sharing.policy, "a");
}

TEST(Trial, AWarningLetsThroughWhatWouldBeDenied) {
  Desired desired = two_bindings();
  add_policy(desired, "t", {on_trial(Mode::warn, deny("no-dns", {.kinds = {"dns"}}))});
  const PolicySet policies(desired);
  const Decision decision = policies.decide("web1", "dns");
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.rule, "r");
  EXPECT_EQ(decision.mode, Mode::warn);
  ASSERT_TRUE(decision.trial);
  EXPECT_EQ(decision.trial->rule, "no-dns");
  EXPECT_EQ(policies.explain("web1", "dns").notice,
            "let through on trial: rule no-dns of policy t (t.yaml:1:1) would deny it, and its mode "
            "is warn");
  EXPECT_FALSE(policies.decide("web2", "dns").allowed) << "a deny grants nothing, on trial or not";
}

TEST(Trial, AnAllowOnTrialGrantsWhatNoRuleInForceDoes) {
  Desired desired = two_bindings();
  add_policy(desired, "t", {on_trial(Mode::warn, allow("rest", {}))});
  const PolicySet policies(desired);
  EXPECT_EQ(policies.decide("web1", "dns").mode, Mode::enforce) << "a rule in force allows it";
  const Decision rest = policies.decide("web2", "dns");
  EXPECT_TRUE(rest.allowed);
  EXPECT_EQ(rest.mode, Mode::warn);
  EXPECT_EQ(rest.rule, "rest");
  EXPECT_FALSE(rest.trial);
  add_policy(desired, "z", {deny("no", {.domains = {"web2"}})});
  EXPECT_FALSE(PolicySet(desired).decide("web2", "dns").allowed) << "a deny in force wins";
}

}  // namespace
}  // namespace vs::test
