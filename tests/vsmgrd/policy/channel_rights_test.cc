// Who may do what with which channel, and by which rule.
#include "vsmgrd/policy/channel_rights.h"

#include <gtest/gtest.h>

#include "policy_builder.h"
#include "vsmgrd/policy/policy_set.h"

namespace vs::test {
namespace {

ChannelRule rule(const std::string& id, Effect effect, std::vector<std::string> channels, std::vector<std::string> verbs = {},
                 RuleMatch match = {}) {
  return {.id = id,
          .effect = effect,
          .message = id + " says so",
          .match = std::move(match),
          .channels = std::move(channels),
          .verbs = std::move(verbs)};
}

class ChannelRightsTest : public ::testing::Test {
 protected:
  ChannelRightsTest() {
    add_domain(desired, "sensor");
    add_domain(desired, "screen");
    add_service(desired, "bus", "pubsub");
    add_service(desired, "dns");
    add_policy(desired, "p", {allow("all", {})});
  }
  void channel_rules(std::vector<ChannelRule> rules) {
    Resource& policy = desired.policies.at("p");
    for (std::size_t i = 0; i < rules.size(); ++i)
      policy.metadata.sources["/spec/channelRules/" + std::to_string(i)] = {"p.yaml", static_cast<int>(i) + 10, 3};
    std::get<AccessPolicySpec>(policy.spec).channel_rules = std::move(rules);
  }
  ChannelVerdict judge(const std::string& domain, const std::string& channel, const std::string& verb) {
    rights = PolicySet(desired).decide(domain, "bus").channels;
    return judge_channel(rights, channel, verb);
  }

  Desired desired;
  std::vector<ChannelRight> rights;
};

TEST_F(ChannelRightsTest, WithoutRulesEverythingIsAllowed) {
  EXPECT_TRUE(judge("sensor", "a", "publish").allowed);
  EXPECT_EQ(judge("sensor", "a", "publish").policy, "");
}

TEST_F(ChannelRightsTest, WhereSomethingIsAllowedTheRestIsDenied) {
  channel_rules({rule("room", Effect::allow, {"room.>"}, {"publish"}, {.domains = {"sensor"}})});
  const ChannelVerdict allowed = judge("sensor", "room.north", "publish");
  EXPECT_TRUE(allowed.allowed);
  EXPECT_EQ(allowed.policy, "p");
  EXPECT_EQ(allowed.rule, "room");
  ASSERT_TRUE(allowed.source);
  EXPECT_EQ(allowed.source->line, 10);
  EXPECT_FALSE(judge("sensor", "room.north", "subscribe").allowed);
  EXPECT_FALSE(judge("sensor", "hall", "publish").allowed);
  EXPECT_TRUE(judge("screen", "hall", "publish").allowed) << "no rule is about screen";
}

TEST_F(ChannelRightsTest, ADenyWinsAndTakesNothingElseAway) {
  channel_rules({rule("a-all", Effect::allow, {">"}), rule("secret", Effect::deny, {"*.secret"}, {"subscribe"})});
  EXPECT_FALSE(judge("screen", "room.secret", "subscribe").allowed);
  EXPECT_EQ(judge("screen", "room.secret", "subscribe").rule, "secret");
  EXPECT_TRUE(judge("screen", "room.secret", "publish").allowed);
  channel_rules({rule("secret", Effect::deny, {"*.secret"}, {"subscribe"})});
  EXPECT_FALSE(judge("screen", "room.secret", "subscribe").allowed);
  EXPECT_TRUE(judge("screen", "room.open", "subscribe").allowed);
}

TEST_F(ChannelRightsTest, AllLimitsOfAnAllowedPublishAreTold) {
  ChannelRule fast = rule("fast", Effect::allow, {"a"});
  fast.rate = 10;
  ChannelRule small = rule("small", Effect::allow, {">"});
  small.event_bytes_max = 100;
  channel_rules({fast, small});
  EXPECT_EQ(judge("sensor", "a", "publish").limits.size(), 2u);
  EXPECT_EQ(judge("sensor", "b", "publish").limits.size(), 1u);
  EXPECT_TRUE(judge("sensor", "a", "subscribe").limits.empty());
}

TEST_F(ChannelRightsTest, TheLimitOnFiltersIsOfSubscribing) {
  ChannelRule cheap = rule("cheap", Effect::allow, {"a"});
  cheap.filter_cost_max = 1000;
  channel_rules({cheap});
  EXPECT_EQ(judge("sensor", "a", "subscribe").limits.size(), 1u);
  EXPECT_TRUE(judge("sensor", "a", "publish").limits.empty());
}

TEST_F(ChannelRightsTest, AnUpdateOfThePoliciesChangesThem) {
  const PolicySet before(desired);
  channel_rules({rule("none", Effect::deny, {">"})});
  const PolicySet after = before.updated(desired);
  EXPECT_TRUE(before.decide("sensor", "bus").channels.empty());
  EXPECT_EQ(after.decide("sensor", "bus").channels.size(), 1u);
  EXPECT_TRUE(after.decide("sensor", "dns").channels.empty()) << "only services with channels have such rights";
}

TEST_F(ChannelRightsTest, MemoryIsSharedAsFarAsAllWhoShareItMayRead) {
  const auto mode = [&](const std::string& channel) {
    const PolicySet policies(desired);
    return judge_sharing({{"sensor", policies.decide("sensor", "bus").channels}, {"screen", policies.decide("screen", "bus").channels}},
                         channel)
        .mode;
  };
  EXPECT_EQ(mode("a"), "group") << "nobody is under a rule";
  ChannelRule equal = rule("read", Effect::allow, {"market.>"}, {"subscribe"});
  equal.sharing = "equal";
  ChannelRule group = rule("some", Effect::allow, {"market.stocks.*"}, {"subscribe"}, {.domains = {"screen"}});
  group.sharing = "group";
  channel_rules({equal, group});
  EXPECT_EQ(mode("market.ticks"), "equal");
  EXPECT_EQ(mode("market.stocks.ibm"), "group") << "the rule that shares less";
  EXPECT_EQ(mode("room.north"), "private") << "nobody may read it";
  channel_rules({equal, rule("not", Effect::deny, {"market.ticks"}, {"subscribe"}, {.domains = {"screen"}})});
  EXPECT_EQ(mode("market.ticks"), "private") << "one of them may not";
  equal.match = {.domains = {"screen"}};
  channel_rules({equal, rule("writes", Effect::allow, {"market.>"}, {"create", "publish"}, {.domains = {"sensor"}})});
  EXPECT_EQ(mode("market.ticks"), "equal") << "who only publishes is given no shared memory";
}

}  // namespace
}  // namespace vs::test
