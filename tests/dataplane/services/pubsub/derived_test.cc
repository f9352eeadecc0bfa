// Derived channels: what comes of events, and of time; and what may be derived from what.
#include <gtest/gtest.h>

#include "broker_test.h"

namespace vs::pubsub::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class DerivedTest : public BrokerTest {
 protected:
  std::string derive(const std::string& name, DerivationTerms terms) {
    auto made = broker.prepare_derivation(name, std::move(terms));
    if (!made) return made.error().message;
    broker.derive(**broker.create(name), std::move(*made));
    return "derived";
  }
  // Derives "out" from "in" by a chain, and subscribes to it.
  void chain(const std::string& operators, const std::string& filter = "") {
    EXPECT_EQ(derive("out", {.source = "in", .filter = filter, .operators = operators}), "derived");
    out = subscribe({.pattern = "out"});
  }
  Published price(std::int64_t value, const std::string& key = "", const std::string& channel = "in") {
    return publish({.channel = channel, .payload = std::to_string(value), .key = key, .integers = {{"price", value}}});
  }
  void pass(milliseconds time) {
    now += time;
    if (broker.due() && *broker.due() <= now) (void)broker.run_due(0, now);
  }
  // What came of a subscription: "key:payload{attribute=number ...}", with blanks between.
  std::string got(SubscriptionId id) {
    std::vector<std::byte> into(1 << 20);
    std::span<const std::byte> rest(into.data(), *broker.take(id, into, now));
    std::string text;
    while (!rest.empty()) {
      const auto parts = read_event(rest);
      EXPECT_TRUE(parts) << parts.error().message;
      if (!parts) return text;
      text += (text.empty() ? "" : " ") + std::string(parts->key) + ":" +
              std::string(reinterpret_cast<const char*>(parts->payload.data()), parts->payload.size());
      std::string attributes;
      for (const auto& [name, value] : parts->attributes) {
        const double number = value.type() == filter::Type::real ? value.real() : static_cast<double>(value.integer());
        attributes += (attributes.empty() ? "" : " ") + std::string(name) + "=" + std::to_string(number).substr(0, 4);
      }
      if (!attributes.empty()) text += "{" + attributes + "}";
      rest = rest.subspan(parts->header.bytes);
    }
    return text;
  }
  std::string got() { return got(out); }

  SubscriptionId out{};
};

TEST_F(DerivedTest, WithoutOperatorsEventsPassTheFilterAsTheyAre) {
  chain("", "attributes.price > 10");
  const auto published = price(11);
  EXPECT_EQ(published.derived, 1u);
  EXPECT_EQ(published.subscribers, 1u);
  EXPECT_EQ(price(9).derived, 0u);
  EXPECT_EQ(got(), ":11{price=11.0}");
  EXPECT_EQ(broker.find("out")->sequence, 1u);
}

TEST_F(DerivedTest, ProjectKeepsWhatIsNamed) {
  chain("project attributes.price");
  publish({.channel = "in", .payload = "long", .key = "IBM", .content_type = "text/plain", .integers = {{"price", 1}, {"volume", 2}}});
  EXPECT_EQ(got(), "IBM:{price=1.00}");
  EXPECT_EQ(broker.find("out")->newest->parts().content_type, "");
}

TEST_F(DerivedTest, SampleLetsTheFirstOfEachSoManyThroughForEachKey) {
  chain("sample 3");
  for (int n = 0; n < 7; ++n) price(n, "a");
  price(100, "b");
  EXPECT_EQ(got(), "a:0{price=0.00} a:3{price=3.00} a:6{price=6.00} b:100{price=100.}");
}

TEST_F(DerivedTest, AllTakesKeysTogether) {
  chain("sample 2 all");
  price(1, "a");
  price(2, "b");
  price(3, "c");
  EXPECT_EQ(got(), "a:1{price=1.00} c:3{price=3.00}");
}

TEST_F(DerivedTest, ThrottleLetsAtMostSoManyASecondThrough) {
  chain("throttle 2");
  for (int n = 0; n < 20; ++n) {
    price(n);
    pass(milliseconds(100));
  }
  EXPECT_EQ(got(), ":0{price=0.00} :5{price=5.00} :10{price=10.0} :15{price=15.0}");
}

