// Large events: written once, read in place by all who want them, and what a reader that keeps them costs.
#include <algorithm>
#include <cerrno>
#include <thread>

#include "bus.h"

extern "C" {
#include "dataplane/abi/pubsub.h"
#include "dataplane/client/vservice.h"
}

namespace vs::test {
namespace {

constexpr std::size_t kLarge = 300 << 10;

class LargeEventsTest : public BusTest {
 protected:
  LargeEventsTest() { bus.configure({}, roomy_requests()); }
  static vs_channel_subscription* subscribe(vs_device* device, std::uint32_t events_max = 0, int overflow = VS_PUBSUB_DROP_OLDEST,
                                            bool retained = false) {
    const vs_channel_options options = {.pattern = ">",
                                        .filter = "",
                                        .events_max = events_max,
                                        .bytes_max = 16 << 20,
                                        .overflow = overflow,
                                        .retained = retained};
    vs_channel_subscription* subscription = nullptr;
    EXPECT_EQ(vs_channel_subscribe(device, &options, kPatienceMs, &subscription), 0) << vs_channel_why(device);
    return subscription;
  }
  // Of `bytes` times the letter.
  static void publish(vs_device* device, char letter, std::size_t bytes = kLarge) {
    const std::string payload(bytes, letter);
    const vs_channel_attribute attribute{"letter", {.type = VS_EVENT_INT, .integer = letter, .real = 0, .text = nullptr, .text_bytes = 0}};
    vs_channel_event event{};
    event.channel = "a.b";
    event.content_type = "text/plain";
    event.payload = payload.data();
    event.payload_bytes = payload.size();
    event.attributes = &attribute;
    event.attribute_count = 1;
    EXPECT_EQ(vs_channel_publish(device, &event, 1, kPatienceMs), 1);
    EXPECT_EQ(vs_channel_fsync(device, kPatienceMs), 0) << vs_channel_why(device);
  }
  // The next event's letter, after its payload was looked at; missed events are counted as dots before it.
  static std::string receive(vs_channel_subscription* subscription, std::size_t bytes = kLarge) {
    const vs_channel_event* event = nullptr;
    const int status = vs_channel_receive(subscription, kPatienceMs, &event);
    if (status != 1) return std::to_string(status);
    const auto* payload = static_cast<const char*>(event->payload);
    const bool whole = event->payload_bytes == bytes && event->attribute_count == 1 && event->attributes[0].value.integer == *payload &&
                       std::all_of(payload, payload + bytes, [&](char one) { return one == *payload; });
    EXPECT_STREQ(event->channel, "a.b");
    EXPECT_STREQ(event->content_type, "text/plain");
    return std::string(event->missed, '.') + (whole ? *payload : '?') + (event->retained ? "(retained)" : "");
  }
};

TEST_F(LargeEventsTest, OneFrameIsReadByAll) {
  vs_device* publisher = open();
  std::vector<vs_channel_subscription*> readers;
  for (int i = 0; i < 3; ++i) readers.push_back(subscribe(open()));
  for (const char letter : {'x', 'y', 'z'}) publish(publisher, letter);
  for (vs_channel_subscription* one : readers)
    for (const char* letter : {"x", "y", "z"}) {
      EXPECT_EQ(receive(one), letter);
      EXPECT_EQ(vs_channel_current(one), 1);
    }
  EXPECT_EQ(bus.sample("vservices_pubsub_frames_written_total"), 3);
  EXPECT_EQ(bus.sample("vservices_pubsub_framed_total"), 9);
  EXPECT_EQ(bus.sample("vservices_pubsub_lost_total"), 0);
}

TEST_F(LargeEventsTest, SmallOnesBetweenKeepTheirPlace) {
  vs_device* publisher = open();
  vs_channel_subscription* reader = subscribe(open());
  publish(publisher, 'a', 10);
  publish(publisher, 'b');
  publish(publisher, 'c', 10);
  publish(publisher, 'd', 10);
  publish(publisher, 'e');
  EXPECT_EQ(receive(reader, 10), "a");
  EXPECT_EQ(receive(reader), "b");
  EXPECT_EQ(receive(reader, 10), "c");
  EXPECT_EQ(receive(reader, 10), "d");
  EXPECT_EQ(receive(reader), "e");
}

TEST_F(LargeEventsTest, TheLargestEventIsOne) {
  vs_device* publisher = open();
  vs_channel_subscription* reader = subscribe(open());
  const std::size_t head = sizeof(vs_event) + 3 + 10 + sizeof(vs_event_attribute) + 6 + 8;  // see publish()
  const std::size_t most = (1 << 20) - head;
  publish(publisher, 'm', most);
  EXPECT_EQ(receive(reader, most), "m");
  const std::string payload(1 << 20, 'n');
  vs_channel_event event{};
  event.channel = "a.b";
  event.payload = payload.data();
  event.payload_bytes = payload.size();
  EXPECT_EQ(vs_channel_publish(publisher, &event, 1, kPatienceMs), 1) << "queued";
  EXPECT_EQ(vs_channel_fsync(publisher, kPatienceMs), -EMSGSIZE);
}

TEST_F(LargeEventsTest, WhoHoldsAllItMayLosesItsOwn) {
  vs_device* publisher = open();
  vs_channel_subscription* holds = subscribe(open(), 2);
  vs_channel_subscription* reads = subscribe(open());
  publish(publisher, 'a');
  EXPECT_EQ(receive(holds), "a") << "and keeps it";
  EXPECT_EQ(receive(reads), "a");
  std::string all;
  for (char letter = 'b'; letter <= 'z'; ++letter) {
    publish(publisher, letter);
    all += receive(reads);
  }
  EXPECT_EQ(all, "bcdefghijklmnopqrstuvwxyz");
  std::string then;
  for (int i = 0; i < 3 && !then.ends_with('z'); ++i) then += receive(holds);
  const auto lost = std::count(then.begin(), then.end(), '.');
  EXPECT_GE(lost, 22) << then << ": of 25, two were in its queue, and one may have been under way to it";
  EXPECT_EQ(then.size(), 25u) << then << ": what did not come was told";
  EXPECT_TRUE(then.ends_with("yz")) << then;
}

TEST_F(LargeEventsTest, ManySubscriptionsOfADeviceWaitForNoneOfTheOthers) {
  vs_device* publisher = open();
  vs_device* device = open();
  std::vector<vs_channel_subscription*> subscriptions;
  for (int i = 0; i < 12; ++i) subscriptions.push_back(subscribe(device));
  for (const char letter : {'a', 'b', 'c'}) publish(publisher, letter);
  for (const char* letter : {"a", "b", "c"})
    for (std::size_t i = 0; i < subscriptions.size(); ++i) {
      EXPECT_EQ(receive(subscriptions[i]), letter);
      const bool keeps = i < 6;  // in the hand
      EXPECT_EQ(keeps ? 0 : vs_channel_release(subscriptions[i]), 0);
    }
  EXPECT_EQ(bus.sample("vservices_pubsub_lost_total"), 0);
  EXPECT_GT(bus.sample("vservices_pubsub_frames_held_total"), 0);
}

TEST_F(LargeEventsTest, WhatIsKeptTooLongIsTakenBackAndThatShows) {
  vs_device* publisher = open();
  vs_channel_subscription* keeps = subscribe(open());
  vs_channel_subscription* reads = subscribe(open());
  publish(publisher, 'a');
  EXPECT_EQ(receive(keeps), "a");
  EXPECT_EQ(receive(reads), "a");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (vs_channel_current(keeps) == 1 && std::chrono::steady_clock::now() < deadline) {  // a lease, and then others need the frame
    publish(publisher, 'b');
    EXPECT_EQ(receive(reads), "b");
  }
  EXPECT_EQ(vs_channel_current(keeps), 0);
  EXPECT_EQ(vs_channel_release(keeps), 0);
  EXPECT_EQ(vs_channel_current(keeps), 1) << "nothing is held";
}

TEST_F(LargeEventsTest, WhoDiesWithFramesLeavesThemToTheOthers) {
  vs_device* publisher = open();
  vs_channel_subscription* reads = subscribe(open());
  for (int round = 0; round < 40; ++round) {  // far more than there are frames
    vs_device* device = open();
    vs_channel_subscription* dies = subscribe(device);
    publish(publisher, 'a');
    publish(publisher, 'b');
    EXPECT_EQ(receive(dies), "a");
    close(device);
    EXPECT_EQ(receive(reads), "a");
    EXPECT_EQ(receive(reads), "b");
  }
  EXPECT_EQ(bus.sample("vservices_pubsub_frames_missing_total"), 0);
}

TEST_F(LargeEventsTest, AFrameGoesWithTheLastOneWhoWantedItsEvent) {
  vs_device* publisher = open();
  vs_device* device = open();
  vs_channel_subscription* reads = subscribe(open());
  (void)subscribe(device);
  const double frames = bus.sample("vservices_pool_buffers_free");
  for (const char letter : {'x', 'y', 'z'}) publish(publisher, letter);
  for (const char* letter : {"x", "y", "z"}) EXPECT_EQ(receive(reads), letter);
  EXPECT_EQ(bus.sample("vservices_pool_buffers_free"), frames - 3) << "the other one has not read them yet";
  close(device);
  while (bus.sample("vservices_pubsub_subscriptions") > 1) std::this_thread::yield();
  EXPECT_EQ(bus.sample("vservices_pool_buffers_free"), frames - 1) << "the newest is kept for those who come later";
}

TEST_F(LargeEventsTest, AnEventStaysReadableWhenTheBackendGoes) {
  vs_device* publisher = open();
  vs_channel_subscription* reader = subscribe(open());
  publish(publisher, 'a');
  const vs_channel_event* event = nullptr;
  ASSERT_EQ(vs_channel_receive(reader, kPatienceMs, &event), 1);
  bus.restart();
  bus.configure({}, roomy_requests());
  EXPECT_EQ(static_cast<const char*>(event->payload)[kLarge - 1], 'a');
  while (bus.sample("vservices_pubsub_subscriptions") < 1) EXPECT_GE(vs_channel_receive(reader, 10, &event), 0);
  publish(publisher, 'b');
  EXPECT_EQ(receive(reader), ".b");
}

TEST_F(LargeEventsTest, TheNewestIsKeptForThoseWhoComeLater) {
  vs_device* publisher = open();
  publish(publisher, 'a');
  publish(publisher, 'b');
  EXPECT_EQ(receive(subscribe(open(), 0, VS_PUBSUB_DROP_OLDEST, true)), "b(retained)");
}

TEST_F(LargeEventsTest, PrivateChannelsAreCopied) {
  control::Terms terms = roomy_requests();
  terms.response_bytes = 4 << 20;
  for (const char* sharing : {"", "private"}) {
    bus.configure(rights_with(sharing), terms);
    vs_device* publisher = open();
    vs_channel_subscription* reader = subscribe(open());
    publish(publisher, 'a');
    EXPECT_EQ(receive(reader), "a");
    EXPECT_EQ(bus.sample("vservices_pubsub_framed_total"), 0);
  }
  bus.configure(rights_with("group"), terms);
  vs_device* publisher = open();
  vs_channel_subscription* reader = subscribe(open());
  publish(publisher, 'a');
  EXPECT_EQ(receive(reader), "a");
  EXPECT_EQ(bus.sample("vservices_pubsub_framed_total"), 1);
}

}  // namespace
}  // namespace vs::test
