// One operator of a derived channel at work: takes events, lets some through, makes others, and remembers what it needs for that.
//
// What it remembers is bounded: kKeysMax of source channels and keys, kHeldBytesMax of events that it holds; beyond that it forgets what it
// has seen longest ago, and counts it. Sizes are bytes. Time is told, never asked for. Owned by one thread. Errors: none; an event that it
// cannot compute with goes, and is counted.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dataplane/filter/chain.h"
#include "dataplane/services/pubsub/event.h"

namespace vs::pubsub {

inline constexpr std::size_t kKeysMax = 1024;
inline constexpr std::size_t kHeldBytesMax = 4 << 20;

// An event on its way through a chain. Its views are of `base`, or of an operator of the chain.
struct Draft {
  std::shared_ptr<const Event> base;  // nullptr: made here
  std::string state_key;              // of what operators remember: source channel and key
  std::string key;
  std::string_view content_type;
  std::vector<std::pair<std::string_view, filter::Value>> attributes;
  std::span<const std::byte> payload;
  std::uint32_t expires_ms = 0;
  std::uint8_t priority = 0;
};

class Operator {
 public:
  using TimePoint = Event::TimePoint;

  struct Counts {
    std::uint64_t errors = 0;     // events that could not be computed with
    std::uint64_t forgotten = 0;  // of what it remembered, for want of room
  };

  explicit Operator(filter::OperatorTerms terms) : terms_(std::move(terms)) {}

  // What comes of it now.
  std::optional<Draft> take(Draft draft, TimePoint now);
  // When something will come by itself; then expire() gives it, one at a time.
  [[nodiscard]] std::optional<TimePoint> due() const;
  std::optional<Draft> expire(TimePoint now);

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t keys() const { return states_.size(); }

 private:
  struct Sums {
    double sum = 0, min = 0, max = 0;
  };
  // For one channel and key, or for all.
  struct State {
    std::string state_key;
    std::uint64_t count = 0;
    TimePoint when{};                // next that may pass, or due
    std::optional<Draft> held;       // of debounce and on_change
    std::vector<Sums> sums;          // of a window
    std::string key;                 // of a window's event
  };
  using States = std::list<State>;  // the one to forget first, or due first, is in front

  States::iterator state_of(const Draft& draft);
  void touch(States::iterator state) { states_.splice(states_.end(), states_, state); }
  void hold(States::iterator state, const Draft& draft);
  void forget(States::iterator state);
  [[nodiscard]] bool timed() const {
    return terms_.kind == filter::OperatorKind::debounce || (terms_.kind == filter::OperatorKind::window && terms_.count == 0);
  }

  Draft project(Draft draft) const;
  std::optional<Draft> sample(Draft draft);
  std::optional<Draft> throttle(Draft draft, TimePoint now);
  std::optional<Draft> on_change(Draft draft);
  std::optional<Draft> gather(Draft draft, TimePoint now);
  std::optional<Draft> close(States::iterator state);
  [[nodiscard]] bool same(const Draft& one, const Draft& other) const;

  filter::OperatorTerms terms_;
  States states_;
  std::unordered_map<std::string, States::iterator> by_key_;
  std::size_t held_bytes_ = 0;
  Counts counts_;
};

}  // namespace vs::pubsub