TEST_F(DerivedTest, DebounceGivesTheLastOnceNoneCameForSoLong) {
  chain("debounce 200ms");
  price(1);
  pass(milliseconds(199));
  price(2);
  pass(milliseconds(199));
  EXPECT_EQ(got(), "");
  EXPECT_EQ(*broker.due(), now + milliseconds(1));
  pass(milliseconds(1));
  EXPECT_EQ(got(), ":2{price=2.00}");
  EXPECT_FALSE(broker.due());
}

TEST_F(DerivedTest, AWindowOverEventsComputesWhatItSays) {
  chain("window avg(attributes.price), min(attributes.price), max(attributes.price) over 4");
  for (const int value : {5, -1, 2, 4, 7}) price(value, "IBM");
  EXPECT_EQ(got(), "IBM:{avg_price=2.50 min_price=-1.0 max_price=5.00 count=4.00}");
}

TEST_F(DerivedTest, AWindowOverTimeEndsByItself) {
  chain("window avg(attributes.price) over 10s");
  price(1, "a");
  pass(seconds(4));
  price(3, "a");
  price(10, "b");
  pass(seconds(6));
  EXPECT_EQ(got(), "a:{avg_price=2.00 count=2.00}");
  pass(seconds(3));
  EXPECT_EQ(got(), "");
  pass(seconds(1));
  EXPECT_EQ(got(), "b:{avg_price=10.0 count=1.00}");
}

TEST_F(DerivedTest, AnEventThatComesAfterAWindowsEndIsOfTheNext) {
  chain("window max(attributes.price) over 1s");
  price(1);
  now += seconds(2);  // nobody looked
  price(5);
  EXPECT_EQ(got(), ":{max_price=1.00 count=1.00}");
}

TEST_F(DerivedTest, OnChangeLetsThroughWhatDiffers) {
  chain("onchange attributes.price");
  for (const int value : {1, 1, 2, 2, 1}) price(value, "a");
  price(1, "b");
  publish({.channel = "in", .payload = "none", .key = "a"});
  publish({.channel = "in", .payload = "none again", .key = "a"});
  EXPECT_EQ(got(), "a:1{price=1.00} a:2{price=2.00} a:1{price=1.00} b:1{price=1.00} a:none");
}

TEST_F(DerivedTest, OnChangeComparesPayloadsAndKeys) {
  chain("onchange payload, key all");
  for (const auto& [payload, key] : std::vector<std::pair<std::string, std::string>>{{"x", "a"}, {"x", "a"}, {"x", "b"}, {"y", "b"}})
    publish({.channel = "in", .payload = payload, .key = key});
  EXPECT_EQ(got(), "a:x b:x b:y");
}

TEST_F(DerivedTest, OperatorsWorkOneBehindTheOther) {
  chain("window avg(attributes.price) over 2 | onchange attributes.avg_price | sample 2");
  for (const int value : {1, 3, 2, 2, 5, 5, 7, 7}) price(value);  // 2 2 5 7: 2 5 7: 2 7
  EXPECT_EQ(got(), ":{avg_price=2.00 count=2.00} :{avg_price=7.00 count=2.00}");
}

TEST_F(DerivedTest, WhatCannotBeComputedIsCountedAndStopsNothing) {
  EXPECT_EQ(derive("average", {.source = "in", .filter = "", .operators = "window avg(attributes.price) over 2"}), "derived");
  EXPECT_EQ(derive("copy", {.source = "in", .filter = "", .operators = ""}), "derived");
  EXPECT_EQ(derive("high", {.source = "in", .filter = "attributes.price > 1", .operators = ""}), "derived");
  const auto average = subscribe({.pattern = "average"});
  const auto copy = subscribe({.pattern = "copy"});
  price(1);
  publish({.channel = "in", .payload = "none"});                              // no price: average and high cannot
  publish({.channel = "in", .payload = "text", .texts = {{"price", "high"}}});  // nor here
  price(3);
  EXPECT_EQ(got(average), ":{avg_price=2.00 count=2.00}");
  EXPECT_EQ(broker.queue(copy)->events(), 4u);
  EXPECT_EQ(broker.derivation_counts().errors, 4u);
}

