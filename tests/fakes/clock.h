// A clock that stands still until a test moves it. For one thread.
#pragma once

#include <chrono>

#include "base/clock.h"

namespace vs::test {

class ManualClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return now_; }
  std::chrono::system_clock::time_point wall() const override { return wall_; }
  void advance(std::chrono::nanoseconds by) {
    now_ += by;
    wall_ += std::chrono::duration_cast<std::chrono::system_clock::duration>(by);
  }

 private:
  std::chrono::steady_clock::time_point now_{};
  std::chrono::system_clock::time_point wall_{std::chrono::seconds{1'700'000'000}};
};

}  // namespace vs::test
