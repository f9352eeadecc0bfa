// On which core mode `auto` serves a binding: its guest's, or another. From what was measured on each, with hysteresis.
//
// On the guest's core a hand-over is a switch of threads, and both share one core's time; on another it is a wake-up across cores,
// and both may run at once: which is faster depends on the machine and on the load, so it is tried. Pure functions; thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace vs {

enum class CoreSide : std::uint8_t { other, same };  // than its guest's

inline constexpr int kAutoLooksMin = 3;      // on one side, before anything is concluded
inline constexpr int kAutoTrialAfter = 6;    // then the side that nothing is known of is tried
inline constexpr int kAutoBetterLooks = 3;   // in a row, for which the other side must have been better
inline constexpr double kAutoBetter = 1.15;  // so many times
inline constexpr double kAutoBusyMax = 0.8;  // of its loop's time: more, and the guest's own core is too full for both
inline constexpr double kAutoRateMin = 1;    // requests a second: fewer tell nothing
inline constexpr int kAutoForget = 360;      // looks after which the other side is tried anew; an hour

// What was measured since the look before.
struct CoreLook {
  double latency_us = 0;  // mean, seen in the ring to answered
  double rate = 0;        // requests a second
  double loop_busy = 0;   // 0 .. 1
};

struct CoreTrial {
  CoreSide side = CoreSide::other;
  std::array<double, 2> latency_us{};  // of each side, smoothed; 0: not known
  int looks = 0;                       // that told something, since `side` was chosen
  int better = 0;                      // of these, the last so many said that the other side is better
  int barred = 0;                      // looks for which the guest's core is not to be tried: it was too full
  friend bool operator==(const CoreTrial&, const CoreTrial&) = default;
};

CoreTrial after(CoreTrial trial, const CoreLook& look);

}  // namespace vs
