// A guest whose domain goes from node to node while it works: what it asked is answered once and right, what it was told is kept.
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/sanitizers.h"
#include "dataplane/client/vservice.h"
#include "two_nodes.h"

namespace vs::test {
namespace {

constexpr int kPatienceMs = 60'000;
#if VS_ADDRESS_SANITIZER || VS_THREAD_SANITIZER
constexpr int kMoves = 100;  // each takes many times as long
#else
constexpr int kMoves = 1'000;
#endif

// A device opened through libvservice.
class Opened {
 public:
  Opened(const TwoNodes& nodes, const char* kind) { status = vs_open_in(nodes.home().c_str(), kind, kind, kPatienceMs, &device); }
  ~Opened() { vs_close(device); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  vs_device* device = nullptr;
  int status = 0;
};

// How many addresses the name has, or the negative errno, or -1000 when it is said not to be there.
int addresses_of(vs_device* device, const std::string& name) {
  vs_dns_result_set* answer = nullptr;
  const int status = vs_dns_resolve(device, name.c_str(), AF_INET, kPatienceMs, &answer);
  if (status != 0) return status;
  const int count = answer->result == VS_DNS_FOUND ? static_cast<int>(answer->address_count) : -1000;
  vs_dns_free(answer);
  return count;
}

vs_channel_event numbered(const char* channel, const std::uint64_t& number) {
  vs_channel_event event{};
  event.channel = channel;
  event.payload = &number;
  event.payload_bytes = sizeof number;
  return event;
}

std::uint64_t number_in(const vs_channel_event& event) {
  std::uint64_t number = 0;
  if (event.payload_bytes == sizeof number) std::memcpy(&number, event.payload, sizeof number);
  return number;
}

vs_channel_subscription* subscribe(vs_device* device, const char* pattern) {
  const vs_channel_options options{.pattern = pattern};
  vs_channel_subscription* subscription = nullptr;
  EXPECT_EQ(vs_channel_subscribe(device, &options, kPatienceMs, &subscription), 0) << vs_channel_why(device);
  return subscription;
}

int publish_and_wait(vs_device* device, const char* channel, std::uint64_t number) {
  const vs_channel_event event = numbered(channel, number);
  const int queued = vs_channel_publish(device, &event, 1, kPatienceMs);
  return queued == 1 ? vs_channel_fsync(device, kPatienceMs) : queued;
}

// Asks for names whose answers differ, half of them new ones, until it is enough.
struct Asking {
  explicit Asking(const TwoNodes& nodes) : dns(nodes, "dns"), thread([this] { run(); }) {}
  void end() {
    enough = true;
    thread.join();
  }
  void run() {
    for (int i = 0; !enough; ++i) {
      const int count = 1 + i % 7;
      const std::string name = "many-" + std::to_string(count) + (i % 2 == 0 ? ".q" + std::to_string(i) : "") + ".test";
      if (addresses_of(dns.device, name) != count) ++wrong;
      ++asked;
    }
  }
  Opened dns;
  std::atomic<bool> enough{false};
  std::atomic<int> asked{0};
  std::atomic<int> wrong{0};
  std::thread thread;
};

// Publishes numbered events to an at-least-once channel, and receives them.
struct Ordering {
  explicit Ordering(const TwoNodes& nodes)
      : out(nodes, "pubsub"),
        in(nodes, "pubsub"),
        subscription(subscribe(in.device, "order.>")),
        publishing([this] { publish(); }),
        receiving([this] { receive(); }) {}
  void end() {
    enough = true;
    publishing.join();
    receiving.join();
    vs_channel_unsubscribe(subscription, kPatienceMs);
  }
  void publish() {
    for (std::uint64_t number = 1; !enough; ++number) {
      if (publish_and_wait(out.device, "order.new", number) == 0) acknowledged = number;
      else ++refused;
    }
    published_all = true;
  }
  void receive() {
    const auto all_here = [this] { return published_all && newest >= acknowledged; };
    while (!all_here()) {
      const vs_channel_event* event = nullptr;
      const int status = vs_channel_receive(subscription, 100, &event);
      if (status == 0 || status == -ECONNREFUSED || status == -ENODEV) continue;  // the next node is not there yet
      if (status != 1) {
        ++failed;
        break;
      }
      const std::uint64_t number = number_in(*event);
      missed += event->missed;
      if (number == newest + 1) ++newest;
      else if (number <= newest && event->again) ++again;
      else ++out_of_order;
    }
  }

