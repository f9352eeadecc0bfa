// Whether there is more to do than can be done, and whose requests are answered `exhausted` then, the lowest first.
//
// Overloaded is a loop that has had work without a break for kOverloadAfter. Then best effort that has waited for kShedWait is shed;
// and burstable, too, once that did not help: while guaranteed requests are taken later than they were to be answered. What is
// guaranteed is never shed. Decides only, and has no clock. Owned by the loop's thread.
#pragma once

#include <chrono>

#include "dataplane/control/terms.h"

namespace vs {

inline constexpr std::chrono::milliseconds kOverloadAfter{100};
inline constexpr std::chrono::milliseconds kShedWait{20};

class Overload {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Nothing waits for its turn.
  void idle() { busy_since_ = TimePoint::max(); }
  void busy(TimePoint now) {
    if (busy_since_ == TimePoint::max()) busy_since_ = now;
  }
  // A guaranteed request was taken when it should have been answered.
  void late(TimePoint now) { late_at_ = now; }

  [[nodiscard]] bool overloaded(TimePoint now) const {
    return busy_since_ != TimePoint::max() && now - busy_since_ >= kOverloadAfter;
  }
  [[nodiscard]] bool sheds(control::Guarantee guarantee, std::chrono::nanoseconds waited, TimePoint now) const {
    if (guarantee == control::Guarantee::guaranteed || waited < kShedWait || !overloaded(now)) return false;
    if (guarantee == control::Guarantee::best_effort) return true;
    const bool promises_break = late_at_ != TimePoint{} && now - late_at_ < kOverloadAfter;
    return promises_break && now - busy_since_ >= 2 * kOverloadAfter;
  }

 private:
  TimePoint busy_since_ = TimePoint::max();
  TimePoint late_at_{};
};

}  // namespace vs
