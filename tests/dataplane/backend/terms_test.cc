// What a binding's terms do: how its sides wait, how often it may ask, how much memory it may take, and what is told of it.
#include <cerrno>
#include <thread>

#include <nlohmann/json.hpp>

#include "dataplane/abi/local.h"
#include "dataplane/ring/producer.h"
#include "node.h"

namespace vs::test {
namespace {

using control::Priority;
using control::Terms;
using control::WaitMode;

class Bindings : public testing::Test {
 protected:
  void grant(Terms terms) { node_.configure({{"web1-echo", "web1", "echo", "echo", true, terms}}); }
  nlohmann::json live(const std::string& binding = "web1-echo") {
    return node_.on_loop([&] { return node_.backend().describe(binding); });
  }

  Node node_;
};

class WaitModes : public Bindings, public testing::WithParamInterface<WaitMode> {};

TEST_P(WaitModes, AnswerEveryRequestInOrder) {
  grant({.wait = GetParam()});
  Guest guest(node_.home("web1"));
  ASSERT_EQ(guest.status(), 0);
  for (int i = 0; i < 500; ++i) ASSERT_EQ(guest.echo("number " + std::to_string(i)), "number " + std::to_string(i));
  EXPECT_EQ(live()["requests"], 500);
}

TEST_P(WaitModes, NoticeABackendThatGoesAway) {
  grant({.wait = GetParam()});
  Guest guest(node_.home("web1"));
  ASSERT_EQ(guest.echo("before"), "before");
  std::string answer;
  std::thread calling([&] { answer = guest.call(kNever, "", 60'000); });
  node_.wait_for([&] { return node_.service().kept.size() == 1; });
  node_.stop();
  node_.start();
  grant({.wait = GetParam()});
  node_.wait_for([&] { return node_.service().kept.size() == 1; });
  node_.on_loop([&] { node_.service().kept.clear(); });
  calling.join();
  EXPECT_EQ(answer, std::to_string(-EAGAIN));
}

TEST_P(WaitModes, EndCallsAtTheirDeadline) {
  grant({.wait = GetParam()});
  Guest guest(node_.home("web1"));
  EXPECT_EQ(guest.call(kNever, "", 30), std::to_string(-ETIMEDOUT));
}

INSTANTIATE_TEST_SUITE_P(All, WaitModes,
                         testing::Values(WaitMode::adaptive, WaitMode::spin, WaitMode::block, WaitMode::timer),
                         [](const auto& mode) { return std::string(control::name_of(mode.param)); });

TEST_F(Bindings, ThatSpinNeverSleep) {
  grant({.wait = WaitMode::spin});
  Guest guest(node_.home("web1"));
  ASSERT_EQ(guest.echo("hello"), "hello");  // the first finds a backend that sleeps, and rings
  const double sleeps = node_.sample("vservices_loop_sleeps_total");
  const int rung = live()["doorbells"]["received"].get<int>();
  for (int i = 0; i < 200; ++i) ASSERT_EQ(guest.echo("hello"), "hello");
  EXPECT_EQ(node_.sample("vservices_loop_sleeps_total"), sleeps);
  EXPECT_EQ(live()["doorbells"]["received"].get<int>(), rung) << "nobody was asked to ring";
}

TEST_F(Bindings, ThatBlockAreNeverLookedFor) {
  grant({.wait = WaitMode::block});
  Guest guest(node_.home("web1"));
  for (int i = 0; i < 200; ++i) ASSERT_EQ(guest.echo("hello"), "hello");
  EXPECT_EQ(node_.sample("vservices_loop_spins_won_total") + node_.sample("vservices_loop_spins_lost_total"), 0);
  EXPECT_GE(live()["doorbells"]["received"].get<int>(), 1);
}

// The guest puts a batch there and rings once: the backend waits for more until the time is over or the batch is full.
TEST_F(Bindings, WithATimerGatherABatch) {
  grant({.wait = WaitMode::timer, .batch_messages = 8, .batch_us = 1'000'000});
  Guest guest(node_.home("web1"));
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_EQ(guest.call(kEcho, "alone", 20'000), "alone");
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(900)) << "one request waits out the time";
}

TEST_F(Bindings, OfOtherRingSizesTakeLargerRequests) {
  grant({.request_bytes = 1 << 20, .response_bytes = 1 << 20});
  Guest guest(node_.home("web1"));
  const std::string large(100'000, 'x');
  const void* answer = nullptr;
  std::size_t bytes = 0;
  ASSERT_EQ(vs_call(guest.device(), kEcho, large.data(), large.size(), large.size(), 20'000, &answer, &bytes), 0);
  EXPECT_EQ(std::string_view(static_cast<const char*>(answer), bytes), large);
}

using RuleS12 = Bindings;

TEST_F(RuleS12, SessionsTakeNoMoreMemoryThanTheirDomainMay) {
  const Terms terms{.request_bytes = 64 << 10, .response_bytes = 64 << 10, .memory_bytes_max = 320 << 10};
  node_.configure({{"web1-echo", "web1", "echo", "echo", true, terms}, {"web2-echo", "web2", "echo", "echo", true}});
  const Guest first(node_.home("web1"));
  auto second = std::make_unique<Guest>(node_.home("web1"));
  EXPECT_EQ(first.status(), 0);
  EXPECT_EQ(second->status(), 0);
  EXPECT_EQ(Guest(node_.home("web1")).status(), -ENOMEM);
  EXPECT_EQ(live()["refusals"]["memory"], 1);
  EXPECT_EQ(live()["domainMemoryBytes"], 2 * region_bytes({.request_bytes_log2 = 16, .response_bytes_log2 = 16}));
  EXPECT_EQ(Guest(node_.home("web2")).status(), 0) << "another domain's memory is its own";
  second.reset();
  node_.wait_for([&] { return node_.backend().sessions() == 1; });
  EXPECT_EQ(Guest(node_.home("web1")).status(), 0) << "what was given back can be had again";
}

// Excess stays in the guest's ring: of many requests put there at once, the burst is taken, then one each 1/rate.
TEST_F(Bindings, WithARateAreServedNoFaster) {
  grant({.rate_per_s = 50, .burst = 5});
  Guest guest(node_.home("web1"));
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 25; ++i) ASSERT_EQ(guest.echo("hello"), "hello");
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(399)) << "20 beyond the burst, at 50/s";
  EXPECT_GE(live()["requestsThrottled"].get<int>(), 20);
}

TEST_F(Bindings, WithoutARateAreNotSlowedByOneThatHasIt) {
  node_.configure({{"web1-echo", "web1", "echo", "echo", true, {.rate_per_s = 1}}, {"web2-echo", "web2", "echo", "echo", true}});
  Guest slow(node_.home("web1"));
  Guest fast(node_.home("web2"));
  std::thread calling([&] {
    for (int i = 0; i < 3; ++i) slow.call(kEcho, "x", 300);
  });
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(fast.echo("hello"), "hello");
  calling.join();
  EXPECT_EQ(live("web2-echo")["requestsThrottled"], 0);
}

TEST_F(Bindings, TellWhatWaitsInTheirRings) {
  grant({});
  Guest guest(node_.home("web1"));
  std::thread calling([&] { guest.call(kNever, std::string(100, 'x'), 60'000); });
  node_.wait_for([&] { return node_.service().kept.size() == 1; });
  EXPECT_EQ(node_.sample("vservices_ring_waiting_bytes", "ring", "request"), 0) << "taken";
  EXPECT_EQ(node_.sample("vservices_domain_memory_bytes", "domain", "web1"), live()["domainMemoryBytes"].get<double>());
  node_.on_loop([&] { node_.service().kept.clear(); });
  calling.join();
  grant({.rate_per_s = 1});
  EXPECT_EQ(guest.echo("the burst"), "the burst");
  std::thread waiting([&] { guest.call(kEcho, std::string(100, 'x'), 60'000); });
  node_.wait_for([&] { return node_.backend().describe("web1-echo")["sessions"]["throttled"] == 1; });
  EXPECT_EQ(node_.sample("vservices_ring_waiting_bytes", "ring", "request"), 128) << "a record of 124 bytes";
  waiting.join();
}

TEST_F(Bindings, TellWhatTheyDo) {
  grant({});
  Guest guest(node_.home("web1"));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(guest.echo("hello"), "hello");
  const auto told = live();
  EXPECT_EQ(told["sessions"]["live"], 1);
  EXPECT_EQ(told["requests"], 100);
  EXPECT_EQ(told["answers"], (nlohmann::json{{"ok", 100}}));
  for (const char* part : {"queue", "service", "total"}) {
    EXPECT_EQ(told["latency"][part]["count"], 100) << part;
    EXPECT_LE(told["latency"][part]["p50Us"], told["latency"][part]["p99Us"]) << part;
    EXPECT_LE(told["latency"][part]["p99Us"], told["latency"][part]["maxUs"]) << part;
  }
  EXPECT_GE(told["latency"]["total"]["maxUs"], told["latency"]["service"]["maxUs"]);
  EXPECT_EQ(told["rings"]["requestBytesWaiting"], 0);
  EXPECT_EQ(told["rings"]["requestBytes"], 32 << 10);
  EXPECT_TRUE(live("nobody").is_null());
}

TEST_F(Bindings, AHelloForAnotherDeviceIsRefused) {
  node_.configure({{"web1-echo", "web1", "echo", "echo", true}});
  // As when somebody mounted one device's socket in the place of another's.
  std::filesystem::create_hard_link(node_.socket(), node_.home("web1") + "/names");
  ::setenv("VSERVICE_DIRECTORY", node_.home("web1").c_str(), 1);
  vs_device* device = nullptr;
  EXPECT_EQ(vs_open("names", "echo", 20'000, &device), -EACCES);
  EXPECT_EQ(live()["refusals"]["policy"], 0) << "no policy said so";
}

}  // namespace
}  // namespace vs::test
