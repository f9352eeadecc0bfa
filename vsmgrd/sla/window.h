// How much was judged, and how much of it missed, in the last so long: counts in kWindowParts parts, the oldest of which goes as
// time goes on.
//
// Right within one part of the window. A value; owned by one thread. Time is the wall clock's: it goes on over restarts; what is of
// the future, after a clock was put back, counts until its time has passed.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace vs {

inline constexpr std::int64_t kWindowParts = 60;

struct Judged {
  std::uint64_t all = 0;
  std::uint64_t missed = 0;  // at most all
  friend bool operator==(const Judged&, const Judged&) = default;
};

class Window {
 public:
  using WallTime = std::chrono::system_clock::time_point;

  // `length`: above 0.
  explicit Window(std::chrono::milliseconds length) : length_(length) {}

  [[nodiscard]] std::chrono::milliseconds length() const { return length_; }
  void add(WallTime now, const Judged& more);
  [[nodiscard]] Judged total(WallTime now) const;

  [[nodiscard]] nlohmann::json encode() const;
  // Of a window of another length nothing is taken over. Errors: invalid, when it is none.
  Result<> restore(const nlohmann::json& state);

 private:
  struct Part {
    std::int64_t number;  // of time since 1970, in parts
    Judged judged;
  };
  [[nodiscard]] std::int64_t number_at(WallTime now) const;

  std::chrono::milliseconds length_;
  std::deque<Part> parts_;  // by number
};

// What was promised, held against what was judged.
// Part of what was judged that kept the objective; 1 when nothing was.
double compliance(const Judged& judged);
// What is left of what may miss it: 1 untouched, 0 used up, below that broken. Where nothing may miss it: 1 or 0.
double budget_left(const Judged& judged, double target);

}  // namespace vs
