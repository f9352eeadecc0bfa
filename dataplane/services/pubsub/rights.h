// What one guest may do with the channels of its service, and how much of it: decided by vsmgrd, delivered with the binding, kept here.
//
// An explicit deny wins over every allow, order does not matter; what no rule names is as the default says. Limits of all rules that
// allow a publish hold together. Sizes are bytes. Immutable; thread-safe. Errors: invalid, when what vsmgrd sent is none.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace vs::pubsub {

inline constexpr std::size_t kChannelRulesMax = 1000;  // of one guest

enum class Verb : std::uint8_t { create, publish, subscribe };
inline constexpr std::size_t kVerbs = 3;
std::string_view name_of(Verb verb);

// How far the memory in which a channel's events are delivered is shared by those who may read it.
enum class Sharing : std::uint8_t {
  only_copies,  // each guest has its own
  group,        // large events lie in frames, which all readers of the service's frames can see
  equal,        // all events may lie in one ring, which all of these can see
};

struct ChannelRule {
  std::vector<std::string> patterns;
  bool allows = false;
  std::array<bool, kVerbs> verbs{};
  std::uint64_t rate_per_s = 0;      // events published; 0: no limit
  std::uint64_t burst = 1;           // events at once after a rest
  std::uint32_t event_bytes_max = 0;  // 0: no limit of its own
  Sharing sharing = Sharing::only_copies;  // of a subscribe
  std::uint64_t filter_cost_max = 0;  // of all filters of its subscriptions to these channels, ns an event; 0: no limit of its own
  std::string name;                   // policy and rule, for the words of a refusal
  std::string message;
};

class Rights {
 public:
  // Everything is allowed.
  Rights() = default;
  // Null: everything is allowed. {"default": "deny", "rules": [{"effect", "channels", "verbs", "ratePerS", "burst", "eventBytesMax",
  // "sharing", "filterCostMax", "policy", "rule", "message"}]}
  static Result<Rights> parse(const nlohmann::json& from);
  static Rights nothing();

  // Errors: denied, with the rule that says so.
  [[nodiscard]] Result<> judge(Verb verb, std::string_view channel) const;
  [[nodiscard]] bool may(Verb verb, std::string_view channel) const { return judge(verb, channel).has_value(); }
  // Whether there can be a channel under a pattern that may be subscribed to.
  [[nodiscard]] Result<> judge_pattern_of(std::string_view pattern) const;
  // Whether the guest sees shared memory at all, and how far it may be shared with it what a channel says: the least of all rules that
  // let it subscribe. Who may do everything and is under no rule shares with its group.
  [[nodiscard]] bool shares() const;
  [[nodiscard]] Sharing sharing(std::string_view channel) const;
  // The rules whose limits a publish to that channel is under, by their number.
  [[nodiscard]] std::vector<std::size_t> limits(std::string_view channel) const;

  // The rules whose limit on filters a subscription to that pattern is under.
  [[nodiscard]] std::vector<std::size_t> filter_limits(std::string_view pattern) const;

  [[nodiscard]] const std::vector<ChannelRule>& rules() const { return rules_; }
  [[nodiscard]] bool unlimited() const { return rules_.empty() && default_allows_; }

 private:
  std::vector<ChannelRule> rules_;
  bool default_allows_ = true;
};

// All who are given the shared memory of a service. Immutable; thread-safe.
class Audience {
 public:
  Audience() = default;
  // Of the rights of all guests, those who share nothing left out. What is no rights shares nothing.
  explicit Audience(const std::vector<nlohmann::json>& rights);

  // As far as all of them may share it.
  [[nodiscard]] Sharing sharing(std::string_view channel) const;
  [[nodiscard]] bool empty() const { return members_.empty(); }
  // Whether there can be a channel that all share as equals.
  [[nodiscard]] bool equals() const;

 private:
  std::vector<Rights> members_;  // different ones only
};

// So many a second, and a burst after a rest. Owned by one thread.
class Rate {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Rate(std::uint64_t per_s, std::uint64_t burst)
      : each_(std::chrono::nanoseconds(std::chrono::seconds(1)) / static_cast<std::int64_t>(per_s)),
        credit_(each_ * static_cast<std::int64_t>(burst == 0 ? 1 : burst)) {}
  [[nodiscard]] bool ready(TimePoint now) const { return full_at_ + each_ <= now + credit_; }
  void take(TimePoint now) { full_at_ = (full_at_ < now ? now : full_at_) + each_; }

 private:
  std::chrono::nanoseconds each_;
  std::chrono::nanoseconds credit_;
  TimePoint full_at_{};  // when it will have rested
};

}  // namespace vs::pubsub