  Opened out, in;
  vs_channel_subscription* subscription;
  std::atomic<bool> enough{false}, published_all{false};
  std::atomic<std::uint64_t> acknowledged{0}, newest{0}, missed{0}, again{0}, out_of_order{0};
  std::atomic<int> refused{0}, failed{0};
  std::thread publishing, receiving;
};

TEST(Moves, AThousandCostNoAnswerAndNoEventOfAnAtLeastOnceChannel) {
  TwoNodes nodes;
  Asking asking(nodes);
  Ordering ordering(nodes);
  for (int i = 0; i < kMoves; ++i) {
    const int asked = asking.asked;
    const std::uint64_t acknowledged = ordering.acknowledged;
    nodes.move();
    // Each node serves before the domain goes on.
    while ((asking.asked <= asked || ordering.acknowledged <= acknowledged) && asking.wrong + ordering.refused + ordering.failed == 0)
      std::this_thread::yield();
  }
  asking.end();
  ordering.end();
  EXPECT_EQ(asking.wrong, 0) << "of " << asking.asked;
  EXPECT_GE(asking.asked, kMoves);
  EXPECT_GT(ordering.acknowledged, 0u);
  EXPECT_EQ(ordering.newest, ordering.acknowledged);
  EXPECT_EQ(ordering.out_of_order, 0u);
  EXPECT_EQ(ordering.missed, 0u) << "of a channel that loses nothing";
  EXPECT_EQ(ordering.refused + ordering.failed, 0);
  EXPECT_EQ(nodes.epoch(), 1u + kMoves);
}

TEST(Moves, OfOtherChannelsAGapIsTold) {
  TwoNodes nodes;
  Opened out(nodes, "pubsub"), in(nodes, "pubsub");
  vs_channel_subscription* subscription = subscribe(in.device, "room.*");
  ASSERT_EQ(publish_and_wait(out.device, "room.a", 1), 0);
  const vs_channel_event* event = nullptr;
  ASSERT_EQ(vs_channel_receive(subscription, kPatienceMs, &event), 1);
  EXPECT_EQ(event->missed, 0u);
  nodes.move();
  // The channel is another one there: what is published before the subscription is made anew is not for it.
  int received = 0;
  for (std::uint64_t number = 2; received == 0; ++number) {
    ASSERT_EQ(publish_and_wait(out.device, "room.a", number), 0);
    received = vs_channel_receive(subscription, 10, &event);
  }
  ASSERT_EQ(received, 1);
  EXPECT_GE(number_in(*event), 2u);
  EXPECT_GE(event->missed, 1u);
  vs_channel_unsubscribe(subscription, kPatienceMs);
}

TEST(Moves, WhatADomainAskedIsKnownWhereItGoes) {
  TwoNodes nodes;
  Opened dns(nodes, "dns");
  ASSERT_EQ(addresses_of(dns.device, "many-3.known.test"), 3);
  nodes.move();
  const int queries = nodes.nameserver().queries();
  Opened again(nodes, "dns");  // its table is empty: it has to ask
  EXPECT_EQ(addresses_of(again.device, "many-3.known.test"), 3);
  EXPECT_EQ(nodes.nameserver().queries(), queries) << "it came along";
  EXPECT_EQ(nodes.sample(nodes.owner(), "dns", "vservices_state_entries_total", "result", "taken"), 1);
}

TEST(Moves, WhatIsNotToTravelStays) {
  TwoNodes nodes;
  nodes.sharing = {{"mode", "private"}, {"travels", false}};
  nodes.configure(nodes.owner(), true);
  Opened dns(nodes, "dns");
  ASSERT_EQ(addresses_of(dns.device, "many-3.known.test"), 3);
  const auto frozen = nodes.freeze();
  EXPECT_EQ(frozen.at("dns").state, nlohmann::json::object());
  nodes.commit(frozen);
  const int queries = nodes.nameserver().queries();
  Opened again(nodes, "dns");
  EXPECT_EQ(addresses_of(again.device, "many-3.known.test"), 3);
  EXPECT_GT(nodes.nameserver().queries(), queries);
}

TEST(Moves, ADomainThatIsThawedStaysWhereItIs) {
  TwoNodes nodes;
  Asking asking(nodes);
  Ordering ordering(nodes);
  for (int i = 0; i < 20; ++i) {
    const int asked = asking.asked;
    const auto frozen = nodes.freeze();
    EXPECT_EQ(frozen.at("dns").problem, "");
    nodes.thaw();
    while (asking.asked <= asked && asking.wrong == 0) std::this_thread::yield();
  }
  asking.end();
  ordering.end();
  EXPECT_EQ(asking.wrong, 0);
  EXPECT_EQ(ordering.newest, ordering.acknowledged);
  EXPECT_EQ(ordering.missed + ordering.out_of_order, 0u);
  EXPECT_EQ(nodes.sample(0, "dns", "vservices_freezes_total"), 20);
}

TEST(Moves, ANodeThatTheDomainLeftDoesNotServeItWhateverItsManagerSays) {
  TwoNodes nodes;
  Opened dns(nodes, "dns");
  nodes.move();
  nodes.move();
  // The node that does not own it is told to serve it as it did at first.
  const std::size_t left = nodes.other();
  const auto applied = nodes.configure_with_epoch(left, 1);
  ASSERT_EQ(applied.problems.size(), 2u);
  EXPECT_NE(applied.problems[0].message.find("epoch 1: another owner has had epoch 2 since"), std::string::npos)
      << applied.problems[0].message;
  EXPECT_EQ(addresses_of(dns.device, "many-2.test"), 2);
  EXPECT_EQ(nodes.sample(left, "dns", "vservices_stale_epochs_total"), 1);
}

}  // namespace
}  // namespace vs::test
