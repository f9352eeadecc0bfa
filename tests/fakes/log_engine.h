// An engine whose server is a list in memory: what nodes of one process store there all of them can follow, from any position on.
//
// The log is thread-safe; each engine belongs to its loop. What is published at most once stays on its node.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "base/guarded.h"
#include "dataplane/services/pubsub/engine.h"

namespace vs::pubsub::test {

class Log {
 public:
  // Its position.
  std::uint64_t append(Crossing event) {
    std::vector<std::function<void()>> told;
    const std::uint64_t position = state_.with([&](State& state) {
      state.events.push_back(std::move(event));
      for (const auto& [who, tell] : state.followers) told.push_back(tell);
      return state.events.size();
    });
    for (const auto& tell : told) tell();
    return position;
  }
  // The one after `position`; nullopt: there is none yet.
  [[nodiscard]] std::optional<Crossing> after(std::uint64_t position) const {
    return state_.with([&](const State& state) {
      return position < state.events.size() ? std::optional(state.events[position]) : std::nullopt;
    });
  }
  [[nodiscard]] std::uint64_t newest() const {
    return state_.with([](const State& state) { return state.events.size(); });
  }
  void follow(const void* who, std::function<void()> tell) {
    state_.with([&](State& state) { state.followers[who] = std::move(tell); });
  }
  void unfollow(const void* who) {
    state_.with([&](State& state) { state.followers.erase(who); });
  }

 private:
  struct State {
    std::vector<Crossing> events;
    std::map<const void*, std::function<void()>> followers;
  };
  Guarded<State> state_;
};

class LogEngine final : public Engine {
 public:
  // The loop and the log outlive it.
  LogEngine(EventLoop& loop, Log& log, Callbacks callbacks) : loop_(loop), log_(log), to_(std::move(callbacks)) {
    log_.follow(this, [this, &loop, alive = std::weak_ptr(alive_)] {
      loop.post([this, alive] {
        if (!alive.expired()) bring();
      });
    });
  }
  ~LogEngine() override { log_.unfollow(this); }

  void publish(Crossing) override {}
  Result<> store(StoreTicket ticket, Crossing event) override {
    log_.append(std::move(event));
    loop_.post([this, ticket, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) to_.on_stored(ticket, {});
    });
    return {};
  }
  void forget(StoreTicket) override {}
  void subscribe(const std::string&) override {}
  void unsubscribe(const std::string&) override {}
  void follow(std::optional<std::uint64_t> position) override {
    brought_ = position.value_or(log_.newest());
    follows_ = true;
    soon();
  }
  void unfollow() override { follows_ = false; }
  void pause(bool paused) override {
    paused_ = paused;
    if (!paused) soon();
  }
  [[nodiscard]] std::optional<std::uint64_t> position() const override { return follows_ ? brought_ : log_.newest(); }
  [[nodiscard]] EngineStatus status() const override { return {.state = EngineState::connected}; }

 private:
  void soon() {
    loop_.post([this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) bring();
    });
  }
  void bring() {
    bool any = false;
    while (follows_ && !paused_) {
      const auto event = log_.after(brought_);
      if (!event) break;
      ++brought_;
      any = true;
      to_.on_event(*event, {}, brought_);
    }
    if (any) to_.on_pause();
  }

  EventLoop& loop_;
  Log& log_;
  Callbacks to_;
  bool follows_ = false;
  bool paused_ = false;
  std::uint64_t brought_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vs::pubsub::test
