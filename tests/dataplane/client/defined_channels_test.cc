// Channels that somebody says something of: parameters, schemas, derivations.
#include <cerrno>

#include "channels_test.h"

namespace vs::test {
namespace {

using DefinedChannelsTest = ChannelsTest;

TEST_F(DefinedChannelsTest, ParametersAreGotAndSet) {
  vs_device* device = open();
  vs_channel_parameters found{};
  EXPECT_EQ(vs_channel_get(device, "a", &found, kPatienceMs), -ENOENT);
  EXPECT_EQ(vs_channel_create(device, "a", nullptr, kPatienceMs), 0);
  EXPECT_EQ(vs_channel_create(device, "a", nullptr, kPatienceMs), -EBUSY);
  subscribe(device, "a");
  EXPECT_EQ(vs_channel_get(device, "a", &found, kPatienceMs), 0);
  EXPECT_EQ(found.retained, 1);
  EXPECT_EQ(found.subscribers, 1u);
  publish(device, "a", "x");
  vs_channel_parameters wanted{};
  wanted.event_bytes_max = 1000;
  wanted.expires_ms = 7;
  EXPECT_EQ(fsync(device), 0);
  EXPECT_EQ(vs_channel_set(device, "a", &wanted, kPatienceMs), 0);
  EXPECT_EQ(vs_channel_get(device, "a", &found, kPatienceMs), 0);
  EXPECT_EQ(found.event_bytes_max, 1000u);
  EXPECT_EQ(found.expires_ms, 7u);
  EXPECT_EQ(found.retained, 0);
  EXPECT_EQ(found.sequence, 1u);
  EXPECT_EQ(vs_channel_set(device, "..", &wanted, kPatienceMs), -EINVAL);
}

TEST_F(DefinedChannelsTest, ASchemaIsDeclaredToldAndKept) {
  vs_device* device = open();
  vs_channel_parameters wanted{};
  wanted.retained = 1;
  wanted.schema = "price double required, symbol string, ...";
  wanted.content_type = "application/json";
  ASSERT_EQ(vs_channel_create(device, "market", &wanted, kPatienceMs), 0) << vs_channel_why(device);
  vs_channel_parameters found{};
  ASSERT_EQ(vs_channel_get(device, "market", &found, kPatienceMs), 0) << vs_channel_why(device);
  EXPECT_STREQ(found.schema, wanted.schema);
  EXPECT_STREQ(found.content_type, wanted.content_type);

  publish(device, "market", "not of the type");
  EXPECT_EQ(fsync(device), -EINVAL);
  EXPECT_STREQ(vs_channel_why(device), "publish market: its content type is \"\", not \"application/json\"");
  EXPECT_EQ(bus.sample("vservices_pubsub_broke_schema_total"), 1);

  const vs_channel_options filtered = {.pattern = "market", .filter = "attributes.price == 'a'", .events_max = 0, .bytes_max = 0,
                                       .overflow = 0, .retained = 0};
  vs_channel_subscription* subscription = nullptr;
  EXPECT_EQ(vs_channel_subscribe(device, &filtered, kPatienceMs, &subscription), -EINVAL);
  EXPECT_STREQ(vs_channel_why(device), "filter: column 18: double and string cannot be compared (channel market)");

  wanted.schema = "price double required, symbol float";
  EXPECT_EQ(vs_channel_set(device, "market", &wanted, kPatienceMs), -EINVAL);
  EXPECT_STREQ(vs_channel_why(device),
               "channel market: schema: column 31: \"symbol\" is of type bool, int, double, string or bytes");
  wanted.schema = nullptr;
  wanted.content_type = "";
  ASSERT_EQ(vs_channel_set(device, "market", &wanted, kPatienceMs), 0);
  ASSERT_EQ(vs_channel_get(device, "market", &found, kPatienceMs), 0);
  EXPECT_STREQ(found.schema, "");
  publish(device, "market", "anything");
  EXPECT_EQ(fsync(device), 0);
}

TEST_F(DefinedChannelsTest, ADerivedChannelIsDeclaredToldAndComputed) {
  vs_device* device = open();
  vs_channel_parameters wanted{};
  wanted.retained = 1;
  wanted.source = "room.*";
  wanted.filter = "size(payload) < 5";
  wanted.operators = "onchange payload";
  ASSERT_EQ(vs_channel_create(device, "changes", &wanted, kPatienceMs), 0) << vs_channel_why(device);
  vs_channel_parameters found{};
  ASSERT_EQ(vs_channel_get(device, "changes", &found, kPatienceMs), 0) << vs_channel_why(device);
  EXPECT_STREQ(found.source, wanted.source);
  EXPECT_STREQ(found.filter, wanted.filter);
  EXPECT_STREQ(found.operators, wanted.operators);
  EXPECT_STREQ(found.schema, "");

  vs_channel_subscription* changes = subscribe(device, "changes");
  for (const char* payload : {"1", "1", "too long", "2"}) publish(device, "room.north", payload);
  EXPECT_EQ(receive(changes), "1");
  EXPECT_EQ(receive(changes), "2");
  EXPECT_EQ(fsync(device), 0);
  EXPECT_EQ(bus.sample("vservices_pubsub_derived_total"), 2);

  publish(device, "changes", "mine");
  EXPECT_EQ(fsync(device), -EACCES);
  EXPECT_STREQ(vs_channel_why(device), "publish changes: a derived channel, to which only the node publishes");
  wanted.operators = "onchange";
  EXPECT_EQ(vs_channel_set(device, "changes", &wanted, kPatienceMs), -EINVAL);
  EXPECT_STREQ(vs_channel_why(device), "channel changes: operators: column 9: payload, key or attributes.NAME belongs here");
  wanted.source = "chang*";
  EXPECT_EQ(vs_channel_set(device, "changes", &wanted, kPatienceMs), -EINVAL);
  wanted = {};
  ASSERT_EQ(vs_channel_set(device, "changes", &wanted, kPatienceMs), 0) << vs_channel_why(device);
  publish(device, "changes", "mine");
  EXPECT_EQ(fsync(device), 0);
}

TEST_F(DefinedChannelsTest, AFilterOfAnyBytesIsToldToPeopleWithoutThem) {
  vs_device* device = open();
  vs_channel_parameters wanted{};
  wanted.source = "in";
  wanted.filter = "key == '\xff\x1b[2J'";
  ASSERT_EQ(vs_channel_create(device, "out", &wanted, kPatienceMs), 0) << vs_channel_why(device);
  const std::string told = bus.describe();
  EXPECT_NE(told.find("key == '??[2J'"), std::string::npos) << told;
}

TEST_F(DefinedChannelsTest, WhatTimeBringsComesWithoutAnEvent) {
  vs_device* device = open();
  vs_channel_parameters wanted{};
  wanted.source = "in";
  wanted.operators = "debounce 20ms";
  ASSERT_EQ(vs_channel_create(device, "out", &wanted, kPatienceMs), 0) << vs_channel_why(device);
  vs_channel_subscription* calm = subscribe(device, "out");
  publish(device, "in", "first");
  EXPECT_EQ(receive(calm), "first");
}

TEST_F(DefinedChannelsTest, WhoDerivesAChannelMaySeeItsSourceAndPublishToIt) {
  bus.configure({{"default", "deny"},
                 {"rules", {rule("allow", {"own.>"}, {"create", "publish", "subscribe"}), rule("allow", {"room.>"}, {"subscribe"}),
                            rule("deny", {"room.secret"}, {"subscribe"}), rule("allow", {"made.>"}, {"create", "subscribe"})}}});
  vs_device* device = open();
  const auto derive = [&](const char* channel, const char* source) {
    vs_channel_parameters wanted{};
    wanted.source = source;
    return vs_channel_create(device, channel, &wanted, kPatienceMs);
  };
  EXPECT_EQ(derive("own.copy", "room.*"), 0) << vs_channel_why(device);
  EXPECT_EQ(derive("own.secret", "room.secret"), -EACCES);
  EXPECT_STREQ(vs_channel_why(device), "subscribe room.secret: Because. (policy p, rule r)");
  EXPECT_EQ(derive("own.stranger", "stranger"), -EACCES);
  EXPECT_EQ(derive("made.copy", "room.*"), -EACCES);
  EXPECT_STREQ(vs_channel_why(device), "publish made.copy: no rule allows it");
  EXPECT_EQ(derive("theirs", "room.*"), -EACCES);
  vs_channel_parameters found{};
  EXPECT_EQ(vs_channel_get(device, "own.secret", &found, kPatienceMs), -ENOENT);  // a refusal leaves nothing
}

TEST_F(DefinedChannelsTest, WhatTheFiltersOfAGuestMayCostIsLimited) {
  const auto cheap = rule("allow", {"cheap.>"}, {"create", "publish", "subscribe"}, {{"filterCostMax", 400}});
  bus.configure({{"default", "deny"}, {"rules", {cheap, rule("allow", {"dear.>"}, {"create", "publish", "subscribe"})}}});
  vs_device* device = open();
  const auto subscribe_filtered = [&](const char* pattern, const char* filter, vs_channel_subscription*& made) {
    vs_channel_options options{};
    options.pattern = pattern;
    options.filter = filter;
    return vs_channel_subscribe(device, &options, kPatienceMs, &made);
  };
  vs_channel_subscription *one = nullptr, *two = nullptr, *other = nullptr;
  EXPECT_EQ(subscribe_filtered("cheap.a", "key == 'a' && key != 'b'", one), 0) << vs_channel_why(device);  // 262 ns
  EXPECT_EQ(subscribe_filtered("cheap.b", "key == 'a' && key != 'b'", two), -EAGAIN);
  EXPECT_STREQ(vs_channel_why(device), "filter: may cost 262 ns an event, and 138 are left to this guest");
  EXPECT_EQ(subscribe_filtered("dear.a", "key.matches('^a')", other), 0) << vs_channel_why(device);
  EXPECT_EQ(vs_channel_filter(one, "key == 'a' && key != 'b' && key != 'c' && key != 'd'", kPatienceMs), -EAGAIN);
  publish(device, "cheap.a", "the old filter stays, and this is not for it");
  EXPECT_EQ(receive(one, 0), "none");
  EXPECT_EQ(vs_channel_filter(one, "key == 'a'", kPatienceMs), 0);
  EXPECT_EQ(subscribe_filtered("cheap.b", "key == 'a' && key != 'b'", two), 0) << vs_channel_why(device);
  EXPECT_EQ(vs_channel_unsubscribe(two, kPatienceMs), 0);
  EXPECT_EQ(subscribe_filtered("cheap.b", "key == 'a' && key != 'b'", two), 0) << vs_channel_why(device);
  EXPECT_EQ(bus.sample("vservices_pubsub_filters_refused_total"), 2);
}

TEST_F(DefinedChannelsTest, WhoMaySeeASourceNoLongerDerivesNothingFromItAnyMore) {
  const auto everything = rule("allow", {">"}, {"create", "publish", "subscribe"});
  bus.configure({{"default", "deny"}, {"rules", {everything}}});
  vs_device* device = open();
  vs_channel_parameters wanted{};
  wanted.source = "room.*";
  ASSERT_EQ(vs_channel_create(device, "copy", &wanted, kPatienceMs), 0) << vs_channel_why(device);
  publish(device, "room.north", "before");
  EXPECT_EQ(fsync(device), 0);
  bus.configure({{"default", "deny"}, {"rules", {everything, rule("deny", {"room.north"}, {"subscribe"})}}});
  vs_device* again = open();
  vs_channel_subscription* copy = subscribe(again, "copy");
  publish(again, "room.north", "hidden");
  publish(again, "room.south", "shown");
  EXPECT_EQ(receive(copy), "shown");
}

}  // namespace
}  // namespace vs::test
