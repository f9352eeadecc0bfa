// Channels that a service's own parameters declare: as vsmgrd sends them, and what guests may do with them.
#include <gtest/gtest.h>

#include "service_test.h"

namespace vs::pubsub::test {
namespace {

using nlohmann::json;

class DeclaredTest : public PubsubServiceTest {
 protected:
  // The words of what is wrong, if anything.
  std::string declare(json channels) {
    const auto errors = service->configure({{"bus", {{"channels", std::move(channels)}}}});
    return errors.empty() ? "" : errors.front().second.message;
  }
  json channel(const std::string& name) {
    const json described = service->describe("bus");
    for (const json& one : described.at("channels"))
      if (one.at("name") == name) return one;
    return {};
  }
  const Heard& define(std::uint16_t type, const std::string& name, std::uint32_t event_bytes_max = 0) {
    std::vector<std::byte> payload;
    append(payload, vs_pubsub_parameters{.event_bytes_max = event_bytes_max, .expires_ms = 0, .flags = 0, .subscribers = 0, .sequence = 0});
    append(payload, name);
    return heard(ask(1, type, payload));
  }
};

TEST_F(DeclaredTest, AChannelIsWhatItsDeclarationSays) {
  EXPECT_EQ(declare({{{"name", "market"}, {"schema", "price int"}, {"eventBytesMax", 100}, {"retained", false}},
                     {{"name", "changes"}, {"source", "market"}, {"operators", "onchange payload"}}}),
            "");
  EXPECT_EQ(channel("market").at("schema"), "price int");
  EXPECT_EQ(channel("market").at("eventBytesMax"), 100);
  EXPECT_EQ(channel("changes").at("derived").at("source"), "market");
  const auto id = subscribed(1, "changes");
  publish(2, {"a", "a", "b"}, "market");
  EXPECT_EQ(heard(receive(1, id)).events, "a b");
}

TEST_F(DeclaredTest, APatternDeclaresChannelsThatComeLater) {
  EXPECT_EQ(declare({{{"name", "room.*"}, {"eventBytesMax", 64}}, {{"name", "room.large"}, {"eventBytesMax", 4096}}}), "");
  const std::string large(100, 'x');
  EXPECT_EQ(heard(publish(1, {large.c_str()}, "room.north")).outcome.result, VS_STATUS_TOO_LARGE);
  EXPECT_EQ(heard(publish(1, {large.c_str()}, "room.large")).outcome.result, VS_STATUS_OK);
  EXPECT_EQ(heard(publish(1, {large.c_str()}, "hall")).outcome.result, VS_STATUS_OK);
}

TEST_F(DeclaredTest, GuestsDoNotChangeIt) {
  EXPECT_EQ(declare({{{"name", "room.*"}, {"schema", "price int"}}}), "");
  EXPECT_EQ(define(VS_PUBSUB_CREATE, "room.north", 100).outcome.result, VS_STATUS_DENIED);
  EXPECT_EQ(define(VS_PUBSUB_CREATE, "room.north").outcome.result, VS_STATUS_OK);
  EXPECT_EQ(channel("room.north").at("schema"), "price int");
  const Heard& set = define(VS_PUBSUB_SET, "room.north");
  EXPECT_EQ(set.outcome.result, VS_STATUS_DENIED);
  EXPECT_EQ(set.text, "channel room.north: the service declares what it is, and no guest changes that");
  EXPECT_EQ(define(VS_PUBSUB_CREATE, "hall", 100).outcome.result, VS_STATUS_OK);
}

TEST_F(DeclaredTest, WhatIsDeclaredNoLongerIsAsChannelsAre) {
  EXPECT_EQ(declare({{{"name", "market"}, {"schema", "price int"}}, {{"name", "copy"}, {"source", "market"}}}), "");
  EXPECT_EQ(declare({{{"name", "market"}, {"schema", "price double"}}}), "");
  EXPECT_EQ(channel("market").at("schema"), "price double");
  EXPECT_FALSE(channel("copy").contains("derived"));
  EXPECT_EQ(heard(publish(1, {"mine"}, "copy")).outcome.result, VS_STATUS_OK);
  EXPECT_TRUE(service->configure({{"bus", json::object()}}).empty());
  EXPECT_EQ(channel("market").at("schema"), "");
}

TEST_F(DeclaredTest, TheSameDeclarationAgainLeavesOperatorsTheirMemory) {
  const json channels = {{{"name", "half"}, {"source", "in"}, {"operators", "sample 2"}}};
  EXPECT_EQ(declare(channels), "");
  const auto id = subscribed(1, "half");
  publish(2, {"1"}, "in");
  EXPECT_EQ(declare(channels), "");
  publish(2, {"2", "3"}, "in");
  EXPECT_EQ(heard(receive(1, id)).events, "1 3");
}

TEST_F(DeclaredTest, WhatCannotBeIsToldAndTheRestIs) {
  EXPECT_EQ(declare({{{"name", "loop"}, {"source", "loop"}}, {{"name", "fine"}, {"source", "in"}}}),
            "channel loop: would be derived from itself");
  EXPECT_TRUE(channel("fine").contains("derived"));
  EXPECT_EQ(declare({{{"name", "a"}, {"schema", "?"}}}), "channel a: schema: column 1: an attribute's name belongs here");
  EXPECT_EQ(declare({{{"schema", "?"}}}).find("channels: "), 0u);
  EXPECT_NE(declare("text"), "");
}

}  // namespace
}  // namespace vs::pubsub::test