TEST_F(DerivedTest, IsComputedOnceHoweverManySubscribe) {
  chain("");
  for (int n = 0; n < 9; ++n) subscribe({.pattern = "out"});
  const auto published = price(1);
  EXPECT_EQ(published.derived, 1u);
  EXPECT_EQ(published.subscribers, 10u);
}

TEST_F(DerivedTest, APatternsEventsAreToldApartByChannelWhichIsTheirKeyUnlessTheyHaveOne) {
  EXPECT_EQ(derive("changes", {.source = "room.*", .filter = "", .operators = "onchange attributes.price"}), "derived");
  const auto changes = subscribe({.pattern = "changes"});
  for (const char* room : {"room.north", "room.south", "room.north"}) price(20, "", room);
  price(20, "own", "room.west");  // of a channel that came later
  EXPECT_EQ(got(changes), "room.north:20{price=20.0} room.south:20{price=20.0} own:20{price=20.0}");
}

TEST_F(DerivedTest, ChannelsAreDerivedFromDerivedOnes) {
  EXPECT_EQ(derive("c", {.source = "b", .filter = "", .operators = "sample 2"}), "derived");
  EXPECT_EQ(derive("b", {.source = "a", .filter = "", .operators = ""}), "derived");
  const auto c = subscribe({.pattern = "c"});
  for (int n = 0; n < 3; ++n) price(n, "", "a");
  EXPECT_EQ(got(c), ":0{price=0.00} :2{price=2.00}");
}

TEST_F(DerivedTest, NoChannelIsDerivedFromItself) {
  EXPECT_EQ(derive("room.all", {.source = "room.>", .filter = "", .operators = ""}),
            "channel room.all: would be derived from itself");
  EXPECT_EQ(derive("b", {.source = "a", .filter = "", .operators = ""}), "derived");
  EXPECT_EQ(derive("c", {.source = "b", .filter = "", .operators = ""}), "derived");
  EXPECT_EQ(derive("a", {.source = "*", .filter = "", .operators = ""}), "channel a: would be derived from itself");
  EXPECT_EQ(derive("a", {.source = "c", .filter = "", .operators = ""}), "channel a: would be derived from itself, by way of c");
  EXPECT_EQ(broker.derived_channels(), 2u);
  EXPECT_EQ(derive("b", {.source = "z", .filter = "", .operators = ""}), "derived");  // in the place of what it was
  EXPECT_EQ(derive("a", {.source = "c", .filter = "", .operators = ""}), "derived");
}

TEST_F(DerivedTest, ChainsOfChannelsHaveALimit) {
  const auto name = [](std::size_t n) { return "c" + std::to_string(n); };
  for (std::size_t n = 1; n <= kDerivedDepthMax; ++n)
    EXPECT_EQ(derive(name(n), {.source = name(n - 1), .filter = "", .operators = ""}), "derived") << n;
  const std::string over = ": more than 8 channels derived one from the other";
  EXPECT_EQ(derive(name(9), {.source = name(8), .filter = "", .operators = ""}), "channel c9" + over);
  EXPECT_EQ(derive(name(0), {.source = "below", .filter = "", .operators = ""}), "channel c0" + over);
  EXPECT_EQ(price(1, "", "c0").derived, kDerivedDepthMax);
}

TEST_F(DerivedTest, OneEventBecomesOnlySoMany) {
  // Each channel of a level is derived from all of the level before: 6 * 6 * 6 * 6 * 6 of the last.
  for (int level = 1; level <= 5; ++level)
    for (int n = 0; n < 6; ++n)
      ASSERT_EQ(derive("l" + std::to_string(level) + "." + std::to_string(n),
                       {.source = "l" + std::to_string(level - 1) + ".*", .filter = "", .operators = ""}),
                "derived");
  EXPECT_EQ(price(1, "", "l0.a").derived, kDerivedPerEventMax);
  EXPECT_GT(broker.derivation_counts().forgotten, 0u);
}

TEST_F(DerivedTest, MoreThanSoManyAreNotDerived) {
  for (std::size_t n = 0; n < kDerivedMax; ++n)
    ASSERT_EQ(derive("d" + std::to_string(n), {.source = "in", .filter = "", .operators = ""}), "derived");
  EXPECT_EQ(derive("more", {.source = "in", .filter = "", .operators = ""}), "channel more: 256 channels are derived, which is the limit");
  EXPECT_EQ(derive("d7", {.source = "in", .filter = "", .operators = "sample 2"}), "derived");
}

