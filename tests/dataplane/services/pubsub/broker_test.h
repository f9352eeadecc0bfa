// A broker, and a clock that stands still.
#pragma once

#include <gtest/gtest.h>

#include "dataplane/services/pubsub/broker.h"
#include "events.h"

namespace vs::pubsub::test {

class BrokerTest : public ::testing::Test {
 protected:
  SubscriptionId subscribe(SubscriptionTerms terms) {
    const auto id = broker.subscribe(std::move(terms));
    EXPECT_TRUE(id) << (id ? "" : id.error().message);
    return *id;
  }
  Published publish(const Written& event) {
    const auto bytes = write(event);
    const auto channel = broker.create(event.channel);
    EXPECT_TRUE(channel) << (channel ? "" : channel.error().message);
    return broker.publish(**channel, *read_event(bytes), bytes, 0, now);
  }
  bool has_room(const std::vector<std::byte>& event) {
    const auto parts = *read_event(event);
    return broker.has_room(**broker.create(parts.channel), parts);
  }
  std::string take(SubscriptionId id) {
    std::vector<std::byte> into(1 << 16);
    const auto bytes = broker.take(id, into, now);
    EXPECT_TRUE(bytes);
    return read_all(std::span(into).first(*bytes));
  }

  std::vector<SubscriptionId> ready;
  Broker broker{[this](SubscriptionId id) { ready.push_back(id); }};
  Event::TimePoint now{};
};

}  // namespace vs::pubsub::test
