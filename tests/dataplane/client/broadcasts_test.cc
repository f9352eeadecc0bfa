// Channels that all share as equals: an event stands once in a ring that every reader looks through for itself.
#include <algorithm>
#include <cerrno>
#include <string>
#include <thread>

#include "bus.h"

extern "C" {
#include "dataplane/abi/pubsub.h"
#include "dataplane/client/vservice.h"
}

namespace vs::test {
namespace {

class BroadcastsTest : public BusTest {
 protected:
  BroadcastsTest() { bus.configure(rights_with("equal"), roomy_requests()); }
  static vs_channel_subscription* subscribe(vs_device* device, const char* pattern = ">", const char* filter = "",
                                            int overflow = VS_PUBSUB_DROP_OLDEST, int retained = 0) {
    const vs_channel_options options = {
        .pattern = pattern, .filter = filter, .events_max = 0, .bytes_max = 0, .overflow = overflow, .retained = retained};
    vs_channel_subscription* subscription = nullptr;
    EXPECT_EQ(vs_channel_subscribe(device, &options, kPatienceMs, &subscription), 0) << vs_channel_why(device);
    return subscription;
  }
  static void publish(vs_device* device, const std::string& channel, const std::string& payload) {
    vs_channel_event event{};
    event.channel = channel.c_str();
    event.payload = payload.data();
    event.payload_bytes = payload.size();
    EXPECT_EQ(vs_channel_publish(device, &event, 1, kPatienceMs), 1) << vs_channel_why(device);
    EXPECT_EQ(vs_channel_fsync(device, kPatienceMs), 0) << vs_channel_why(device);
  }
  static std::string receive(vs_channel_subscription* subscription, int timeout_ms = kPatienceMs) {
    const vs_channel_event* event = nullptr;
    const int status = vs_channel_receive(subscription, timeout_ms, &event);
    if (status != 1) return status == 0 ? "none" : std::to_string(status);
    const std::string text(static_cast<const char*>(event->payload), event->payload_bytes);
    return (event->missed == 0 ? "" : "lost " + std::to_string(event->missed) + " ") + text;
  }
};

TEST_F(BroadcastsTest, OneRingIsReadByAll) {
  vs_device* publisher = open();
  std::vector<vs_channel_subscription*> readers;
  for (int i = 0; i < 3; ++i) readers.push_back(subscribe(open()));
  for (int n = 0; n < 100; ++n) publish(publisher, "a", std::to_string(n));
  for (vs_channel_subscription* one : readers)
    for (int n = 0; n < 100; ++n) ASSERT_EQ(receive(one), std::to_string(n));
  EXPECT_EQ(receive(readers.front(), 0), "none");
  EXPECT_EQ(bus.sample("vservices_pubsub_broadcast_total"), 100);
  EXPECT_EQ(bus.sample("vservices_pubsub_delivered_total"), 300);
}

TEST_F(BroadcastsTest, EachReadsWhatItsPatternMatches) {
  vs_device* publisher = open();
  vs_channel_subscription* rooms = subscribe(open(), "room.*.temperature");
  vs_channel_subscription* all = subscribe(open(), "room.>");
  for (const char* channel : {"hall", "room.north.temperature", "room.north", "room.temperature", "room.south.temperature.max",
                              "room.south.temperature"})
    publish(publisher, channel, channel);
  EXPECT_EQ(receive(rooms), "room.north.temperature");
  EXPECT_EQ(receive(rooms), "room.south.temperature");
  EXPECT_EQ(receive(rooms, 0), "none");
  for (const char* channel : {"room.north.temperature", "room.north", "room.temperature", "room.south.temperature.max", "room.south.temperature"})
    EXPECT_EQ(receive(all), channel);
}

TEST_F(BroadcastsTest, ASubscriptionBeginsWithWhatComesAfterIt) {
  vs_device* publisher = open();
  vs_channel_subscription* early = subscribe(open());
  publish(publisher, "a", "before");
  vs_channel_subscription* late = subscribe(open());
  publish(publisher, "a", "after");
  EXPECT_EQ(receive(late), "after");
  EXPECT_EQ(receive(early), "before");
  EXPECT_EQ(receive(early), "after");
}

TEST_F(BroadcastsTest, WhoIsTooSlowIsToldHowManyItLost) {
  vs_device* publisher = open();
  vs_channel_subscription* slow = subscribe(open());
  const std::string filler(1'000'000, '.');
  publish(publisher, "a", "first");
  EXPECT_EQ(receive(slow), "first");
  for (int n = 0; n < 40; ++n) publish(publisher, "a", filler);
  publish(publisher, "a", "last");
  const vs_channel_event* event = nullptr;
  std::uint64_t missed = 0, received = 0;
  do {
    ASSERT_EQ(vs_channel_receive(slow, kPatienceMs, &event), 1);
    missed += event->missed;
    ++received;
  } while (event->payload_bytes != 4);
  EXPECT_GT(missed, 20u);
  EXPECT_EQ(missed + received, 41u);
}

TEST_F(BroadcastsTest, WhoWantsSomethingElseHasAQueue) {
  vs_device* publisher = open();
  publish(publisher, "a", "old");
  vs_channel_subscription* filtered = subscribe(open(), ">", "size(payload) > 1");
  vs_channel_subscription* retained = subscribe(open(), ">", "", VS_PUBSUB_DROP_OLDEST, 1);
  vs_channel_subscription* newest = subscribe(open(), ">", "", VS_PUBSUB_LATEST);
  for (const char* text : {"x", "yy", "zz"}) publish(publisher, "a", text);
  EXPECT_EQ(receive(filtered), "yy");
  EXPECT_EQ(receive(filtered), "zz");
  EXPECT_EQ(receive(retained), "old");
  EXPECT_EQ(receive(retained), "x");
  EXPECT_NE(receive(newest), "none");
  EXPECT_EQ(bus.sample("vservices_pubsub_broadcast_total"), 0) << "nobody listens";
}

TEST_F(BroadcastsTest, AFilterThatComesLaterHoldsForWhatComesAfterIt) {
  vs_device* publisher = open();
  vs_channel_subscription* reader = subscribe(open());
  for (const char* text : {"a", "b"}) publish(publisher, "c", text);
  ASSERT_EQ(vs_channel_filter(reader, "size(payload) > 1", kPatienceMs), 0);
  for (const char* text : {"d", "ee", "f", "gg"}) publish(publisher, "c", text);
  for (const char* text : {"a", "b", "ee", "gg"}) EXPECT_EQ(receive(reader), text);
  EXPECT_EQ(receive(reader, 0), "none");
  EXPECT_EQ(bus.sample("vservices_pubsub_broadcast_total"), 2);
}

TEST_F(BroadcastsTest, WhoIsGivenAFilterWhileOthersListenHearsNothingTwice) {
  vs_device* publisher = open();
  vs_channel_subscription* reader = subscribe(open());
  vs_channel_subscription* other = subscribe(open());
  for (const char* text : {"a", "b"}) publish(publisher, "c", text);
  for (const char* filter : {"size(payload) > 2", "size(payload) > 1"})
    ASSERT_EQ(vs_channel_filter(reader, filter, kPatienceMs), 0);
  for (const char* text : {"d", "ee", "f", "gg"}) publish(publisher, "c", text);
  for (const char* text : {"a", "b", "ee", "gg"}) EXPECT_EQ(receive(reader), text);
  EXPECT_EQ(receive(reader, 0), "none");
  for (const char* text : {"a", "b", "d", "ee", "f", "gg"}) EXPECT_EQ(receive(other), text);
  EXPECT_EQ(bus.sample("vservices_pubsub_broadcast_total"), 6);
}

TEST_F(BroadcastsTest, WhoSleepsIsWoken) {
  vs_device* publisher = open();
  vs_channel_subscription* reader = subscribe(open());
  for (int n = 0; n < 50; ++n) {
    std::string heard;
    std::thread sleeper([&] { heard = receive(reader); });
    publish(publisher, "a", std::to_string(n));
    sleeper.join();
    EXPECT_EQ(heard, std::to_string(n));
  }
}

TEST_F(BroadcastsTest, ADescriptorRingsForThem) {
  vs_device* publisher = open();
  vs_device* device = open();
  vs_channel_subscription* reader = subscribe(device);
  ASSERT_GE(vs_channel_descriptor(device), 0);
  for (int n = 0; n < 20; ++n) {
    EXPECT_EQ(vs_channel_poll(device, VS_CHANNEL_IN, 0) & VS_CHANNEL_IN, 0);
    publish(publisher, "a", std::to_string(n));
    EXPECT_NE(vs_channel_poll(device, VS_CHANNEL_IN, kPatienceMs) & VS_CHANNEL_IN, 0);
    EXPECT_EQ(receive(reader, 0), std::to_string(n));
  }
}

TEST_F(BroadcastsTest, TheNextBackendIsListenedToAndTheGapIsTold) {
  vs_device* publisher = open();
  vs_channel_subscription* reader = subscribe(open());
  publish(publisher, "a", "before");
  const vs_channel_event* event = nullptr;
  ASSERT_EQ(vs_channel_receive(reader, kPatienceMs, &event), 1);
  bus.restart();
  while (bus.sample("vservices_pubsub_subscriptions") < 1) EXPECT_GE(vs_channel_receive(reader, 10, &event), 0);
  publish(publisher, "a", "after");
  EXPECT_EQ(receive(reader), "lost 1 after");
  EXPECT_EQ(bus.sample("vservices_pubsub_broadcast_total"), 1);
}

TEST_F(BroadcastsTest, WhatIsNotSharedByEqualsIsNotBroadcast) {
  for (const char* sharing : {"group", "private"}) {
    bus.configure(rights_with(sharing), roomy_requests());
    vs_channel_subscription* reader = subscribe(open());
    publish(open(), "a", sharing);
    EXPECT_EQ(receive(reader), sharing);
    EXPECT_EQ(bus.sample("vservices_pubsub_broadcast_total"), 0);
  }
}

}  // namespace
}  // namespace vs::test
