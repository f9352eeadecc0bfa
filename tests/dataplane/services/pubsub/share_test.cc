// Channels shared with other nodes, as guests of one meet them: what goes out, what is asked for, and what comes in.
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/abi/ring.h"
#include "dataplane/services/pubsub/pubsub_service.h"
#include "events.h"
#include "tests/fakes/engine.h"

namespace vs::pubsub::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Heard {
  vs_pubsub_outcome outcome{};
  std::string text;
  std::vector<std::byte> body;
};

class Sink final : public ReplySink {
 public:
  Lending lending(std::uint64_t, const Frame&) const override { return Lending::copied; }
  void answer(std::uint64_t ticket, Result<std::span<const std::byte>> answer) override {
    Heard heard;
    if (answer) {
      std::memcpy(&heard.outcome, answer->data(), sizeof heard.outcome);
      const auto rest = answer->subspan(sizeof heard.outcome);
      heard.text.assign(reinterpret_cast<const char*>(rest.data()), heard.outcome.text_bytes);
      const auto body = rest.subspan(heard.outcome.text_bytes);
      heard.body.assign(body.begin(), body.end());
    }
    EXPECT_TRUE(answers.emplace(ticket, heard).second) << "answered twice";
  }
  void answer(std::uint64_t, const Frame&, std::span<const std::byte>) override { ADD_FAILURE() << "a frame"; }
  std::map<std::uint64_t, Heard> answers;
};

// A ring of which is only counted what is written.
class Ring final : public FrameSource, private Broadcast {
 public:
  Result<std::optional<Frame>> frame(std::string_view, std::size_t) override { return fail(ErrorCode::not_found, "no frames here"); }
  Broadcast* broadcast(std::string_view) override { return this; }
  [[nodiscard]] std::uint64_t next_sequence() const override { return written + 1; }
  std::uint64_t written = 0;

 private:
  [[nodiscard]] std::size_t payload_bytes_max() const override { return 1 << 20; }
  void write(std::span<const std::byte>) override { ++written; }
};

class ShareTest : public ::testing::Test {
 protected:
  ShareTest() {
    service_->frames_from(ring_);
    EXPECT_TRUE(service_->configure({{"bus", parameters()}}).empty());
  }
  // All channels are shared by equals, and the session has the ring.
  void broadcast(const nlohmann::json& with) {
    const nlohmann::json rights{{"default", "deny"},
                                {"rules",
                                 {{{"effect", "allow"},
                                   {"channels", {">"}},
                                   {"verbs", {"create", "publish", "subscribe"}},
                                   {"sharing", "equal"},
                                   {"policy", "p"},
                                   {"rule", "r"},
                                   {"message", "m"}}}}};
    EXPECT_TRUE(service_->configure({{"bus", with, {rights}}}).empty());
    service_->session_begun(1, {.service = "bus", .binding = "web1-bus", .rights = rights, .reads_broadcast = true});
  }

  static nlohmann::json parameters(const std::string& prefix = "site") {
    return {{"node", "alpha"},
            {"engine", {{"name", "hub"}, {"kind", "fake"}, {"servers", {"fake://"}}}},
            {"prefix", prefix},
            {"shared", {"room.>", "order.>"}},
            {"atLeastOnce", {"order.>"}}};
  }

