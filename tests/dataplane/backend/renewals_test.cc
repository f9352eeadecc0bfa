// Rings that are replaced by others while their session goes on.
#include <cerrno>
#include <thread>

#include <nlohmann/json.hpp>

#include "dataplane/abi/local.h"
#include "node.h"
#include "tests/fuzz/raw_guest.h"

namespace vs::test {
namespace {

using control::Terms;
using control::WaitMode;

class Renewals : public testing::Test {
 protected:
  void grant(Terms terms) { node_.configure({{"web1-echo", "web1", "echo", "echo", true, terms}}); }
  nlohmann::json live() {
    return node_.on_loop([&] { return node_.backend().describe("web1-echo"); });
  }
  double renewed() { return node_.sample("vservices_sessions_renewed_total"); }

  Node node_;
};

TEST_F(Renewals, OtherRingsAndWaysOfWaitingLeaveTheSessionAsItIs) {
  grant({});
  Guest guest(node_.home("web1"));
  ASSERT_EQ(guest.echo("one"), "one");
  for (const Terms& terms : {Terms{.request_bytes = 1 << 20}, Terms{.response_bytes = 4 << 10}, Terms{.wait = WaitMode::block},
                             Terms{.wait = WaitMode::spin}, Terms{.wait = WaitMode::timer, .batch_us = 10}, Terms{}}) {
    grant(terms);
    ASSERT_EQ(guest.echo("two"), "two");
    ASSERT_EQ(guest.echo("three"), "three");
    EXPECT_EQ(live()["domainMemoryBytes"], region_bytes(shape_of(terms))) << "the old one is gone";
  }
  EXPECT_EQ(guest.stats().renewals, 6u);
  EXPECT_EQ(guest.stats().reconnects, 0u);
  EXPECT_EQ(renewed(), 6);
  EXPECT_EQ(node_.sample("vservices_sessions_opened_total"), 1);
}

TEST_F(Renewals, ARateOrAPriorityNeedsNone) {
  grant({});
  Guest guest(node_.home("web1"));
  ASSERT_EQ(guest.echo("one"), "one");
  grant({.priority = control::Priority::bulk, .rate_per_s = 1000, .burst = 10});
  ASSERT_EQ(guest.echo("two"), "two");
  EXPECT_EQ(guest.stats().renewals + guest.stats().reconnects, 0u);
}

TEST_F(Renewals, WhatIsLargerThanTheOldRingFitsTheNewOne) {
  grant({.request_bytes = 4 << 10, .response_bytes = 4 << 10});
  Guest guest(node_.home("web1"));
  const std::string large(100'000, 'x');
  ASSERT_EQ(guest.echo("one"), "one");
  grant({.request_bytes = 1 << 20, .response_bytes = 1 << 20});
  EXPECT_EQ(guest.echo(large), large);
  grant({.request_bytes = 4 << 10, .response_bytes = 4 << 10});
  EXPECT_EQ(guest.echo(large), std::to_string(-EMSGSIZE));
  EXPECT_EQ(guest.echo("two"), "two");
}

TEST_F(Renewals, ARequestThatWaitsIsAnsweredBeforeItsGuestGoesOn) {
  grant({});
  Guest guest(node_.home("web1"));
  std::string answer;
  std::thread calling([&] { answer = guest.call(kNever, "", 60'000); });
  node_.wait_for([&] { return node_.service().kept.size() == 1; });
  grant({.request_bytes = 64 << 10});
  node_.on_loop([&] {
    std::move(node_.service().kept.front()).send(std::as_bytes(std::span("kept", 4)));
    node_.service().kept.clear();
  });
  calling.join();
  EXPECT_EQ(answer, "kept");
  EXPECT_EQ(guest.echo("next"), "next");
  EXPECT_EQ(guest.stats().renewals, 1u);
}

// The backend's room for a request is that of the largest ring that anybody may still come to use.
TEST_F(Renewals, TermsThatChangeWhileAGuestRenewsItsRegionAreFollowedOnceMore) {
  grant({.request_bytes = 4 << 10});
  fuzz::RawGuest old(node_.socket(), {}, VS_LOCAL_TAKES_RENEWAL);
  ASSERT_TRUE(old.welcomed());
  grant({.request_bytes = 1 << 20});
  fuzz::RawGuest next(node_.socket(), {}, VS_LOCAL_TAKES_RENEWAL, old.header().ticket);
  ASSERT_TRUE(next.welcomed());
  grant({.request_bytes = 4 << 10});
  ASSERT_EQ(vs_producer_push(&old.requests(), VS_RECORD_RENEWED, 0, nullptr, 0, nullptr, 0), 1);
  const vs_request head{.answer_bytes_max = 64, .timeout_ms = 1000};
  const std::string large(100'000, 'x');
  ASSERT_EQ(vs_producer_push(&next.requests(), kEcho, 1, &head, sizeof head, large.data(), large.size()), 1);
  vs_producer_publish(&next.requests());
  vs_producer_publish(&old.requests());
  old.doorbell();
  node_.wait_for([&] { return node_.service().handled == 1; });
  EXPECT_EQ(renewed(), 1);
  EXPECT_EQ(next.prod(next.header().response).renewal, 1u);
}

TEST_F(Renewals, TermsThatAreChangedBackNeedNone) {
  grant({});
  Guest guest(node_.home("web1"));
  ASSERT_EQ(guest.echo("one"), "one");
  grant({.request_bytes = 64 << 10});
  grant({});
  ASSERT_EQ(guest.echo("two"), "two");
  EXPECT_EQ(guest.stats().renewals, 0u);
}

TEST_F(Renewals, WithoutMemoryForBothTheGuestConnectsAnew) {
  const Terms terms{.memory_bytes_max = 512 << 10};
  grant(terms);
  Guest guest(node_.home("web1"));
  ASSERT_EQ(guest.echo("one"), "one");
  Terms more = terms;
  more.request_bytes = 128 << 10;
  grant(more);
  ASSERT_EQ(guest.echo("two"), "two") << "in its old rings, for now";
  EXPECT_EQ(guest.stats().renewals, 0u);
  EXPECT_EQ(live()["refusals"]["memory"], 1);
  while (guest.stats().reconnects == 0) ASSERT_EQ(guest.echo("on"), "on");  // until it may not any more
  EXPECT_EQ(node_.sample("vservices_sessions_not_renewed_total"), 1);
  EXPECT_EQ(live()["domainMemoryBytes"], region_bytes(shape_of(more)));
}

TEST_F(Renewals, FramesOutOfTheOldConnectionAreReadAndGivenBack) {
  Node node(FrameNeeds{.count = 4, .bytes = 100'000});
  node.grant();
  Guest guest(node.home("web1"));
  vs_frame frame{};
  const std::uint32_t bytes = 50'000;
  ASSERT_EQ(vs_call_frame(guest.device(), kFrame, &bytes, sizeof bytes, 64, 20'000, &frame), 0);
  node.configure({{"web1-echo", "web1", "echo", "echo", true, {.wait = WaitMode::block}}});
  ASSERT_EQ(guest.echo("on"), "on");
  EXPECT_EQ(guest.stats().renewals, 1u);
  EXPECT_EQ(vs_frame_current(guest.device(), &frame), 1);
  vs_frame_return(guest.device(), &frame);
  const std::uint32_t again = 60'000;
  ASSERT_EQ(vs_call_frame(guest.device(), kFrame, &again, sizeof again, 64, 20'000, &frame), 0) << "of the same pool";
  vs_frame_return(guest.device(), &frame);
  EXPECT_EQ(node.sample("vservices_sessions_broken_total"), 0);
}

TEST_F(Renewals, NobodyRenewsWhatIsNotOffered) {
  grant({});
  Guest guest(node_.home("web1"));
  ASSERT_EQ(guest.echo("one"), "one");
  const int socket = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strcpy(address.sun_path, node_.socket().c_str());
  ASSERT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  vs_local_hello hello{.magic = VS_LOCAL_MAGIC, .major = VS_REGION_MAJOR, .generation = 1, .ticket = 4711};
  std::strcpy(reinterpret_cast<char*>(hello.service), "echo");
  std::strcpy(reinterpret_cast<char*>(hello.device), "echo");
  ASSERT_EQ(::send(socket, &hello, sizeof hello, 0), static_cast<ssize_t>(sizeof hello));
  vs_local_welcome welcome{};
  ASSERT_EQ(::recv(socket, &welcome, sizeof welcome, 0), static_cast<ssize_t>(sizeof welcome));
  EXPECT_EQ(welcome.status, VS_STATUS_NOT_FOUND);
  ::close(socket);
  EXPECT_EQ(guest.echo("two"), "two");
  EXPECT_EQ(node_.on_loop([&] { return node_.backend().sessions(); }), 1u);
}

TEST_F(Renewals, WhatTheTunerChoosesIsToldAndFollowed) {
  grant({.tune = control::Tune::throughput});
  Guest guest(node_.home("web1"));
  const std::string text(3000, 'x');
  // Its answers are few: the ring need not be that large.
  while (live()["auto"]["responseBytes"] >= Terms{}.response_bytes) ASSERT_EQ(guest.echo(text), text);
  ASSERT_EQ(guest.echo(text), text);
  const auto told = live()["auto"];
  EXPECT_EQ(told["for"], "throughput");
  EXPECT_GE(guest.stats().renewals, 1u);
  EXPECT_GE(told["changes"], 1);
  EXPECT_NE(told["why"], "");
  EXPECT_EQ(guest.stats().reconnects, 0u);
  const auto before = live()["auto"]["responseBytes"].get<std::uint32_t>();
  grant({.tune = control::Tune::throughput, .rate_per_s = 1'000'000, .burst = 1000});
  EXPECT_LE(live()["auto"]["responseBytes"], before) << "what was chosen stays when something else changes";
}

// A frontend built before there were renewals says a shorter hello, and begins anew.
TEST_F(Renewals, AnOlderFrontendIsServedAndSentAway) {
  grant({});
  const int socket = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strcpy(address.sun_path, node_.socket().c_str());
  ASSERT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  vs_local_hello hello{.magic = VS_LOCAL_MAGIC, .major = VS_REGION_MAJOR, .minor = 1, .generation = 1};
  std::strcpy(reinterpret_cast<char*>(hello.service), "echo");
  std::strcpy(reinterpret_cast<char*>(hello.device), "echo");
  ASSERT_EQ(::send(socket, &hello, VS_LOCAL_HELLO_BYTES_MIN, 0), ssize_t{VS_LOCAL_HELLO_BYTES_MIN});
  vs_local_welcome welcome{};
  ASSERT_EQ(::recv(socket, &welcome, sizeof welcome, 0), static_cast<ssize_t>(sizeof welcome));
  EXPECT_EQ(welcome.status, VS_STATUS_OK);
  grant({.wait = WaitMode::block});
  char end = 0;
  EXPECT_EQ(::recv(socket, &end, sizeof end, 0), 0);
  ::close(socket);
}

}  // namespace
}  // namespace vs::test
