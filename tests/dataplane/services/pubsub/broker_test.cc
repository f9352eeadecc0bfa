// Channels, patterns and filters: who gets what.
#include "dataplane/services/pubsub/broker.h"

#include <gtest/gtest.h>

#include "broker_test.h"

namespace vs::pubsub::test {
namespace {

TEST_F(BrokerTest, AnEventGoesToAllWhoSubscribedToItsChannel) {
  const auto one = subscribe({.pattern = "market.IBM"});
  const auto any = subscribe({.pattern = "market.*"});
  const auto other = subscribe({.pattern = "weather.>"});
  EXPECT_EQ(publish({.channel = "market.IBM", .payload = "101"}).subscribers, 2u);
  EXPECT_EQ(take(one), "101");
  EXPECT_EQ(take(any), "101");
  EXPECT_EQ(take(other), "");
  EXPECT_EQ(ready, (std::vector{one, any}));
}

TEST_F(BrokerTest, EachChannelCountsItsEvents) {
  EXPECT_EQ(publish({.channel = "a"}).sequence, 1u);
  EXPECT_EQ(publish({.channel = "a"}).sequence, 2u);
  EXPECT_EQ(publish({.channel = "b"}).sequence, 1u);
}

TEST_F(BrokerTest, SaysOnceThatThereIsSomething) {
  const auto id = subscribe({.pattern = "a"});
  publish({.channel = "a", .payload = "1"});
  publish({.channel = "a", .payload = "2"});
  EXPECT_EQ(ready.size(), 1u);
  EXPECT_EQ(take(id), "1 2");
  publish({.channel = "a", .payload = "3"});
  EXPECT_EQ(ready.size(), 2u);
}

TEST_F(BrokerTest, AFilterLetsThroughWhatItHoldsFor) {
  const auto id = subscribe({.pattern = "market.>", .filter = "attributes.price > 100 && attributes.symbol == 'IBM'"});
  const auto event = [](std::int64_t price, const char* symbol) {
    return Written{.channel = "market.x", .texts = {{"symbol", symbol}}, .integers = {{"price", price}}};
  };
  EXPECT_EQ(publish(event(101, "IBM")).subscribers, 1u);
  EXPECT_EQ(publish(event(100, "IBM")).subscribers, 0u);
  EXPECT_EQ(publish(event(101, "SAP")).subscribers, 0u);
  EXPECT_EQ(publish({.channel = "market.x"}).subscribers, 0u);  // without attributes
  EXPECT_EQ(broker.queue(id)->events(), 1u);
}

TEST_F(BrokerTest, FiltersSeeChannelKeyContentTypeSequenceAndPayload) {
  const Written event{.channel = "a.b", .payload = "12345", .key = "k", .content_type = "text/plain"};
  for (const char* filter : {"channel == 'a.b'", "key == 'k'", "contentType.startsWith('text/')", "sequence == 1", "size(payload) == 5"}) {
    Broker one([](SubscriptionId) {});
    ASSERT_TRUE(one.subscribe({.pattern = ">", .filter = filter}));
    const auto bytes = write(event);
    EXPECT_EQ(one.publish(**one.create(event.channel), *read_event(bytes), bytes, 0, now).subscribers, 1u) << filter;
  }
}

TEST_F(BrokerTest, AFilterThatIsNoneLeavesTheOldOne) {
  const auto id = subscribe({.pattern = "a", .filter = "key == 'x'"});
  const auto refused = broker.set_filter(id, "key == ");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "filter: column 8: the expression is not complete");
  EXPECT_EQ(publish({.channel = "a", .key = "x"}).subscribers, 1u);
  EXPECT_EQ(publish({.channel = "a", .key = "y"}).subscribers, 0u);
  ASSERT_TRUE(broker.set_filter(id, "key == 'y'"));
  EXPECT_EQ(publish({.channel = "a", .key = "x"}).subscribers, 0u);
  EXPECT_EQ(publish({.channel = "a", .key = "y"}).subscribers, 1u);
  ASSERT_TRUE(broker.set_filter(id, ""));
  EXPECT_EQ(publish({.channel = "a", .key = "x"}).subscribers, 1u);
}

TEST_F(BrokerTest, ALateSubscriberMayBeginWithTheNewest) {
  publish({.channel = "room.1", .payload = "old"});
  publish({.channel = "room.1", .payload = "warm"});
  publish({.channel = "room.2", .payload = "cold"});
  const auto id = subscribe({.pattern = "room.*", .retained = true});
  EXPECT_EQ(take(id), "warm(retained) cold(retained)");
  EXPECT_EQ(take(subscribe({.pattern = "room.*"})), "");
  EXPECT_EQ(take(subscribe({.pattern = "room.*", .filter = "channel.endsWith('2')", .retained = true})), "cold(retained)");
}

TEST_F(BrokerTest, WhoBlocksIsAskedForRoomBefore) {
  const auto id = subscribe({.pattern = "a", .limits = {.events_max = 1}, .overflow = Overflow::block});
  const auto event = write({.channel = "a", .payload = "1"});
  EXPECT_TRUE(has_room(event));
  publish({.channel = "a", .payload = "1"});
  EXPECT_FALSE(has_room(event));
  EXPECT_EQ(publish({.channel = "a", .payload = "2"}).lost, 1u);  // waited long enough
  EXPECT_EQ(take(id), "1 lost:1");
  EXPECT_TRUE(has_room(event));
}

TEST_F(BrokerTest, WhoIsTooSlowCostsOnlyItself) {
  const auto slow = subscribe({.pattern = "a", .limits = {.events_max = 1}, .overflow = Overflow::disconnect_slow});
  const auto other = subscribe({.pattern = "a"});
  publish({.channel = "a", .payload = "1"});
  const Published second = publish({.channel = "a", .payload = "2"});
  EXPECT_EQ(second.ended, std::vector{slow});
  EXPECT_EQ(broker.queue(slow), nullptr);
  EXPECT_EQ(take(other), "1 2");
  EXPECT_EQ(publish({.channel = "a", .payload = "3"}).subscribers, 1u);
}

TEST_F(BrokerTest, NobodyGetsWhatHeGaveUp) {
  const auto id = subscribe({.pattern = "a", .filter = "sequence > 0"});
  ASSERT_TRUE(broker.unsubscribe(id));
  EXPECT_FALSE(broker.unsubscribe(id));
  EXPECT_EQ(publish({.channel = "a"}).subscribers, 0u);
}

TEST_F(BrokerTest, KeepsItsLimits) {
  EXPECT_EQ(broker.subscribe({.pattern = "a..b"}).error().code, ErrorCode::invalid);
  for (std::size_t n = 0; n < kChannelsMax; ++n) publish({.channel = "c" + std::to_string(n)});
  EXPECT_EQ(broker.create("one-more").error().code, ErrorCode::exhausted);
}

TEST_F(BrokerTest, AChannelsFiltersCostNoMoreThanItsLimit) {
  const std::string dear = "key.matches('a') || key.matches('b')";  // some 33 microseconds at worst: over the limit of one filter
  EXPECT_EQ(broker.subscribe({.pattern = "a", .filter = dear}).error().code, ErrorCode::exhausted);
  ASSERT_TRUE(broker.create("a"));
  std::vector<SubscriptionId> made;
  while (made.size() < 1000) {
    const auto id = broker.subscribe({.pattern = "a", .filter = "key.matches('a')"});
    if (id) {
      made.push_back(*id);
      continue;
    }
    EXPECT_EQ(id.error().code, ErrorCode::exhausted);
    EXPECT_NE(id.error().message.find("channel a: its filters may cost "), std::string::npos) << id.error().message;
    break;
  }
  ASSERT_LT(made.size(), 1000u);
  EXPECT_LE(broker.find("a")->filter_cost, kChannelFilterCostMax);
  EXPECT_TRUE(broker.set_filter(made[0], "key.matches('b')")) << "in the place of the one before";
  EXPECT_FALSE(broker.prepare_derivation("out", {.source = "a", .filter = "key.matches('a')", .operators = ""}));
  // Of a channel that comes later those are left out that there is no room for.
  for (int n = 0; n < 300; ++n) ASSERT_TRUE(broker.subscribe({.pattern = "b.*", .filter = "key.matches('a')"}));
  ASSERT_TRUE(broker.create("b.later"));
  EXPECT_LE(broker.find("b.later")->filter_cost, kChannelFilterCostMax);
  EXPECT_GT(broker.filters_left_out(), 0u);
  for (const SubscriptionId id : made) ASSERT_TRUE(broker.unsubscribe(id));
  EXPECT_EQ(broker.find("a")->filter_cost, 0u);
  EXPECT_TRUE(broker.subscribe({.pattern = "a", .filter = "key.matches('a')"}));
}

}  // namespace
}  // namespace vs::pubsub::test