  std::uint64_t ask(std::uint16_t type, std::span<const std::byte> payload, std::chrono::milliseconds patience = std::chrono::hours(1)) {
    const std::uint64_t ticket = next_++;
    service_->handle({.service = "bus",
                      .type = type,
                      .payload = payload,
                      .deadline = std::chrono::steady_clock::now() + patience,
                      .session = 1,
                      .answer_bytes_max = 8192},
                     Reply(sink_, ticket));
    return ticket;
  }
  const Heard& heard(std::uint64_t ticket) {
    EXPECT_TRUE(sink_.answers.contains(ticket)) << "not answered yet";
    return sink_.answers[ticket];
  }
  const Heard& subscribe(const std::string& pattern, std::optional<std::uint64_t> after = {},
                         vs_pubsub_overflow overflow = VS_PUBSUB_DROP_OLDEST, std::uint32_t events_max = 0, unsigned flags = 0) {
    std::vector<std::byte> payload;
    append(payload, vs_pubsub_subscribe{.events_max = events_max,
                                        .bytes_max = 0,
                                        .overflow = static_cast<std::uint8_t>(overflow),
                                        .flags = static_cast<std::uint8_t>(flags | (after ? VS_PUBSUB_RESUME : 0)),
                                        .pattern_bytes = static_cast<std::uint16_t>(pattern.size()),
                                        .filter_bytes = 0});
    if (after) append(payload, *after);
    append(payload, pattern);
    const Heard& answer = heard(ask(VS_PUBSUB_SUBSCRIBE, payload));
    EXPECT_EQ(answer.outcome.result, VS_STATUS_OK) << answer.text;
    return answer;
  }
  const Heard& listen(const std::string& pattern, std::optional<std::uint64_t> after = {}) {
    return subscribe(pattern, after, VS_PUBSUB_DROP_OLDEST, 0, VS_PUBSUB_BROADCAST);
  }
  static std::optional<vs_pubsub_broadcast> broadcast_of(const Heard& heard) {
    vs_pubsub_broadcast words;
    if (heard.body.size() != sizeof words) return std::nullopt;
    std::memcpy(&words, heard.body.data(), sizeof words);
    return words;
  }
  // What waits, as flags and payloads: "AGAIN x".
  std::string receive(std::uint64_t subscription) {
    const vs_pubsub_receive named{subscription, 0, 0};
    std::string told;
    const Heard& answer = heard(ask(VS_PUBSUB_RECEIVE, std::as_bytes(std::span(&named, 1))));
    for (std::span<const std::byte> rest = answer.body; !rest.empty();) {
      vs_event header;
      std::memcpy(&header, rest.data(), sizeof header);
      for (const auto& [flag, name] : {std::pair{VS_EVENT_AGAIN, "AGAIN "}, std::pair{VS_EVENT_AWAY, "AWAY "},
                                       std::pair{VS_EVENT_BACK, "BACK "}, std::pair{VS_EVENT_STORED, "STORED "}})
        if ((header.flags & flag) != 0) told += name;
      told += read_all(rest.first(header.bytes)) + ";";
      rest = rest.subspan(header.bytes);
    }
    return told;
  }
  void unsubscribe(std::uint64_t subscription) {
    (void)ask(VS_PUBSUB_UNSUBSCRIBE, std::as_bytes(std::span(&subscription, 1)));
  }
  std::uint64_t publish(const std::string& channel, std::initializer_list<const char*> payloads, bool again = false,
                        std::chrono::milliseconds patience = std::chrono::hours(1)) {
    std::vector<std::byte> events;
    for (const char* payload : payloads) {
      auto one = write({.channel = channel, .payload = payload});
      vs_event header;
      std::memcpy(&header, one.data(), sizeof header);
      header.flags = again ? VS_EVENT_AGAIN : 0;
      std::memcpy(one.data(), &header, sizeof header);
      events.insert(events.end(), one.begin(), one.end());
    }
    return ask(VS_PUBSUB_PUBLISH, events, patience);
  }
  static Crossing of_another(const std::string& channel, const std::string& payload, std::uint64_t sequence,
                             const std::string& origin = "beta/bus/1") {
    return {.channel = channel, .headers = {{"Vs-Origin", origin}, {"Vs-Sequence", std::to_string(sequence)}}, .payload = payload};
  }

  EventLoop loop_;
  Sink sink_;
  Ring ring_;
  FakeEngine* engine_ = nullptr;
  std::unique_ptr<PubsubService> service_ =
      std::make_unique<PubsubService>(loop_, [this](EventLoop&, const EngineTerms& terms, Engine::Callbacks callbacks) -> Result<std::unique_ptr<Engine>> {
        if (terms.kind != "fake") return fail(ErrorCode::invalid, "kind " + terms.kind + ": not in this program");
        auto engine = std::make_unique<FakeEngine>(std::move(callbacks));
        engine_ = engine.get();
        return engine;
      });
  std::uint64_t next_ = 1;
};

