// Guests that do what they should not: their session ends, their neighbours notice nothing.
#include <fcntl.h>

#include <random>

#include "dataplane/ring/producer.h"
#include "dataplane/transport/local/local_entrance.h"
#include "node.h"
#include "tests/fuzz/raw_guest.h"

#include <nlohmann/json.hpp>

namespace vs::test {
namespace {

using fuzz::good_hello;
using fuzz::RawGuest;

// Calls on it block.
UniqueFd connect_raw(const std::string& path) { return fuzz::connect_to(path, 0); }

class HostileGuest : public testing::Test {
 protected:
  HostileGuest() {
    node_.configure({{"web1-echo", "web1", "echo", "echo", true}, {"web2-echo", "web2", "echo", "echo", true}});
    neighbour_ = std::make_unique<Guest>(node_.home("web2"));
  }
  void neighbour_is_served() {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(neighbour_->echo("fine"), "fine");
    EXPECT_EQ(neighbour_->stats().reconnects, 0u);
  }
  double broken(const char* why) { return node_.sample("vservices_sessions_broken_total", "why", why); }

  Node node_;
  std::unique_ptr<Guest> neighbour_;
};

TEST_F(HostileGuest, RubbishInTheRingEndsItsSessionAsBroken) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 50; ++round) {
    RawGuest guest(node_.socket());
    for (auto& byte : guest.request_data()) byte = static_cast<std::byte>(random() | 1);  // never "nothing here"
    guest.doorbell();
    guest.wait_for_end();
  }
  EXPECT_EQ(node_.sample("vservices_sessions_broken_total"), 50);
  const auto told = node_.on_loop([&] { return node_.backend().take_refusals(); });
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].misdeeds, 50u);
  EXPECT_EQ(told[0].total, 0u) << "policy refused nothing";
  EXPECT_NE(told[0].misdeed.find("it broke the ring"), std::string::npos) << told[0].misdeed;
  neighbour_is_served();
}

TEST_F(HostileGuest, ARequestWithNoRoomForItsAnswerBreaks) {
  RawGuest guest(node_.socket());
  RingProducer producer(producer_memory(guest.region(), guest.header().request));
  const vs_request head{.answer_bytes_max = 0};
  ASSERT_TRUE(*producer.push(kEcho, 1, {std::as_bytes(std::span(&head, 1))}));
  guest.doorbell();
  guest.wait_for_end();
  EXPECT_EQ(broken("credit"), 1);
  neighbour_is_served();
}

TEST_F(HostileGuest, PromisingRoomThatIsNotThereBreaks) {
  RawGuest guest(node_.socket());
  RingProducer producer(producer_memory(guest.region(), guest.header().request));
  const vs_request head{.answer_bytes_max = 32 * 1024};
  const std::uint32_t count = 30'000;
  for (int i = 0; i < 20; ++i)  // 20 answers of 30 KB into 256 KiB, none of them taken
    ASSERT_TRUE(*producer.push(kGrow, 1, {std::as_bytes(std::span(&head, 1)), std::as_bytes(std::span(&count, 1))}));
  guest.doorbell();
  guest.wait_for_end();
  EXPECT_EQ(broken("credit"), 1);
  neighbour_is_served();
}

TEST_F(HostileGuest, AnIndexFromNowhereBreaks) {
  RawGuest guest(node_.socket());
  RingProducer producer(producer_memory(guest.region(), guest.header().request));
  auto* cons = reinterpret_cast<vs_cons_page*>(&guest.region()[guest.header().response.cons_offset]);
  cons->cons = 0x12345670;
  const vs_request head{.answer_bytes_max = 32 * 1024};
  const std::uint32_t count = 30'000;
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(*producer.push(kGrow, 1, {std::as_bytes(std::span(&head, 1)), std::as_bytes(std::span(&count, 1))}));
  guest.doorbell();
  guest.wait_for_end();
  EXPECT_EQ(broken("index"), 1);
  neighbour_is_served();
}

