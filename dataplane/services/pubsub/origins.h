// Against events that come twice, or back: which of the last ones of other origins were seen.
//
// Origins are told apart by a hash of their name: what an attacker on the engine could do with it he could do by any name. Owned by one
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "dataplane/services/pubsub/envelope.h"

namespace vs::pubsub {

inline constexpr std::size_t kOriginsRemembered = 8192;  // events; enough for what comes twice within a moment

class Origins {
 public:
  enum class Verdict : std::uint8_t { fresh, stranger, own, seen };

  explicit Origins(std::string own) : own_(std::move(own)) {}

  [[nodiscard]] const std::string& own() const { return own_; }
  [[nodiscard]] Origin next() { return {.name = own_, .sequence = ++sequence_}; }

  // Of one that came: `seen` the second time. `own_due`: own ones are to come back, and count as others'.
  Verdict judge(const Origin& origin, bool own_due = false) {
    if (origin.name.empty()) return Verdict::stranger;
    if (origin.name == own_ && !own_due) return Verdict::own;
    const std::uint64_t mark = std::hash<std::string_view>{}(origin.name) ^ (origin.sequence * 0x9e3779b97f4a7c15);
    if (!marks_.insert(mark).second) return Verdict::seen;
    order_.push_back(mark);
    if (order_.size() > kOriginsRemembered) {
      marks_.erase(order_.front());
      order_.pop_front();
    }
    return Verdict::fresh;
  }

 private:
  std::string own_;
  std::uint64_t sequence_ = 0;
  std::unordered_set<std::uint64_t> marks_;
  std::deque<std::uint64_t> order_;
};

}  // namespace vs::pubsub