TEST_F(ShareTest, AnEventOfASharedChannelGoesOutOnceWithItsOrigin) {
  EXPECT_EQ(heard(publish("room.north", {"21", "22"})).outcome.value, 2u);
  (void)publish("hall", {"x"});
  ASSERT_EQ(engine_->published.size(), 2u);
  EXPECT_EQ(engine_->published[1].payload, "22");
  const auto arrival = unwrap(engine_->published[1], 1 << 20);
  ASSERT_TRUE(arrival);
  EXPECT_THAT(arrival->origin.name, ::testing::StartsWith("alpha/bus/"));
  EXPECT_EQ(arrival->origin.sequence, 2u);
}

TEST_F(ShareTest, ManyGuestsAskOnceAndOnlyForWhatIsShared) {
  std::vector<std::uint64_t> subscriptions;
  for (int i = 0; i < 8; ++i) subscriptions.push_back(subscribe("room.*").outcome.value);
  EXPECT_THAT(engine_->subscribed, ElementsAre("room.*"));
  const auto all = subscribe(">").outcome.value;
  EXPECT_THAT(engine_->subscribed, ElementsAre("room.>"));
  unsubscribe(all);
  EXPECT_THAT(engine_->subscribed, ElementsAre("room.*"));
  for (const auto one : subscriptions) unsubscribe(one);
  EXPECT_THAT(engine_->subscribed, IsEmpty());
  service_->session_ended(1);
}

TEST_F(ShareTest, AnEventOfAnotherNodeComesInOnceAndGoesNotOutAgain) {
  const auto subscription = subscribe("room.*").outcome.value;
  engine_->come(of_another("room.a", "one", 1), "room.*");
  engine_->come(of_another("room.a", "one", 1), "room.>");
  engine_->come(of_another("room.a", "two", 2), "room.*");
  engine_->come(of_another("room.a", "one", 1, "gamma/bus/1"), "room.*");
  EXPECT_EQ(receive(subscription), "one;two;one;");
  EXPECT_THAT(engine_->published, IsEmpty());
}

TEST_F(ShareTest, AnOwnEventThatComesBackIsDropped) {
  const auto subscription = subscribe("room.*").outcome.value;
  (void)publish("room.a", {"mine"});
  engine_->come(engine_->published.front(), "room.*");
  EXPECT_EQ(receive(subscription), "mine;");
}

TEST_F(ShareTest, WhatIsNotSharedOrNotAnEventStaysOutside) {
  const auto subscription = subscribe(">").outcome.value;
  engine_->come(of_another("cellar", "x", 1), "room.>");
  engine_->come({.channel = "room.a", .headers = {{"Vs-Key", "%"}}, .payload = "x"}, "room.>");
  engine_->come({.channel = "room.a", .headers = {}, .payload = "from a stranger"}, "room.>");
  EXPECT_EQ(receive(subscription), "from a stranger;");
}

TEST_F(ShareTest, ExpiryCountsFromThePublishing) {
  const auto subscription = subscribe("room.*").outcome.value;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto published = [&](std::chrono::seconds ago) {
    return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(now - ago).count());
  };
  for (const auto& [payload, ago] : {std::pair{"stale", std::chrono::seconds(100)}, std::pair{"fresh", std::chrono::seconds(0)}})
    engine_->come({.channel = "room.a",
                   .headers = {{"Vs-Published-Ns", published(ago)}, {"Vs-Expires-Ms", "60000"}},
                   .payload = payload},
                  "room.*");
  EXPECT_EQ(receive(subscription), "lost:1;fresh;");
}