TEST_F(HostileGuest, TypesOfTheRingItselfAndShortRequestsBreak) {
  {
    RawGuest guest(node_.socket());
    RingProducer producer(producer_memory(guest.region(), guest.header().request));
    ASSERT_TRUE(*producer.push(VS_RECORD_ANSWER, 1, {std::as_bytes(std::span("12345678", 8))}));
    guest.doorbell();
    guest.wait_for_end();
  }
  RawGuest guest(node_.socket());
  RingProducer producer(producer_memory(guest.region(), guest.header().request));
  ASSERT_TRUE(*producer.push(kEcho, 1, {std::as_bytes(std::span("1234", 4))}));
  guest.doorbell();
  guest.wait_for_end();
  EXPECT_EQ(broken("type"), 1);
  EXPECT_EQ(broken("payload"), 1);
  neighbour_is_served();
}

TEST_F(HostileGuest, MoreRequestsThanAllowedWaitInItsOwnRing) {
  RawGuest guest(node_.socket());
  RingProducer producer(producer_memory(guest.region(), guest.header().request));
  const vs_request head{.answer_bytes_max = 64};
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(*producer.push(kNever, 1, {std::as_bytes(std::span(&head, 1))}));
  guest.doorbell();
  node_.wait_for([&] { return node_.service().kept.size() == kUnansweredMax; });
  neighbour_is_served();
  EXPECT_EQ(node_.on_loop([&] { return node_.service().kept.size(); }), kUnansweredMax);
  node_.on_loop([&] {
    std::vector<Reply> kept = std::exchange(node_.service().kept, {});
    for (Reply& reply : kept) std::move(reply).send(std::span<const std::byte>{});
  });
  node_.wait_for([&] { return node_.service().kept.size() == kUnansweredMax; });  // the next 64
}

TEST_F(HostileGuest, LeavingWithRequestsOutstandingHurtsNobody) {
  for (int round = 0; round < 20; ++round) {
    RawGuest guest(node_.socket());
    RingProducer producer(producer_memory(guest.region(), guest.header().request));
    const vs_request head{.answer_bytes_max = 64};
    ASSERT_TRUE(*producer.push(kNever, 1, {std::as_bytes(std::span(&head, 1))}));
    guest.doorbell();
    const std::size_t wanted = static_cast<std::size_t>(round) + 1;
    node_.wait_for([&] { return node_.service().kept.size() == wanted; });
  }
  node_.wait_for([&] { return node_.backend().sessions() == 1; });
  node_.on_loop([&] { node_.service().kept.clear(); });  // answers to nobody
  neighbour_is_served();
}

