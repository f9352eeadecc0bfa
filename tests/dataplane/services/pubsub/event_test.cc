#include "dataplane/services/pubsub/event.h"

#include <gtest/gtest.h>

#include "events.h"

namespace vs::pubsub::test {
namespace {

TEST(Event, IsReadAsItWasWritten) {
  const auto bytes = write({.channel = "a.b", .payload = "hello", .key = "k", .content_type = "text/plain", .expires_ms = 5,
                            .texts = {{"room", "north"}}, .integers = {{"floor", 3}}});
  const auto parts = read_event(bytes);
  ASSERT_TRUE(parts) << parts.error().message;
  EXPECT_EQ(parts->channel, "a.b");
  EXPECT_EQ(parts->key, "k");
  EXPECT_EQ(parts->content_type, "text/plain");
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(parts->payload.data()), parts->payload.size()), "hello");
  ASSERT_EQ(parts->attributes.size(), 2u);
  EXPECT_EQ(parts->attributes[0].first, "room");
  EXPECT_EQ(parts->attributes[0].second.text(), "north");
  EXPECT_EQ(parts->attributes[1].second.integer(), 3);
}

TEST(Event, CarriesItsSequenceAndTime) {
  const auto event = event_of(write({.payload = "x"}), 9, 1234, {});
  EXPECT_EQ(event->sequence(), 9u);
  EXPECT_EQ(event->parts().header.published_ns, 1234u);
  EXPECT_EQ(read_event(event->bytes())->header.sequence, 9u);
}

TEST(Event, ExpiresWhenItsTimeIsOver) {
  const Event::TimePoint now{};
  const auto event = event_of(write({.expires_ms = 10}), 1, 0, now);
  EXPECT_FALSE(event->expired(now + std::chrono::milliseconds(9)));
  EXPECT_TRUE(event->expired(now + std::chrono::milliseconds(10)));
  EXPECT_FALSE(event_of(write({}), 1, 0, now)->expired(now + std::chrono::hours(1)));
}

std::string fault_of(std::vector<std::byte> bytes) {
  const auto parts = read_event(bytes);
  return parts ? "none" : parts.error().message;
}

template <class Field>
std::vector<std::byte> with(Field vs_event::*field, Field value) {
  auto bytes = write({.payload = "hello", .texts = {{"room", "north"}}});
  vs_event header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.*field = value;
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

TEST(Event, WhatCannotBeIsRefused) {
  EXPECT_EQ(fault_of({}), "event: 0 bytes are too few for one");
  EXPECT_EQ(fault_of(with(&vs_event::bytes, 0u)), "event: its length cannot be");
  EXPECT_EQ(fault_of(with(&vs_event::bytes, 1u << 30)), "event: its length cannot be");
  EXPECT_EQ(fault_of(with(&vs_event::bytes, 41u)), "event: its length cannot be");
  EXPECT_EQ(fault_of(with(&vs_event::bytes, 40u)), "event: its names are cut off");
  EXPECT_EQ(fault_of(with<std::uint16_t>(&vs_event::flags, VS_EVENT_GAP)), "event: flags that a publisher has not");
  EXPECT_EQ(fault_of(with<std::uint8_t>(&vs_event::reserved, 1)), "event: flags that a publisher has not");
  EXPECT_EQ(fault_of(with<std::uint8_t>(&vs_event::priority, VS_EVENT_PRIORITIES)), "event: a priority is 0 to 3");
  EXPECT_EQ(fault_of(with<std::uint16_t>(&vs_event::attribute_count, 65)), "event: more than 64 attributes");
  EXPECT_EQ(fault_of(with<std::uint16_t>(&vs_event::attribute_count, 2)), "event: attribute 2 is cut off, or too long");
  EXPECT_EQ(fault_of(with<std::uint16_t>(&vs_event::channel_bytes, 0)), "channel: 1 to 255 bytes, not 0");
  EXPECT_EQ(fault_of(with<std::uint16_t>(&vs_event::channel_bytes, 60000)), "event: its names are cut off");
  EXPECT_EQ(fault_of(with<std::uint16_t>(&vs_event::key_bytes, 256)), "event: its key or its content type is too long");
  EXPECT_EQ(fault_of(with(&vs_event::payload_bytes, 0xffffffffu)), "event: its payload is cut off");
  EXPECT_EQ(fault_of(write({.key = std::string("a\0b", 3)})), "event: a zero in its key or its content type");
  EXPECT_EQ(fault_of(write({.content_type = std::string(1, '\0')})), "event: a zero in its key or its content type");
  EXPECT_EQ(fault_of(write({.integers = {{"floor", 3}, {"floor", 4}}})), "event: attribute 2 is there twice");
  EXPECT_EQ(fault_of(write({.texts = {{"", "x"}}})), "event: attribute 1 has no name that is one");
  EXPECT_EQ(fault_of(write({.texts = {{"a b", "x"}}})), "event: attribute 1 has no name that is one");
  EXPECT_EQ(fault_of(write({.channel = "a..b"})).substr(0, 15), "channel: part 2");
}

}  // namespace
}  // namespace vs::pubsub::test
