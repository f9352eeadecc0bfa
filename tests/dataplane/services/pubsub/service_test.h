// A pubsub service, and guests that are requests and answers.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/abi/ring.h"
#include "dataplane/services/pubsub/pubsub_service.h"
#include "events.h"

namespace vs::pubsub::test {

struct Heard {
  vs_pubsub_outcome outcome{};
  std::string text;
  std::string events;
};

// Answers by ticket; a request's number.
class Sink final : public ReplySink {
 public:
  Lending lending(std::uint64_t, const Frame&) const override { return Lending::copied; }
  void answer(std::uint64_t ticket, Result<std::span<const std::byte>> answer) override {
    Heard heard;
    EXPECT_TRUE(answer || answer.error().code == ErrorCode::unavailable);
    if (answer) {
      std::memcpy(&heard.outcome, answer->data(), sizeof heard.outcome);
      const auto rest = answer->subspan(sizeof heard.outcome);
      heard.text.assign(reinterpret_cast<const char*>(rest.data()), heard.outcome.text_bytes);
      heard.events = read_all(rest.subspan(heard.outcome.text_bytes));
    }
    EXPECT_TRUE(answers.emplace(ticket, heard).second) << "answered twice";
  }
  void answer(std::uint64_t, const Frame&, std::span<const std::byte>) override { ADD_FAILURE() << "a frame"; }

  std::map<std::uint64_t, Heard> answers;
};

class PubsubServiceTest : public ::testing::Test {
 protected:
  PubsubServiceTest() { EXPECT_TRUE(service->configure({{"bus", nlohmann::json::object()}}).empty()); }

  std::uint64_t ask(std::uint64_t session, std::uint16_t type, std::span<const std::byte> payload,
                    std::chrono::milliseconds patience = std::chrono::hours(1), std::size_t room = 4096) {
    const std::uint64_t ticket = next_++;
    service->handle({.service = "bus",
                     .type = type,
                     .payload = payload,
                     .deadline = std::chrono::steady_clock::now() + patience,
                     .session = session,
                     .answer_bytes_max = room},
                    Reply(sink, ticket));
    return ticket;
  }
  const Heard& heard(std::uint64_t ticket) {
    EXPECT_TRUE(sink.answers.contains(ticket)) << "not answered yet";
    return sink.answers[ticket];
  }
  [[nodiscard]] bool waits(std::uint64_t ticket) const { return !sink.answers.contains(ticket); }

  std::uint64_t subscribe(std::uint64_t session, const std::string& pattern, unsigned overflow = VS_PUBSUB_DROP_OLDEST,
                          std::uint32_t events_max = 0, const std::string& filter = "") {
    std::vector<std::byte> payload;
    append(payload, vs_pubsub_subscribe{.events_max = events_max,
                                        .bytes_max = 0,
                                        .overflow = static_cast<std::uint8_t>(overflow),
                                        .flags = 0,
                                        .pattern_bytes = static_cast<std::uint16_t>(pattern.size()),
                                        .filter_bytes = static_cast<std::uint32_t>(filter.size())});
    append(payload, pattern);
    append(payload, filter);
    return ask(session, VS_PUBSUB_SUBSCRIBE, payload);
  }
  std::uint64_t subscribed(std::uint64_t session, const std::string& pattern,
                           vs_pubsub_overflow overflow = VS_PUBSUB_DROP_OLDEST, std::uint32_t events_max = 0) {
    const Heard& answer = heard(subscribe(session, pattern, overflow, events_max));
    EXPECT_EQ(answer.outcome.result, VS_STATUS_OK) << answer.text;
    return answer.outcome.value;
  }
  std::uint64_t receive(std::uint64_t session, std::uint64_t subscription,
                        std::chrono::milliseconds patience = std::chrono::hours(1), std::size_t room = 4096) {
    const vs_pubsub_receive named{subscription, static_cast<std::uint32_t>(patience.count()), 0};
    return ask(session, VS_PUBSUB_RECEIVE, std::as_bytes(std::span(&named, 1)), std::chrono::hours(1), room);
  }
  std::uint64_t publish(std::uint64_t session, std::initializer_list<const char*> payloads, const std::string& channel = "news",
                        std::chrono::milliseconds patience = std::chrono::hours(1)) {
    std::vector<std::byte> events;
    for (const char* payload : payloads) {
      const auto one = write({.channel = channel, .payload = payload});
      events.insert(events.end(), one.begin(), one.end());
    }
    return ask(session, VS_PUBSUB_PUBLISH, events, patience);
  }
  // Runs the loop until that is answered.
  const Heard& wait_for(std::uint64_t ticket) {
    while (waits(ticket)) {
      loop.after(std::chrono::milliseconds(1), [this] { loop.stop(); });
      loop.run();
    }
    return heard(ticket);
  }

  EventLoop loop;
  Sink sink;
  std::unique_ptr<PubsubService> service = std::make_unique<PubsubService>(loop);
  std::uint64_t next_ = 1;
};

}  // namespace vs::pubsub::test