TEST_F(HostileGuest, TheRegionCannotBeShrunkUnderTheBackend) {
  RawGuest guest(node_.socket());
  EXPECT_NE(::ftruncate(guest.memory(), 0), 0);
  EXPECT_NE(::ftruncate(guest.memory(), 1 << 24), 0);
  EXPECT_NE(::fcntl(guest.memory(), F_ADD_SEALS, F_SEAL_WRITE), 0);
  // A hole reads as zeros: nothing there. Punching one is the guest's own loss.
  ::fallocate(guest.memory(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, guest.header().bytes);
  guest.doorbell();
  neighbour_is_served();
}

TEST_F(HostileGuest, HellosThatAreNoneAreRefused) {
  std::vector<std::string> hellos;
  auto hello = good_hello();
  const auto as_text = [](const vs_local_hello& from) { return std::string(reinterpret_cast<const char*>(&from), sizeof from); };
  hello.magic = 1;
  hellos.push_back(as_text(hello));
  hello = good_hello();
  hello.major = 9;
  hellos.push_back(as_text(hello));
  hellos.push_back("x");
  hellos.push_back(std::string(4096, 'x'));
  for (const std::string& text : hellos) {
    const UniqueFd socket = connect_raw(node_.socket());
    ASSERT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    vs_local_welcome answer{};
    ASSERT_EQ(::recv(socket.get(), &answer, sizeof answer, 0), static_cast<ssize_t>(sizeof answer));
    EXPECT_EQ(answer.status, static_cast<std::uint32_t>(VS_STATUS_INVALID));
  }
  EXPECT_EQ(node_.sample("vservices_hellos_bad_total"), 4);
  EXPECT_NE(node_.on_loop([&] { return node_.backend().take_refusals(); }).at(0).misdeed.find("hello: "), std::string::npos);
  neighbour_is_served();
}

TEST_F(HostileGuest, ConnectionsThatSayNothingAreLimited) {
  std::vector<UniqueFd> silent;
  for (std::size_t i = 0; i < kHandshakesPerBindingMax; ++i) silent.push_back(connect_raw(node_.socket()));
  const UniqueFd one_more = connect_raw(node_.socket());
  vs_local_welcome answer{};
  ASSERT_EQ(::recv(one_more.get(), &answer, sizeof answer, 0), static_cast<ssize_t>(sizeof answer));
  EXPECT_EQ(answer.status, static_cast<std::uint32_t>(VS_STATUS_EXHAUSTED));
  neighbour_is_served();
  for (const UniqueFd& socket : silent) {  // in the end they are hung up on
    char byte;
    EXPECT_EQ(::recv(socket.get(), &byte, 1, 0), 0);
  }
  EXPECT_EQ(node_.sample("vservices_hellos_bad_total"), static_cast<double>(kHandshakesPerBindingMax));
}

using RuleS11 = HostileGuest;

// As Linux does with Xen's event channels (XSA-332).
TEST_F(RuleS11, ADoorbellThatRingsInVainIsHeardLessAndLess) {
  RawGuest guest(node_.socket());
  constexpr int kRings = 1'000'000;
  for (int i = 0; i < kRings; ++i) guest.doorbell();
  neighbour_is_served();
  const double heard = node_.sample("vservices_doorbells_in_vain_total", "domain", "web1");
  EXPECT_LT(heard, kRings / 1000);
  EXPECT_GE(node_.sample("vservices_doorbell_pauses_total", "domain", "web1"), 1);
}

TEST_F(RuleS11, AfterAStormARequestIsServedAllTheSame) {
  RawGuest guest(node_.socket());
  for (int i = 0; i < 20'000; ++i) guest.doorbell();
  RingProducer producer(producer_memory(guest.region(), guest.header().request));
  const vs_request head{.answer_bytes_max = 64};
  ASSERT_TRUE(*producer.push(kNever, 1, {std::as_bytes(std::span(&head, 1))}));
  producer.publish();
  guest.doorbell();
  node_.wait_for([&] { return node_.service().kept.size() == 1; });
}

// Said once a second at most, however often it happens; counted each time.
TEST_F(HostileGuest, WhatItBrokeIsTold) {
  for (int round = 0; round < 30; ++round) {
    RawGuest guest(node_.socket());
    auto* record = reinterpret_cast<vs_record*>(guest.request_data().data());
    record->commit_bytes = 7;
    guest.doorbell();
    guest.wait_for_end();
    // Both sides can read it: the backend's pages say so, and stay readable to who has them mapped.
    EXPECT_EQ(reinterpret_cast<vs_cons_page*>(&guest.region()[guest.header().request.cons_offset])->broken,
              static_cast<std::uint32_t>(VS_BROKEN_LENGTH));
  }
  const auto live = node_.on_loop([&] { return node_.backend().describe("web1-echo"); });
  EXPECT_EQ(live["broken"]["byReason"], (nlohmann::json{{"length", 30}}));
  EXPECT_EQ(live["broken"]["last"]["reason"], "length");
}

TEST_F(HostileGuest, OfAnotherVersionOrWithUnknownFeaturesIsToldWhy) {
  auto version = good_hello();
  ++version.major;
  auto features = good_hello();
  features.features = 1;
  auto service = good_hello();
  std::memcpy(service.service, "dns\0", 4);
  auto device = good_hello();
  std::memcpy(device.device, "name", 4);
  struct Case {
    vs_local_hello hello;
    vs_status status;
    vs_refusal reason;
  };
  for (const Case& one : {Case{version, VS_STATUS_INVALID, VS_REFUSAL_VERSION},
                          Case{features, VS_STATUS_INVALID, VS_REFUSAL_FEATURES},
                          Case{service, VS_STATUS_INVALID, VS_REFUSAL_SERVICE},
                          Case{device, VS_STATUS_DENIED, VS_REFUSAL_DEVICE}}) {
    const UniqueFd socket = connect_raw(node_.socket());
    ASSERT_EQ(::send(socket.get(), &one.hello, sizeof one.hello, MSG_NOSIGNAL), static_cast<ssize_t>(sizeof one.hello));
    vs_local_welcome answer{};
    ASSERT_EQ(::recv(socket.get(), &answer, sizeof answer, 0), static_cast<ssize_t>(sizeof answer));
    EXPECT_EQ(answer.status, static_cast<std::uint32_t>(one.status));
    EXPECT_EQ(answer.reason, static_cast<std::uint32_t>(one.reason));
  }
}

}  // namespace
}  // namespace vs::test
