// A binding that is about to go to another node: what its guests meet meanwhile.
#include <algorithm>
#include <future>
#include <thread>

#include "node.h"

namespace vs::test {
namespace {

constexpr std::uint32_t kLongMs = 1'000;  // to drain
std::string as_text(int status) { return std::to_string(status); }

class FreezingTest : public testing::Test {
 protected:
  FreezingTest() { node.grant(); }

  // Begins to freeze; what came of it is there when it has drained.
  std::future<std::vector<control::FrozenBinding>> begin_freeze(std::uint32_t drain_ms, std::vector<std::string> bindings = {"web1-echo"}) {
    auto promise = std::make_shared<std::promise<std::vector<control::FrozenBinding>>>();
    node.on_loop([&] {
      node.backend().freeze({1, std::move(bindings), drain_ms, 30'000},
                            [promise](std::vector<control::FrozenBinding> frozen) { promise->set_value(std::move(frozen)); });
      return true;
    });
    return promise->get_future();
  }
  control::FrozenBinding freeze(std::uint32_t drain_ms = kLongMs) { return begin_freeze(drain_ms).get().at(0); }
  std::vector<std::string> thaw() {
    return node.on_loop([&] { return node.backend().thaw({"web1-echo"}); });
  }
  // A guest asks in a thread of its own; until it has put its request there.
  std::future<std::string> ask(Guest& guest, std::uint16_t type, std::string text) {
    return std::async(std::launch::async, [&guest, type, text] { return guest.call(type, text); });
  }
  void until_handled(int count) {
    node.wait_for([&, count] { return node.service().handled == count; });
  }

  Node node;
};

TEST_F(FreezingTest, ABindingWithNothingOnItsWayIsDrainedAtOnce) {
  Guest guest(node.home("web1"));
  EXPECT_EQ(guest.echo("x"), "x");
  const auto frozen = freeze();
  EXPECT_EQ(frozen, (control::FrozenBinding{"web1-echo", "", true, 0}));
}

TEST_F(FreezingTest, ARequestWaitsAndIsServedWhenItIsThawed) {
  Guest guest(node.home("web1"));
  ASSERT_EQ(guest.echo("before"), "before");
  freeze();
  auto answer = ask(guest, kEcho, "meanwhile");
  EXPECT_EQ(node.on_loop([&] { return node.service().handled; }), 1);
  EXPECT_EQ(thaw(), std::vector<std::string>{"web1-echo"});
  EXPECT_EQ(answer.get(), "meanwhile");
  EXPECT_EQ(guest.stats().reconnects, 0u);
  EXPECT_TRUE(thaw().empty()) << "it is not frozen any more";
}

TEST_F(FreezingTest, AGuestHoldsBackWhatItHasNotAskedForItsOwnTime) {
  Guest guest(node.home("web1"));
  ASSERT_EQ(guest.echo("before"), "before");
  freeze();
  const std::uint64_t requests = guest.stats().requests;
  EXPECT_EQ(guest.call(kEcho, "x", 20), as_text(-ETIMEDOUT));
  EXPECT_EQ(guest.stats().requests, requests) << "nothing was put into the ring";
  EXPECT_EQ(guest.stats().holds, 1u);
  thaw();
  EXPECT_EQ(guest.echo("after"), "after");
  EXPECT_EQ(guest.stats().reconnects, 0u) << "the session is what it was";
}

TEST_F(FreezingTest, WhatWasTakenIsAnsweredWhileItDrains) {
  Guest guest(node.home("web1"));
  auto answer = ask(guest, kNever, "x");
  until_handled(1);
  auto frozen = begin_freeze(control::kDrainMsMax);
  node.on_loop([&] {
    for (Reply& reply : std::exchange(node.service().kept, {})) std::move(reply).send(std::as_bytes(std::span("late", 4)));
    return true;
  });
  EXPECT_EQ(answer.get(), "late");
  const auto told = frozen.get().at(0);
  EXPECT_TRUE(told.drained);
  EXPECT_EQ(node.sample("vservices_requests_drained_total"), 1);
}

TEST_F(FreezingTest, WhatIsNotAnsweredInTimeIsToldAndAskedAgainWhenItThaws) {
  Guest guest(node.home("web1"));
  auto answer = ask(guest, kNever, "x");
  until_handled(1);
  const auto told = freeze(1);
  EXPECT_FALSE(told.drained);
  EXPECT_EQ(told.unanswered, 1u);
  node.on_loop([&] {
    for (Reply& reply : std::exchange(node.service().kept, {})) std::move(reply).send(std::as_bytes(std::span("late", 4)));
    return true;
  });
  EXPECT_EQ(node.sample("vservices_answers_late_total"), 1) << "whoever serves it next answers";
  thaw();
  until_handled(2);
  node.on_loop([&] {
    for (Reply& reply : std::exchange(node.service().kept, {})) std::move(reply).send(std::as_bytes(std::span("again", 5)));
    return true;
  });
  EXPECT_EQ(answer.get(), "again");
  EXPECT_EQ(guest.stats().repeats, 1u);
}

TEST_F(FreezingTest, WhatMustNotBeDoneTwiceEndsWithoutAnAnswer) {
  Guest guest(node.home("web1"));
  auto answer = std::async(std::launch::async, [&] {
    const void* bytes = nullptr;
    std::size_t size = 0;
    return vs_call_once(guest.device(), kNever, "x", 1, 64, 20'000, &bytes, &size);
  });
  until_handled(1);
  freeze(1);
  node.configure({});  // it is another node's now
  EXPECT_EQ(answer.get(), -ECONNRESET);
}

// It was in the ring when the binding was frozen, and nobody took it.
TEST_F(FreezingTest, WhatMustNotBeDoneTwiceIsAskedAgainWhenItWasNotTaken) {
  Guest guest(node.home("web1"));
  ASSERT_EQ(guest.echo("x"), "x");
  std::future<int> answer;
  node.on_loop([&] {  // the loop looks at no ring until this returns
    answer = std::async(std::launch::async, [&] {
      const void* bytes = nullptr;
      std::size_t size = 0;
      return vs_call_once(guest.device(), kEcho, "y", 1, 64, 20'000, &bytes, &size);
    });
    while (node.backend().describe("web1-echo")["rings"]["requestBytesWaiting"] == 0) std::this_thread::yield();
    node.backend().freeze({1, {"web1-echo"}, 0, 30'000}, [](const auto&) {});
    return true;
  });
  node.configure({});
  node.grant();
  EXPECT_EQ(answer.get(), 0);
  EXPECT_EQ(node.on_loop([&] { return node.service().handled; }), 2);
  EXPECT_EQ(guest.stats().repeats, 1u);
}

TEST_F(FreezingTest, WhoOpensItMeanwhileIsSentAwayAndTriesAgain) {
  freeze();
  auto opened = std::async(std::launch::async, [&] { return std::make_unique<Guest>(node.home("web1")); });
  node.wait_for([&] { return node.backend().describe("web1-echo").at("sessions").at("live") == 0; });
  while (node.sample("vservices_opens_frozen_total") < 1) std::this_thread::yield();
  thaw();
  const auto guest = opened.get();
  EXPECT_EQ(guest->status(), 0);
  EXPECT_EQ(guest->echo("x"), "x");
}

TEST_F(FreezingTest, OtherBindingsAreServedOn) {
  node.configure({{"web1-echo", "web1", "echo", "echo", true}, {"web2-echo", "web2", "echo", "echo", true}});
  Guest other(node.home("web2"));
  freeze();
  EXPECT_EQ(other.echo("x"), "x");
  EXPECT_EQ(other.stats().holds, 0u);
}

TEST_F(FreezingTest, ItsConfigurationMayChangeMeanwhileAndItStaysFrozen) {
  Guest guest(node.home("web1"));
  ASSERT_EQ(guest.echo("x"), "x");
  freeze();
  control::BindingConfig changed{"web1-echo", "web1", "echo", "echo", true};
  changed.terms.rate_per_s = 1000;
  changed.epoch = 4;
  node.configure({changed});
  EXPECT_EQ(guest.call(kEcho, "y", 20), as_text(-ETIMEDOUT));
  const auto live = node.on_loop([&] { return node.backend().describe("web1-echo"); });
  EXPECT_EQ(live["handoff"]["epoch"], 4);
  EXPECT_EQ(live["handoff"]["frozen"], true);
  thaw();
  EXPECT_EQ(guest.echo("z"), "z");
}

TEST_F(FreezingTest, TakenOutWhileItDrainsItIsNotToldOf) {
  Guest guest(node.home("web1"));
  auto answer = std::async(std::launch::async, [&] { return guest.call(kNever, "x", 500); });
  until_handled(1);
  auto frozen = begin_freeze(control::kDrainMsMax);
  node.configure({});
  EXPECT_TRUE(frozen.get().empty());
  answer.get();
}

TEST_F(FreezingTest, AskedTwiceTheFirstIsToldAtOnce) {
  Guest guest(node.home("web1"));
  auto answer = std::async(std::launch::async, [&] { return guest.call(kNever, "x", 500); });
  until_handled(1);
  auto first = begin_freeze(control::kDrainMsMax);
  auto second = begin_freeze(0);
  EXPECT_EQ(first.get().at(0).unanswered, 1u);
  EXPECT_EQ(second.get().at(0).unanswered, 1u);
  answer.get();
  EXPECT_EQ(begin_freeze(0, {"none", "web1-echo", "web1-echo"}).get().size(), 1u);
}

}  // namespace
}  // namespace vs::test
