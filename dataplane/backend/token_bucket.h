// How often something may happen: so many times a second, and so many at once after a rest.
//
// Exact for any rate from 1/s to kRatePerSecondMax, over any time: tokens are counted in billionths, and a loop that comes late
// takes nothing from who waited all the while. Owned by one thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace vs {

class TokenBucket {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::uint64_t kRatePerSecondMax = 100'000'000;
  static constexpr std::uint64_t kBurstMax = 1'000'000'000;
  static constexpr std::chrono::milliseconds kLatenessMax{50};  // of the loop that is made up for

  TokenBucket() = default;  // no limit
  // `rate_per_s` 0: no limit. A burst of 0 counts as 1. Full at first.
  TokenBucket(std::uint64_t rate_per_s, std::uint64_t burst, TimePoint now);

  [[nodiscard]] bool limited() const { return rate_ != 0; }

  // Takes a token; false when there is none: whoever wanted it waits until next() and tries again.
  bool take(TimePoint now);
  // The token was not needed.
  void put_back();
  // Nobody waits any more: what has gathered beyond the burst is gone.
  void rest();
  // When there will be one again.
  [[nodiscard]] TimePoint next() const;

 private:
  void refill(TimePoint now);

  std::uint64_t rate_ = 0;   // tokens a second = billionths a nanosecond
  std::uint64_t burst_ = 0;  // billionths
  std::uint64_t level_ = 0;  // billionths
  TimePoint filled_{};       // as of when
  bool waited_for_ = false;  // since the last rest
};

}  // namespace vs
