// Channels whose rings are replaced by others while events are on their way.
#include <array>
#include <atomic>
#include <cerrno>
#include <random>
#include <thread>

#include "channels_test.h"

namespace vs::test {
namespace {

using control::Terms;
using control::WaitMode;

class ChannelRenewals : public ChannelsTest {
 protected:
  vs_stats stats_of(vs_device* device) {
    vs_stats stats;
    vs_get_stats(device, &stats);
    return stats;
  }
};

TEST_F(ChannelRenewals, ASubscriptionThatWaitsGoesOn) {
  vs_device* publisher = open();
  vs_device* subscriber = open();
  vs_channel_subscription* all = subscribe(subscriber, ">");
  ASSERT_EQ(publish(publisher, "a", "one"), 1);
  ASSERT_EQ(receive(all), "one");
  std::string got;
  std::thread waiting([&] { got = receive(all); });
  bus.configure({}, {.response_bytes = 16 << 10});
  ASSERT_EQ(publish(publisher, "a", "two"), 1);
  EXPECT_EQ(fsync(publisher), 0);
  waiting.join();
  EXPECT_EQ(got, "two");
  EXPECT_EQ(stats_of(publisher).renewals, 1u);
  EXPECT_EQ(stats_of(subscriber).reconnects, 0u);
}

TEST_F(ChannelRenewals, ADescriptorThatIsPolledRingsInTheNewRings) {
  vs_device* publisher = open();
  vs_device* subscriber = open();
  vs_channel_subscription* all = subscribe(subscriber, ">");
  const int descriptor = vs_channel_descriptor(subscriber);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(vs_channel_poll(subscriber, VS_CHANNEL_IN, 0) & VS_CHANNEL_IN, 0);
  bus.configure({}, {.response_bytes = 64 << 10});
  while (stats_of(subscriber).renewals == 0) {
    ASSERT_TRUE(readable(descriptor, kPatienceMs));
    ASSERT_GE(vs_channel_poll(subscriber, VS_CHANNEL_IN, 0), 0);
  }
  ASSERT_EQ(publish(publisher, "a", "one"), 1);
  while ((vs_channel_poll(subscriber, VS_CHANNEL_IN, 0) & VS_CHANNEL_IN) == 0) ASSERT_TRUE(readable(descriptor, kPatienceMs));
  EXPECT_EQ(receive(all), "one");
}

TEST_F(ChannelRenewals, SubscriptionsForWhichTheNewRingHasNoRoomAreTold) {
  vs_device* device = open();
  std::vector<vs_channel_subscription*> all;
  for (int i = 0; i < 8; ++i) all.push_back(subscribe(device, ">"));
  bus.configure({}, {.response_bytes = 4 << 10});
  ASSERT_EQ(publish(device, "a", "one"), 1);
  int served = 0, ended = 0;
  for (vs_channel_subscription* one : all) {
    const std::string got = receive(one);
    served += got == "one" ? 1 : 0;
    ended += got == std::to_string(-ENOMEM) ? 1 : 0;
  }
  EXPECT_EQ(served, 4) << "half of a ring of 4 KiB holds four answers of 512 bytes";
  EXPECT_EQ(ended, 4);
}

// The events of `count` numbers, each with another length, through rings that are replaced all the time.
TEST_F(ChannelRenewals, UnderFullLoadNothingIsLostDoubledOrReordered) {
  constexpr int kRenewals = 100;
  vs_device* publisher = open();
  vs_device* subscriber = open();
  vs_channel_subscription* all = subscribe(subscriber, ">", 1024, VS_PUBSUB_BLOCK);
  std::atomic<bool> enough = false;
  std::atomic<int> published = 0;
  std::thread publishing([&] {
    std::mt19937 random(1);
    const std::string filler(300, 'x');
    for (int n = 0; !enough.load(); ++n) {
      const std::string payload = std::to_string(n) + "/" + filler.substr(0, random() % 300);
      EXPECT_EQ(publish(publisher, "a.b", payload), 1) << vs_channel_why(publisher);
      published = n + 1;
    }
    EXPECT_EQ(fsync(publisher), 0) << vs_channel_why(publisher);
  });
  std::thread receiving([&] {
    const vs_channel_event* event = nullptr;
    for (int n = 0; !enough.load() || n < published.load(); ++n) {
      int status = 0;
      while ((status = vs_channel_receive(all, 200, &event)) == 0 && !(enough.load() && n == published.load())) {}
      if (status == 0) break;
      ASSERT_EQ(status, 1);
      ASSERT_EQ(event->missed, 0u);
      ASSERT_EQ(event->sequence, static_cast<std::uint64_t>(n + 1));
      ASSERT_EQ(std::atoi(static_cast<const char*>(event->payload)), n);
    }
  });
  constexpr std::array kWaits{WaitMode::adaptive, WaitMode::block, WaitMode::timer};
  std::mt19937 random(2);
  for (int renewal = 0; renewal < kRenewals; ++renewal) {
    const double before = bus.sample("vservices_sessions_renewed_total");
    const int flow = published.load();
    bus.configure({}, {.wait = kWaits[renewal % 3],
                       .batch_us = 20,
                       .request_bytes = 4096u << random() % 6,
                       .response_bytes = 16384u << random() % 6});
    // Both go on in theirs, and events with them.
    while (bus.sample("vservices_sessions_renewed_total") < before + 2 || published.load() == flow) std::this_thread::yield();
  }
  enough = true;
  publishing.join();
  receiving.join();
  EXPECT_GE(stats_of(publisher).renewals, static_cast<unsigned>(kRenewals));
  EXPECT_EQ(stats_of(publisher).reconnects + stats_of(subscriber).reconnects, 0u);
  EXPECT_EQ(bus.sample("vservices_sessions_not_renewed_total"), 0);
}

}  // namespace
}  // namespace vs::test
