// Between a space of channels and its engine: what of the guests' events goes out, what is asked for, and what of that which comes is for
// the channels.
//
// Shared channels are those whose names match the service's patterns. An event that was published here goes out once; one that came from
// outside does not, nor does it come in twice. Of shared channels those that are at least once take another way: an event goes to the
// engine alone, and comes back to all, this node's guests among them, in one order, which is what its position says.
// Owned by the loop's thread.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/event_loop.h"
#include "base/sample.h"
#include "dataplane/services/pubsub/broker.h"
#include "dataplane/services/pubsub/coverage.h"
#include "dataplane/services/pubsub/engine.h"
#include "dataplane/services/pubsub/origins.h"

namespace vs::pubsub {

inline constexpr std::size_t kHeldMax = 1024;  // events in their order, that wait for the room of one who blocks
inline constexpr std::chrono::seconds kHeldTime{10};  // then they are lost to whom they wait for

// An event from outside, read and judged. Of an at-least-once channel it has VS_EVENT_STORED, and its position as its sequence.
struct FromOutside {
  const EventParts& parts;
  std::span<const std::byte> bytes;
  std::uint64_t published_ns;
};

class Relay {
 public:
  struct Callbacks {
    std::function<bool(const FromOutside&)> has_room;  // for those who block
    std::function<void(const FromOutside&)> deliver;
    std::function<void()> delivered;                   // what was at hand
    std::function<void(StoreTicket, Result<>)> stored;
    std::function<void(SubscriptionId, const std::shared_ptr<const Event>&)> tell;  // a gap, or that the others are away, or back
    std::function<void(SubscriptionId, std::uint64_t newest)> limit;  // positions beyond are none any more
  };
  struct Counts {
    std::uint64_t delivered = 0;
    std::uint64_t own = 0;      // came back, and were dropped
    std::uint64_t seen = 0;     // came twice
    std::uint64_t unwanted = 0; // of no shared channel, or of one that nobody here wants any more
    std::uint64_t refused = 0;  // no event, or no room for its channel
  };

  static Result<std::unique_ptr<Relay>> open(EventLoop& loop, const EngineTerms& terms, const MakeEngine& make, Callbacks callbacks);
  ~Relay();

  [[nodiscard]] const EngineTerms& terms() const { return terms_; }
  // Whether events of that channel are for other nodes, too.
  [[nodiscard]] bool shares(std::string_view channel) const;
  // Whether they go by the engine alone, at least once.
  [[nodiscard]] bool stores(std::string_view channel) const;
  [[nodiscard]] bool stores_any(std::string_view pattern) const;  // of the channels that it may meet
  [[nodiscard]] EngineState state() const { return state_; }

  void publish(const EventParts& parts, std::uint64_t published_ns, std::uint32_t expires_ms);
  Result<> store(StoreTicket ticket, const EventParts& parts, std::uint64_t published_ns, std::uint32_t expires_ms);
  void forget(StoreTicket ticket) { engine_->forget(ticket); }

  // A guest subscribed. `after`: the position of the last at-least-once event that it has; none: it begins now.
  // Returns the position after which it may have such events; nullopt: there are none for it, or it is not known.
  std::optional<std::uint64_t> join(SubscriptionId id, const std::string& pattern, std::optional<std::uint64_t> after);
  void leave(SubscriptionId id);
  // What was delivered had no channel, nor could have one.
  void refused() { ++counts_.refused; }
  // There may be room where there was none.
  void retry() {
    if (!held_.empty()) deliver_held();
  }

  [[nodiscard]] const std::map<SubscriptionId, std::string>& patterns() const { return patterns_; }

  [[nodiscard]] nlohmann::json describe() const;
  void append_samples(std::vector<Sample>& samples) const;

 private:
  Relay(EventLoop& loop, const EngineTerms& terms, Callbacks callbacks);

  struct Held {
    Arrival arrival;
    std::string channel;
    std::uint64_t position;
  };

  [[nodiscard]] Engine::Callbacks engine_callbacks();
  void apply(const Coverage::Change& change);
  void on_event(const Crossing& crossing, const std::string& pattern, std::uint64_t position);
  bool deliver(Held& held, bool wait);
  void deliver_held();
  void lose_held();
  void wait_for_room();
  void on_state();
  void tell_back();
  void on_lost(std::uint64_t count);
  // To all subscriptions that may have events from outside; `stored`: of at-least-once channels.
  void tell_all(const std::shared_ptr<const Event>& mark, bool stored);

  EventLoop& loop_;
  EngineTerms terms_;
  Callbacks callbacks_;
  Coverage coverage_;
  Origins origins_;
  std::unique_ptr<Engine> engine_;
  std::map<SubscriptionId, std::string> patterns_;
  EngineState state_ = EngineState::embedded;
  bool following_ = false;
  bool told_away_ = false;
  std::deque<Held> held_;
  std::optional<TimerId> held_until_;
  Counts counts_;
};

}  // namespace vs::pubsub
