// Chooses a binding's rings and its way of waiting from what its guests do (Terms::tune), and says why.
//
// A value of one thread; no clock of its own. Sizes are bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/control/terms.h"

namespace vs {

// What was seen of a binding in one window.
struct TunerWindow {
  double requests_per_s = 0;
  std::uint32_t request_bytes_peak = 0;   // that waited in a request ring at once
  std::uint32_t response_bytes_peak = 0;  // the same of a response ring: promised or not
  std::uint32_t request_record_max = 0;   // the largest, header included
  std::uint32_t response_record_max = 0;  // the largest, or that was too large
  int cores = 1;                          // that the backend may use
};

class Tuner {
 public:
  // What was chosen last, for people; empty: nothing yet.
  [[nodiscard]] const std::string& why() const { return why_; }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

  // What `current` should be from now on, if anything else, by a window that just ended. A change is made when two windows in
  // a row ask for one, so that a burst alone makes none; rings shrink after kShrinkWindows.
  std::optional<control::Terms> look(const control::Terms& current, const TunerWindow& window);

 private:
  std::string why_;
  std::uint64_t changes_ = 0;
  int grow_ = 0;    // windows in a row that asked for it
  int shrink_ = 0;
  int wait_ = 0;
};

inline constexpr std::uint32_t kTunedRingMin = 16 << 10;
inline constexpr std::uint32_t kTunedRingMax = 256 << 10;  // but for records that need more: larger ones leave the caches, and gain nothing

}  // namespace vs
