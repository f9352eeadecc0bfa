// Schemas of channels: which filters fit, what a change of schema does to those that are there.
#include <gtest/gtest.h>

#include "broker_test.h"

namespace vs::pubsub::test {
namespace {

class SchemaTest : public BrokerTest {
 protected:
  Result<> declare(const std::string& channel, const std::string& schema, Broker::Veto veto = Broker::Veto::of_filters) {
    ChannelParameters parameters;
    parameters.schema = *filter::EventSchema::parse(schema, "");
    return broker.set_parameters(**broker.create(channel), parameters, veto);
  }
  std::string refusal_of(const SubscriptionTerms& terms) {
    const auto id = broker.subscribe(terms);
    return id ? "subscribed" : id.error().message;
  }
};

TEST_F(SchemaTest, AFilterFitsTheSchemaOfItsChannel) {
  ASSERT_TRUE(declare("market", "price int, symbol string"));
  EXPECT_EQ(refusal_of({.pattern = "market", .filter = "attributes.price > 1"}), "subscribed");
  EXPECT_EQ(refusal_of({.pattern = "market", .filter = "attributes.price == 'IBM'"}),
            "filter: column 18: int and string cannot be compared (channel market)");
  EXPECT_EQ(refusal_of({.pattern = "market", .filter = "has(attributes.prise)"}).find("filter: column 5: attributes.prise: no such name"),
            0u);
  EXPECT_EQ(broker.subscriptions(), 1u);
}

TEST_F(SchemaTest, AFilterThatDoesNotFitLeavesTheOldOne) {
  ASSERT_TRUE(declare("market", "price int"));
  const auto id = subscribe({.pattern = "market", .filter = "attributes.price > 100"});
  const auto set = broker.set_filter(id, "attributes.price.startsWith('a')");
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, ErrorCode::invalid);
  EXPECT_NE(set.error().message.find("column 18"), std::string::npos);
  publish({.channel = "market", .payload = "low", .integers = {{"price", 99}}});
  EXPECT_EQ(publish({.channel = "market", .payload = "high", .integers = {{"price", 101}}}).subscribers, 1u);
  EXPECT_EQ(broker.queue(id)->events(), 1u);
}

TEST_F(SchemaTest, APatternLeavesOutTheChannelsThatItsFilterDoesNotFit) {
  ASSERT_TRUE(declare("room.north", "temperature int"));
  ASSERT_TRUE(declare("room.south", "temperature string"));
  const auto id = subscribe({.pattern = "room.*", .filter = "attributes.temperature > 20"});
  EXPECT_EQ(broker.filters_left_out(), 1u);
  EXPECT_EQ(publish({.channel = "room.north", .integers = {{"temperature", 21}}}).subscribers, 1u);
  EXPECT_EQ(publish({.channel = "room.south", .texts = {{"temperature", "hot"}}}).subscribers, 0u);
  EXPECT_EQ(publish({.channel = "room.west", .integers = {{"temperature", 21}}}).subscribers, 1u);  // has no schema
  EXPECT_EQ(broker.filter_errors(), 0u);
  ASSERT_TRUE(broker.unsubscribe(id));
  EXPECT_EQ(broker.filters_left_out(), 0u);
}

TEST_F(SchemaTest, APatternWhoseFilterFitsNoChannelIsRefused) {
  ASSERT_TRUE(declare("room.north", "temperature int"));
  ASSERT_TRUE(declare("room.south", "temperature int"));
  EXPECT_EQ(refusal_of({.pattern = "room.*", .filter = "attributes.humidity > 20"}).find("filter: column 1: attributes.humidity"), 0u);
  EXPECT_EQ(refusal_of({.pattern = "house.*", .filter = "attributes.humidity > 20"}), "subscribed");  // there is none yet
}

TEST_F(SchemaTest, ASchemaThatBreaksAnInstalledFilterIsRefused) {
  const auto id = subscribe({.pattern = "market", .filter = "attributes.price > 100"});
  ASSERT_TRUE(declare("market", "price int"));
  const auto changed = declare("market", "price string");
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::conflict);
  EXPECT_EQ(changed.error().message,
            "channel market: the schema does not fit a filter that is installed: column 18: string and int cannot be compared");
  EXPECT_EQ(broker.find("market")->parameters.schema.text(), "price int");
  EXPECT_EQ(publish({.channel = "market", .integers = {{"price", 101}}}).subscribers, 1u);
  ASSERT_TRUE(broker.set_filter(id, ""));
  EXPECT_TRUE(declare("market", "price string"));
}

TEST_F(SchemaTest, PatternsDoNotDecideWhatAChannelIs) {
  subscribe({.pattern = ">", .filter = "attributes.price > 100"});
  ASSERT_TRUE(declare("market", "price int"));
  EXPECT_TRUE(declare("market", "price string"));
  EXPECT_EQ(broker.filters_left_out(), 1u);
  EXPECT_TRUE(declare("market", "price int"));
  EXPECT_EQ(broker.filters_left_out(), 0u);
  EXPECT_EQ(publish({.channel = "market", .integers = {{"price", 101}}}).subscribers, 1u);
}

TEST_F(SchemaTest, WithoutAVetoTheFilterIsLeftOutUntilItFits) {
  const auto id = subscribe({.pattern = "market", .filter = "attributes.price > 100"});
  ASSERT_TRUE(declare("market", "price string", Broker::Veto::none));
  EXPECT_EQ(publish({.channel = "market", .texts = {{"price", "high"}}}).subscribers, 0u);
  ASSERT_TRUE(declare("market", "price string, open bool"));  // it has no say about a schema that it did not fit before
  ASSERT_TRUE(broker.set_filter(id, "attributes.price == 'high'"));
  EXPECT_EQ(publish({.channel = "market", .texts = {{"price", "high"}}}).subscribers, 1u);
}

TEST_F(SchemaTest, ARetainedEventThatBreaksTheSchemaGoes) {
  publish({.channel = "market", .payload = "old"});
  ASSERT_TRUE(declare("market", "price int, ..."));
  EXPECT_EQ(take(subscribe({.pattern = "market", .retained = true})), "old(retained)");
  ASSERT_TRUE(declare("market", "price int required"));
  EXPECT_EQ(take(subscribe({.pattern = "market", .retained = true})), "");
}

TEST_F(SchemaTest, WhoBlocksAndIsLeftOutBlocksNobody) {
  subscribe({.pattern = ">", .filter = "attributes.price > 0", .limits = {.events_max = 1}, .overflow = Overflow::block});
  ASSERT_TRUE(declare("market", "price int"));
  publish({.channel = "market", .integers = {{"price", 1}}});
  EXPECT_FALSE(has_room(write({.channel = "market", .integers = {{"price", 1}}})));
  ASSERT_TRUE(declare("market", "price string"));
  EXPECT_TRUE(has_room(write({.channel = "market", .texts = {{"price", "1"}}})));
}

}  // namespace
}  // namespace vs::pubsub::test