TEST_F(ShareTest, ReadersAreToldWhenOthersAreOutOfReachAndWhatWasLost) {
  const auto subscription = subscribe("room.*").outcome.value;
  const auto local = subscribe("hall").outcome.value;
  engine_->become(EngineState::gone);
  EXPECT_EQ(receive(subscription), "AWAY lost:0;");
  EXPECT_EQ(receive(subscribe("room.b").outcome.value), "AWAY lost:0;");  // one that comes later
  (void)publish("room.a", {"here"});
  engine_->become(EngineState::connected);
  engine_->to.on_lost(3);
  EXPECT_EQ(receive(subscription), "here;BACK lost:1;lost:3;");
  EXPECT_EQ(receive(local), "");
}

TEST_F(ShareTest, AnAtLeastOnceEventIsAcceptedWhenItIsStoredAndComesBackToAll) {
  const Heard& subscribed = subscribe("order.*");
  ASSERT_EQ(subscribed.body.size(), sizeof(std::uint64_t));
  EXPECT_TRUE(engine_->follows);
  EXPECT_THAT(engine_->subscribed, IsEmpty());
  const auto asked = publish("order.a", {"one", "two"});
  EXPECT_FALSE(sink_.answers.contains(asked));
  EXPECT_EQ(receive(subscribed.outcome.value), "");
  ASSERT_EQ(engine_->stored.size(), 2u);
  const auto first = engine_->stored.begin(), second = std::next(first);
  engine_->to.on_stored(first->first, {});
  EXPECT_FALSE(sink_.answers.contains(asked));
  engine_->to.on_stored(second->first, {});
  EXPECT_EQ(heard(asked).outcome.value, 2u);
  engine_->come(first->second, {}, 10);
  engine_->come(second->second, {}, 11);
  EXPECT_EQ(receive(subscribed.outcome.value), "STORED one;STORED two;");
  unsubscribe(subscribed.outcome.value);
  EXPECT_FALSE(engine_->follows);
}

TEST_F(ShareTest, WhatIsNotStoredInTimeIsRefused) {
  const auto asked = publish("order.a", {"one"}, false, std::chrono::milliseconds(1));
  while (!sink_.answers.contains(asked)) loop_.run_once(std::chrono::milliseconds(5));
  EXPECT_EQ(heard(asked).outcome.result, VS_STATUS_UNAVAILABLE);
  EXPECT_THAT(heard(asked).text, ::testing::HasSubstr("has not said in time"));
  EXPECT_THAT(engine_->stored, IsEmpty());
}

TEST_F(ShareTest, AServerThatRefusesIsHeard) {
  const auto asked = publish("order.a", {"one", "two"});
  const auto first = engine_->stored.begin()->first, second = std::next(engine_->stored.begin())->first;
  engine_->to.on_stored(first, fail(ErrorCode::denied, "the server does not permit it"));
  engine_->to.on_stored(second, {});
  EXPECT_EQ(heard(asked).outcome.result, VS_STATUS_DENIED);
  EXPECT_EQ(heard(asked).outcome.value, 1u);
}

TEST_F(ShareTest, AReaderResumesWhereItWasAndOthersGetNothingTwice) {
  const auto late = subscribe("order.*", 20).outcome.value;
  EXPECT_EQ(engine_->followed_after, 20u);
  engine_->come(of_another("order.a", "21", 1), {}, 21);
  const auto later = subscribe("order.*", 19).outcome.value;
  EXPECT_EQ(engine_->followed_after, 19u);
  for (const std::uint64_t position : {20, 21, 22}) engine_->come(of_another("order.a", std::to_string(position), position), {}, position);
  EXPECT_EQ(receive(late), "STORED 21;STORED 22;");
  EXPECT_EQ(receive(later), "STORED 20;STORED 21;STORED 22;");
}

TEST_F(ShareTest, WhatMayHaveBeenPublishedBeforeIsMarked) {
  const auto subscription = subscribe(">").outcome.value;
  (void)publish("order.a", {"one"}, true);
  engine_->come(engine_->stored.begin()->second, {}, 1);
  (void)publish("hall", {"two"}, true);
  EXPECT_EQ(receive(subscription), "AGAIN STORED one;AGAIN two;");
}

