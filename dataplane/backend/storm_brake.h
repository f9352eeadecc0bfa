// How long a doorbell that rings in vain is not heard: twice as long each time, up to a second, as Linux does with Xen's event
// channels (drivers/xen/events/events_base.c, "lateeoi", XSA-332).
//
// A value; owned by one thread.
#pragma once

#include <algorithm>
#include <chrono>

namespace vs {

class StormBrake {
 public:
  static constexpr int kInVainFree = 16;  // in a row: a doorbell may cross with the loop having looked already
  static constexpr std::chrono::milliseconds kPauseMin{1};
  static constexpr std::chrono::milliseconds kPauseMax{1000};

  // A request came.
  void useful() { *this = {}; }
  // It rang for nothing: how long to close one's ears, 0 for not yet.
  std::chrono::milliseconds in_vain() {
    if (++in_vain_ <= kInVainFree) return std::chrono::milliseconds(0);
    pause_ = std::clamp(2 * pause_, kPauseMin, kPauseMax);
    return pause_;
  }

 private:
  int in_vain_ = 0;
  std::chrono::milliseconds pause_{0};
};

}  // namespace vs