TEST_F(DerivedTest, WhatAnOperatorRemembersHasALimit) {
  chain("onchange attributes.price");
  for (std::size_t n = 0; n < kKeysMax + 10; ++n) {
    price(1, "key" + std::to_string(n));
    (void)got();
  }
  EXPECT_EQ(broker.derivation_counts().forgotten, 10u);
  price(1, "key0");  // forgotten
  price(1, "key" + std::to_string(kKeysMax));
  EXPECT_EQ(got(), "key0:1{price=1.00}");
}

TEST_F(DerivedTest, SoHasWhatItHolds) {
  chain("debounce 1s");
  const std::size_t fit = kHeldBytesMax / (1 << 19);
  for (std::size_t n = 0; n < fit + 3; ++n)
    publish({.channel = "in", .payload = std::string(1 << 19, 'x'), .key = "key" + std::to_string(n)});
  EXPECT_GE(broker.derivation_counts().forgotten, 3u);
  EXPECT_EQ(broker.run_due(0, now + seconds(1)).derived, fit + 3 - broker.derivation_counts().forgotten);
}

TEST_F(DerivedTest, FilterAndOperatorsFitTheSchemaOfTheSource) {
  ChannelParameters parameters;
  parameters.schema = *filter::EventSchema::parse("price int", "");
  Broker::Channel& in = **broker.create("in");
  ASSERT_TRUE(broker.set_parameters(in, parameters));
  EXPECT_EQ(derive("out", {.source = "in", .filter = "attributes.price == 'a'", .operators = ""}),
            "channel out: filter: column 18: int and string cannot be compared (channel in)");
  EXPECT_EQ(derive("out", {.source = "in", .filter = "", .operators = "sample 2 | onchange attributes.prise"}),
            "channel out: operators: column 21: events have no attribute \"prise\" here (channel in)");
  EXPECT_EQ(derive("out", {.source = "in", .filter = "", .operators = "onchange attributes.price"}), "derived");
  parameters.schema = *filter::EventSchema::parse("cost int", "");
  const auto changed = broker.set_parameters(in, parameters);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::conflict);
  EXPECT_NE(changed.error().message.find("does not fit channel out, which is derived from it"), std::string::npos);
}

TEST_F(DerivedTest, ItsOwnSchemaHoldsForWhatIsComputed) {
  chain("");
  ChannelParameters parameters;
  parameters.schema = *filter::EventSchema::parse("price int", "");
  ASSERT_TRUE(broker.set_parameters(*broker.find("out"), parameters));
  price(1);
  publish({.channel = "in", .payload = "text", .texts = {{"price", "high"}}});
  EXPECT_EQ(got(), ":1{price=1.00}");
  EXPECT_EQ(broker.derivation_counts().errors, 1u);
}

TEST_F(DerivedTest, ALateSubscriberBeginsWithTheNewest) {
  chain("sample 2");
  for (int n = 0; n < 4; ++n) price(n);
  EXPECT_EQ(take(subscribe({.pattern = "out", .retained = true})).find("(retained)") != std::string::npos, true);
}

TEST_F(DerivedTest, IsAnOrdinaryChannelAgainWhenItHasNoSource) {
  chain("window avg(attributes.price) over 1s");
  price(1);
  broker.derive(*broker.find("out"), nullptr);
  pass(seconds(2));
  EXPECT_EQ(price(2).derived, 0u);
  EXPECT_EQ(got(), "");
  EXPECT_EQ(broker.derived_channels(), 0u);
}

TEST_F(DerivedTest, ATooSlowSubscriberOfBothIsEndedOnce) {
  chain("");
  subscribe({.pattern = ">", .limits = {.events_max = 1}, .overflow = Overflow::disconnect_slow});
  EXPECT_EQ(price(1).ended.size(), 1u);
  EXPECT_EQ(price(2).ended.size(), 0u);
  EXPECT_EQ(got(), ":1{price=1.00} :2{price=2.00}");
}

}  // namespace
}  // namespace vs::pubsub::test