TEST_F(ShareTest, ThoseWhoBlockAreWaitedFor) {
  const auto subscription = subscribe("order.*", {}, VS_PUBSUB_BLOCK, 1).outcome.value;
  for (std::uint64_t position = 1; position <= 3; ++position)
    engine_->come(of_another("order.a", std::to_string(position), position), {}, position);
  EXPECT_TRUE(engine_->paused);
  EXPECT_EQ(receive(subscription), "STORED 1;");
  EXPECT_EQ(receive(subscription), "STORED 2;");
  EXPECT_FALSE(engine_->paused);
  EXPECT_EQ(receive(subscription), "STORED 3;");
}

TEST_F(ShareTest, PositionsOfAnotherOrderAreForgotten) {
  const auto subscription = subscribe("order.*", 500).outcome.value;
  engine_->to.on_positions_lost(3);
  engine_->come(of_another("order.a", "new", 1), {}, 4);
  EXPECT_EQ(receive(subscription), "lost:1;STORED new;");
}

TEST_F(ShareTest, WhatComesFromOutsideIsBroadcastToThoseWhoHaveNoPosition) {
  broadcast(parameters());
  const Heard rooms = listen("room.*");
  ASSERT_TRUE(broadcast_of(rooms));
  EXPECT_EQ(broadcast_of(rooms)->next, 1u);
  const Heard all = listen(">");
  EXPECT_EQ(all.body.size(), sizeof(std::uint64_t)) << "a position";
  engine_->come(of_another("room.a", "one", 1), "room.*");
  engine_->come(of_another("order.a", "two", 2), {}, 7);
  EXPECT_EQ(ring_.written, 1u);
  EXPECT_EQ(receive(rooms.outcome.value), "");
  EXPECT_EQ(receive(all.outcome.value), "one;STORED two;");
}

TEST_F(ShareTest, WhoResumesHasAQueueWhereverItsChannelsAreNow) {
  broadcast({{"node", "alpha"}});
  const Heard resumed = listen("order.*", 20);
  ASSERT_TRUE(broadcast_of(resumed));
  EXPECT_EQ(broadcast_of(resumed)->next, 0u);
  (void)publish("order.a", {"one"});
  EXPECT_EQ(receive(resumed.outcome.value), "one;");
  EXPECT_EQ(ring_.written, 0u);
}

TEST_F(ShareTest, WhatBecomesAtLeastOnceIsBroadcastNoLonger) {
  broadcast({{"node", "alpha"}});
  const Heard orders = listen("order.*");
  ASSERT_TRUE(broadcast_of(orders));
  EXPECT_EQ(broadcast_of(orders)->next, 1u);
  (void)publish("order.a", {"one"});
  EXPECT_EQ(ring_.written, 1u);
  broadcast(parameters());
  for (int twice = 0; twice < 2; ++twice) engine_->come(of_another("order.a", "two", 1 + twice), {}, 7);
  EXPECT_EQ(ring_.written, 1u);
  EXPECT_EQ(receive(orders.outcome.value), "STORED two;");
}

TEST_F(ShareTest, AnEngineThatIsUnknownLeavesTheChannelsOnTheNode) {
  PubsubService service(loop_);
  const auto errors = service.configure({{"bus", {{"node", "alpha"}, {"engine", {{"name", "elsewhere"}}}}}});
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors.front().second.message, "engine elsewhere: this node has none of that name");
  EXPECT_EQ(service.describe("bus")["engine"]["state"], "embedded");
}

TEST_F(ShareTest, AChangedEngineIsAskedForWhatGuestsWant) {
  const auto subscription = subscribe("room.*").outcome.value;
  const auto asked = publish("order.a", {"one"});
  EXPECT_TRUE(service_->configure({{"bus", parameters("other")}}).empty());
  EXPECT_THAT(engine_->subscribed, ElementsAre("room.*"));
  EXPECT_EQ(heard(asked).outcome.result, VS_STATUS_UNAVAILABLE);
  engine_->come(of_another("room.a", "x", 1), "room.*");
  EXPECT_EQ(receive(subscription), "x;");
}

}  // namespace
}  // namespace vs::pubsub::test
