// An engine without a server: what is given to it is kept for the test to look at, and the test brings what comes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/services/pubsub/engine.h"

namespace vs::pubsub::test {

class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(Callbacks callbacks) : to(std::move(callbacks)) {}

  void publish(Crossing event) override { published.push_back(std::move(event)); }
  Result<> store(StoreTicket ticket, Crossing event) override {
    stored.emplace(ticket, std::move(event));
    return {};
  }
  void forget(StoreTicket ticket) override { stored.erase(ticket); }
  void subscribe(const std::string& pattern) override { subscribed.insert(pattern); }
  void unsubscribe(const std::string& pattern) override { subscribed.erase(pattern); }
  void follow(std::optional<std::uint64_t> position) override {
    follows = true;
    followed_after = position;
    if (position) newest = std::max(newest, *position);
  }
  void unfollow() override { follows = false; }
  void pause(bool wanted) override { paused = wanted; }
  [[nodiscard]] std::optional<std::uint64_t> position() const override { return newest; }
  [[nodiscard]] EngineStatus status() const override { return {.state = state}; }

  void come(const Crossing& event, const std::string& pattern, std::uint64_t position = 0) {
    newest = std::max(newest, position);
    to.on_event(event, pattern, position);
    to.on_pause();
  }
  void become(EngineState wanted) {
    state = wanted;
    to.on_state();
  }

  Callbacks to;
  std::vector<Crossing> published;
  std::map<StoreTicket, Crossing> stored;
  std::multiset<std::string> subscribed;
  std::optional<std::uint64_t> followed_after;
  std::uint64_t newest = 0;
  bool follows = false;
  bool paused = false;
  EngineState state = EngineState::connected;
};

}  // namespace vs::pubsub::test
