// Channels as programs use them, against a real backend: pipelined publishing, receiving, polling, restarts.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "channels_test.h"

namespace vs::test {
namespace {

TEST_F(ChannelsTest, ManyEventsAreOnTheirWayAtOnceAndArriveInOrder) {
  vs_device* publisher = open();
  vs_device* subscriber = open();
  vs_channel_subscription* all = subscribe(subscriber, ">", 65'536);
  constexpr int kBursts = 40, kBurst = 250;
  for (int burst = 0; burst < kBursts; ++burst) EXPECT_EQ(publish(publisher, "a.b", std::to_string(burst), kBurst), kBurst);
  EXPECT_EQ(fsync(publisher), 0);
  const vs_channel_event* event = nullptr;
  for (int n = 0; n < kBursts * kBurst; ++n) {
    ASSERT_EQ(vs_channel_receive(all, kPatienceMs, &event), 1);
    ASSERT_EQ(event->sequence, static_cast<std::uint64_t>(n + 1));
    ASSERT_EQ(event->missed, 0u);
  }
  vs_stats stats;
  vs_get_stats(publisher, &stats);
  EXPECT_LT(stats.requests, kBursts * kBurst / 10u) << "events travel in batches";
  EXPECT_EQ(stats.broken, 0u);
}

TEST_F(ChannelsTest, WhatTheNodeRefusesIsToldOnceByFsync) {
  vs_device* device = open();
  const vs_channel_parameters small = {.event_bytes_max = 96, .expires_ms = 0, .retained = 1, .subscribers = 0, .sequence = 0};
  ASSERT_EQ(vs_channel_create(device, "small", &small, kPatienceMs), 0);
  EXPECT_EQ(publish(device, "small", std::string(200, 'x'), 3), 3) << "queued";
  EXPECT_EQ(fsync(device), -EMSGSIZE);
  EXPECT_STREQ(vs_channel_why(device), "publish small: 248 bytes, limit 96");
  EXPECT_EQ(fsync(device), 0);
  EXPECT_EQ(bus.sample("vservices_pubsub_too_large_total"), 3);
}

TEST_F(ChannelsTest, TheNextPublishTellsWhatWasRefusedAndQueuesNothing) {
  vs_device* device = open();
  const vs_channel_parameters small = {.event_bytes_max = 96, .expires_ms = 0, .retained = 1, .subscribers = 0, .sequence = 0};
  ASSERT_EQ(vs_channel_create(device, "small", &small, kPatienceMs), 0);
  EXPECT_EQ(publish(device, "small", std::string(200, 'x')), 1);
  EXPECT_NE(vs_channel_poll(device, 0, kPatienceMs) & VS_CHANNEL_ERROR, 0);
  EXPECT_EQ(publish(device, "other", "a"), -EMSGSIZE);
  EXPECT_EQ(publish(device, "other", "b"), 1);
  EXPECT_EQ(fsync(device), 0);
  vs_channel_parameters found{};
  ASSERT_EQ(vs_channel_get(device, "other", &found, kPatienceMs), 0);
  EXPECT_EQ(found.sequence, 1u);
}

TEST_F(ChannelsTest, OneRefusedEventDoesNotKeepTheOthersOfItsBatchBack) {
  vs_device* device = open();
  const vs_channel_parameters small = {.event_bytes_max = 96, .expires_ms = 0, .retained = 1, .subscribers = 0, .sequence = 0};
  ASSERT_EQ(vs_channel_create(device, "small", &small, kPatienceMs), 0);
  vs_channel_subscription* all = subscribe(device, "small");
  const std::string large(200, 'x');
  vs_channel_event events[3]{};
  for (vs_channel_event& one : events) one.channel = "small";
  events[0].payload = "a", events[0].payload_bytes = 1;
  events[1].payload = large.data(), events[1].payload_bytes = large.size();
  events[2].payload = "c", events[2].payload_bytes = 1;
  EXPECT_EQ(vs_channel_publish(device, events, 3, kPatienceMs), 3);
  EXPECT_EQ(fsync(device), -EMSGSIZE);
  EXPECT_EQ(receive(all), "a");
  EXPECT_EQ(receive(all), "c");
}

TEST_F(ChannelsTest, TheDescriptorIsReadableWhenAnEventComesAndNotBefore) {
  vs_device* publisher = open();
  vs_device* subscriber = open();
  vs_channel_subscription* all = subscribe(subscriber, "a");
  const int descriptor = vs_channel_descriptor(subscriber);
  ASSERT_GE(descriptor, 0);
  for (int round = 0; round < 20; ++round) {
    while ((vs_channel_poll(subscriber, 0, 0) & VS_CHANNEL_IN) != 0 || readable(descriptor, 0)) receive(all, 0);
    EXPECT_FALSE(readable(descriptor, 0));
    EXPECT_EQ(publish(publisher, "a", std::to_string(round)), 1);
    EXPECT_TRUE(readable(descriptor, kPatienceMs));
    while ((vs_channel_poll(subscriber, 0, 0) & VS_CHANNEL_IN) == 0) EXPECT_TRUE(readable(descriptor, kPatienceMs));
    EXPECT_EQ(receive(all, 0), std::to_string(round));
    EXPECT_EQ(receive(all, 0), "none");
  }
}

TEST_F(ChannelsTest, PollSaysWhatCanBeDone) {
  vs_device* publisher = open();
  vs_device* subscriber = open();
  vs_channel_subscription* all = subscribe(subscriber, "a", 1);
  EXPECT_EQ(vs_channel_poll(subscriber, VS_CHANNEL_OUT, kPatienceMs), VS_CHANNEL_OUT);
  EXPECT_EQ(vs_channel_poll(subscriber, VS_CHANNEL_IN, 1), VS_CHANNEL_OUT);
  publish(publisher, "a", "x");
  EXPECT_EQ(vs_channel_poll(subscriber, VS_CHANNEL_IN, kPatienceMs), VS_CHANNEL_IN | VS_CHANNEL_OUT);
  EXPECT_EQ(receive(all, 0), "x");
  bus.stop();
  EXPECT_EQ(vs_channel_poll(subscriber, VS_CHANNEL_IN, 50) & VS_CHANNEL_GONE, VS_CHANNEL_GONE);
  bus.start();
  bus.configure({});
  EXPECT_NE(vs_channel_poll(subscriber, VS_CHANNEL_GAP, kPatienceMs) & VS_CHANNEL_GAP, 0);
}

TEST_F(ChannelsTest, WhatWasNotAcceptedGoesToTheNextBackendInItsOrder) {
  vs_device* publisher = open();
  vs_device* subscriber = open();
  vs_channel_subscription* all = subscribe(subscriber, "a");
  EXPECT_EQ(publish(publisher, "a", "before"), 1);
  EXPECT_EQ(fsync(publisher), 0);
  EXPECT_EQ(receive(all), "before");
  bus.on_loop([&] {  // queued while the backend looks elsewhere
    for (const char* payload : {"1", "2", "3"}) EXPECT_EQ(publish(publisher, "a", payload), 1);
    return true;
  });
  bus.restart();
  EXPECT_EQ(vs_channel_poll(subscriber, VS_CHANNEL_GAP, kPatienceMs) & VS_CHANNEL_GAP, VS_CHANNEL_GAP);
  EXPECT_EQ(vs_channel_filter(all, "size(payload) > 0", kPatienceMs), 0);  // subscribed again by then
  EXPECT_EQ(fsync(publisher), 0);
  EXPECT_EQ(publish(publisher, "a", "4"), 1);
  EXPECT_EQ(fsync(publisher), 0);
  std::vector<std::string> seen;  // some may have come from the backend before, too
  while (seen.empty() || seen.back().back() != '4') seen.push_back(receive(all));
  const auto gap = std::find_if(seen.begin(), seen.end(), [](const std::string& text) { return text.starts_with("lost "); });
  ASSERT_NE(gap, seen.end());
  *gap = gap->substr(5);
  EXPECT_TRUE(std::is_sorted(gap, seen.end())) << "each goes once to the next backend, in its order";
}

TEST_F(ChannelsTest, EachOfAsManySubscriptionsAsFitGetsItsEvents) {
  vs_device* publisher = open();
  vs_device* subscriber = open();
  std::vector<vs_channel_subscription*> subscriptions;
  const vs_channel_options options = {.pattern = "a", .filter = "", .events_max = 0, .bytes_max = 0, .overflow = 0, .retained = 0};
  for (vs_channel_subscription* one = nullptr; vs_channel_subscribe(subscriber, &options, kPatienceMs, &one) == 0;)
    subscriptions.push_back(one);
  EXPECT_GE(subscriptions.size(), 24u);
  EXPECT_LE(subscriptions.size(), 40u);
  for (int round = 0; round < 50; ++round) EXPECT_EQ(publish(publisher, "a", std::string(1000, 'x')), 1);
  EXPECT_EQ(fsync(publisher), 0);
  for (int round = 0; round < 50; ++round)
    for (vs_channel_subscription* one : subscriptions) ASSERT_EQ(receive(one).size(), 1000u);
  for (vs_channel_subscription* one : subscriptions) EXPECT_EQ(vs_channel_unsubscribe(one, kPatienceMs), 0);
  EXPECT_EQ(bus.sample("vservices_pubsub_subscriptions"), 0);
}

TEST_F(ChannelsTest, EventsLargerThanASubscriptionsShareArrive) {
  bus.configure({}, {.request_bytes = 1 << 20, .response_bytes = 1 << 18});
  vs_device* publisher = open();
  vs_device* subscriber = open();
  vs_channel_subscription* all = subscribe(subscriber, "a");
  for (const int bytes : {30'000, 10, 31'000, 60'000, 20}) EXPECT_EQ(publish(publisher, "a", std::string(static_cast<std::size_t>(bytes), 'x')), 1);
  EXPECT_EQ(receive(all).size(), 30'000u);
  EXPECT_EQ(receive(all).size(), 10u);
  EXPECT_EQ(receive(all).size(), 31'000u);
  EXPECT_EQ(receive(all), "lost " + std::string(20, 'x')) << "60,000 bytes do not fit an eighth of the ring";
}

TEST_F(ChannelsTest, ABlockedEventIsNotOvertaken) {
  vs_device* publisher = open();
  vs_device* subscriber = open();
  vs_channel_subscription* slow = subscribe(subscriber, "slow", 1, VS_PUBSUB_BLOCK);
  vs_channel_subscription* any = subscribe(subscriber, ">");
  for (int n = 0; n < 5; ++n) publish(publisher, n % 2 == 0 ? "slow" : "fast", std::to_string(n));
  for (int n = 0; n < 5; ++n) EXPECT_EQ(receive(any), std::to_string(n));
  for (int n = 0; n < 5; n += 2) EXPECT_EQ(receive(slow), std::to_string(n));
  EXPECT_EQ(fsync(publisher), 0);
}

TEST_F(ChannelsTest, WhatWaitsWithAHigherPriorityComesFirst) {
  vs_device* publisher = open();
  vs_channel_subscription* all = subscribe(open(), "news");
  EXPECT_EQ(receive(all, 0), "none");
  std::vector<vs_channel_event> events(4);
  const char* const payloads[] = {"first", "low", "high", "higher"};
  for (std::size_t n = 0; n < events.size(); ++n) {
    events[n].channel = "news";
    events[n].payload = payloads[n];
    events[n].payload_bytes = std::strlen(payloads[n]);
    events[n].priority = static_cast<int>(n);
  }
  ASSERT_EQ(vs_channel_publish(publisher, events.data(), events.size(), kPatienceMs), 4);
  ASSERT_EQ(fsync(publisher), 0);
  std::vector<std::string> got;
  for (int n = 0; n < 4; ++n) got.push_back(receive(all));
  EXPECT_EQ(got, (std::vector<std::string>{"higher", "high", "low", "first"}));
  events[0].priority = VS_EVENT_PRIORITIES;
  EXPECT_EQ(vs_channel_publish(publisher, events.data(), 1, kPatienceMs), -EINVAL);
}

TEST_F(ChannelsTest, ADeviceWithChannelsIsNotCalledOtherwise) {
  vs_device* device = open();
  subscribe(device, "a");
  const void* answer = nullptr;
  std::size_t bytes = 0;
  EXPECT_EQ(vs_call(device, VS_PUBSUB_GET, "a", 1, 64, kPatienceMs, &answer, &bytes), -EBUSY);
}

TEST_F(ChannelsTest, WhoHasNoRightIsRefusedInWords) {
  bus.configure({{"default", "deny"},
                 {"rules", {rule("allow", {"room.>"}, {"create", "publish", "subscribe"}), rule("deny", {"room.secret"}, {"publish", "subscribe"})}}});
  vs_device* device = open();
  EXPECT_EQ(publish(device, "room.north", "a"), 1);
  EXPECT_EQ(fsync(device), 0);
  EXPECT_EQ(publish(device, "hall", "a"), 1);
  EXPECT_EQ(fsync(device), -EACCES);
  EXPECT_STREQ(vs_channel_why(device), "publish hall: no rule allows it");
  EXPECT_EQ(publish(device, "room.secret", "a"), 1);
  EXPECT_EQ(fsync(device), -EACCES);
  EXPECT_STREQ(vs_channel_why(device), "publish room.secret: Because. (policy p, rule r)");
  EXPECT_EQ(vs_channel_create(device, "hall", nullptr, kPatienceMs), -EACCES);
  vs_channel_parameters found{};
  EXPECT_EQ(vs_channel_get(device, "hall", &found, kPatienceMs), -EACCES);
  const vs_channel_options options = {.pattern = "hall", .filter = "", .events_max = 0, .bytes_max = 0, .overflow = 0, .retained = 0};
  vs_channel_subscription* none = nullptr;
  EXPECT_EQ(vs_channel_subscribe(device, &options, kPatienceMs, &none), -EACCES);
  EXPECT_EQ(bus.sample("vservices_pubsub_denied_total"), 5);
}

TEST_F(ChannelsTest, APatternReachesOnlyTheChannelsThatMayBeSubscribedTo) {
  bus.configure({{"default", "allow"}, {"rules", {rule("deny", {"room.secret"}, {"subscribe"})}}});
  vs_device* device = open();
  vs_channel_subscription* all = subscribe(device, ">");
  publish(device, "room.secret", "hidden");
  publish(device, "room.north", "shown");
  EXPECT_EQ(receive(all), "shown");
}

TEST_F(ChannelsTest, WhoPublishesTooMuchIsTold) {
  bus.configure({{"default", "deny"},
                 {"rules", {rule("allow", {">"}, {"create", "publish", "subscribe"},
                                 {{"ratePerS", 1}, {"burst", 3}, {"eventBytesMax", 100}})}}});
  vs_device* device = open();
  vs_channel_subscription* all = subscribe(device, "a");
  EXPECT_EQ(publish(device, "a", "x", 10), 10);
  EXPECT_EQ(fsync(device), -EAGAIN);
  for (int n = 0; n < 3; ++n) EXPECT_EQ(receive(all), "x");
  EXPECT_GE(bus.sample("vservices_pubsub_over_rate_total"), 1);
  vs_device* again = open();  // the rate is the guest's, not a session's
  EXPECT_EQ(publish(again, "a", std::string(100, 'x')), 1);
  EXPECT_EQ(fsync(again), -EMSGSIZE);
}

}  // namespace
}  // namespace vs::test
