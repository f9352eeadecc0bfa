// Time as the program sees it; injected, so that tests move it by hand.
//
// Thread-safe.
#pragma once

#include <chrono>

namespace vs {

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic: for deadlines and durations.
  virtual std::chrono::steady_clock::time_point now() const = 0;
  // Wall time: for what people read, never for arithmetic.
  virtual std::chrono::system_clock::time_point wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return std::chrono::steady_clock::now(); }
  std::chrono::system_clock::time_point wall() const override { return std::chrono::system_clock::now(); }
};

}  // namespace vs
