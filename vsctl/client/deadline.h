// The moment by which a command must be done, and the clock that it is measured with.
//
// A value; thread-safe when the clock is.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace vs::ctl {

class Deadline {
 public:
  Deadline(const Clock& clock, std::chrono::milliseconds limit)
      : clock_(&clock), limit_(limit), end_(clock.now() + limit) {}

  // As long again from now, for the next step of what goes on for ever.
  [[nodiscard]] Deadline renewed() const { return {*clock_, limit_}; }

  // Never negative.
  [[nodiscard]] std::chrono::milliseconds remaining() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - clock_->now());
    return std::max(left, std::chrono::milliseconds{0});
  }
  [[nodiscard]] bool passed() const { return remaining().count() == 0; }
  // What was allowed at the start.
  [[nodiscard]] std::chrono::milliseconds limit() const { return limit_; }

 private:
  const Clock* clock_;
  std::chrono::milliseconds limit_;
  std::chrono::steady_clock::time_point end_;
};

}  // namespace vs::ctl
