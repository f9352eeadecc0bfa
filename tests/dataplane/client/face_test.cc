// The C++ face: lifetimes, ranges, failures.
#include "dataplane/client/vservice.hpp"

#include "bus.h"
#include "dataplane/abi/pubsub.h"

namespace vs::test {
namespace {

class FaceTest : public ::testing::Test {
 protected:
  Bus bus;
  vservice::Device device{"pubsub", std::chrono::milliseconds(kPatienceMs)};
};

TEST_F(FaceTest, ARangeOfEventsEndsWhenNoneComesInTime) {
  auto subscription = device.subscribe({.pattern = "room.*"});
  device.publish("room.north", "21");
  device.publish("hall", "18");
  device.publish("room.south", "19");
  device.fsync();
  std::vector<std::string> seen;
  for (const vservice::Event& event : subscription.events(std::chrono::milliseconds(200)))
    seen.push_back(std::string(event.channel()) + "=" + std::string(event.text()));
  EXPECT_EQ(seen, (std::vector<std::string>{"room.north=21", "room.south=19"}));
}

TEST_F(FaceTest, AttributesAreFoundByTheirNames) {
  auto subscription = device.subscribe({.pattern = "a", .filter = "attributes.price > 100"});
  vs_channel_attribute price{"price", {}};
  price.value.type = VS_EVENT_INT;
  price.value.integer = 101;
  vs_channel_event event{};
  event.channel = "a";
  event.attributes = &price;
  event.attribute_count = 1;
  device.publish(std::span<const vs_channel_event>(&event, 1));
  const auto received = subscription.receive(std::chrono::milliseconds(kPatienceMs));
  ASSERT_TRUE(received);
  ASSERT_NE(received->attribute("price"), nullptr);
  EXPECT_EQ(received->attribute("price")->integer, 101);
  EXPECT_EQ(received->attribute("size"), nullptr);
  EXPECT_EQ(received->sequence(), 1u);
  EXPECT_GT(received->published().time_since_epoch().count(), 0);
}

TEST_F(FaceTest, WhatIsRefusedIsThrownWithTheNodesWords) {
  try {
    (void)device.subscribe({.pattern = "a", .filter = "price >"});
    FAIL();
  } catch (const vservice::Failure& failure) {
    EXPECT_EQ(failure.code().value(), EINVAL);
    EXPECT_NE(std::string(failure.what()).find("filter: column"), std::string::npos) << failure.what();
  }
  device.create("small", {.event_bytes_max = 64, .expires_ms = 0, .retained = 1, .subscribers = 0, .sequence = 0});
  EXPECT_EQ(device.parameters("small").event_bytes_max, 64u);
  device.publish("small", std::string(100, 'x'));
  EXPECT_THROW(device.fsync(), vservice::Failure);
  EXPECT_THROW(vservice::Device("no-such-device", std::chrono::milliseconds(1)), vservice::Failure);
}

TEST_F(FaceTest, ASubscriptionEndsWithItsObject) {
  {
    auto one = device.subscribe({.pattern = "a"});
    auto other = std::move(one);
    EXPECT_EQ(bus.sample("vservices_pubsub_subscriptions"), 1);
  }
  EXPECT_EQ(bus.sample("vservices_pubsub_subscriptions"), 0);
}

}  // namespace
}  // namespace vs::test
