// A clock that costs as little as possible and is the same on every core: the processor's time stamp counter.
//
// Thread-safe; a TickScale is immutable.
#pragma once

#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace vs::bench {

inline std::uint64_t ticks() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

// The same, and what comes before in the program has been done, what comes after has not been begun.
inline std::uint64_t ordered_ticks() {
#if defined(__x86_64__)
  _mm_mfence();
  _mm_lfence();
  const std::uint64_t now = ticks();
  _mm_lfence();
  return now;
#else
  return ticks();
#endif
}

// Tells the core that it is looking again and again.
inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Converts ticks. Takes kCalibration to make, by comparing with CLOCK_MONOTONIC.
class TickScale {
 public:
  static constexpr std::chrono::milliseconds kCalibration{5};

  TickScale() {
    const auto begun = std::chrono::steady_clock::now();
    const std::uint64_t begun_ticks = ticks();
    auto now = begun;
    while (now - begun < kCalibration) now = std::chrono::steady_clock::now();
    ns_per_tick_ = static_cast<double>(std::chrono::nanoseconds(now - begun).count()) /
                   static_cast<double>(ticks() - begun_ticks);
  }
  [[nodiscard]] double ns(std::uint64_t count) const { return static_cast<double>(count) * ns_per_tick_; }
  [[nodiscard]] std::uint64_t count(std::chrono::nanoseconds time) const {
    return static_cast<std::uint64_t>(static_cast<double>(time.count()) / ns_per_tick_);
  }

 private:
  double ns_per_tick_;
};

}  // namespace vs::bench
