// How long a loop looks before it sleeps.
//
// Being woken costs a thread tens of microseconds when its core has gone idle, looking costs the core. A loop therefore looks
// for as long as lately would have been enough, and sleeps at once when it would not have been, or when others want the core.
// The rule for growing and shrinking is that of KVM's halt polling (Documentation/virt/kvm/halt-polling.rst).
//
// SpinWindow is a value. LoadProbe is owned by one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/unique_fd.h"

namespace vs {

inline constexpr std::chrono::microseconds kSpinMax{200};  // as KVM: a few times what a wake-up costs
inline constexpr std::chrono::microseconds kSpinStart{10};

class SpinWindow {
 public:
  [[nodiscard]] std::chrono::nanoseconds length() const { return length_; }

  // Something came after `gap` of having nothing to do.
  void learn(std::chrono::nanoseconds gap);

 private:
  std::chrono::nanoseconds length_{0};
};

// Whether more threads want to run than there are cores: then looking takes a core from somebody. The threads that bring us
// work are known; of the others, /proc/loadavg tells now and then. Unknown counts as yes.
class LoadProbe {
 public:
  static constexpr std::chrono::milliseconds kEvery{1};
  using TimePoint = std::chrono::steady_clock::time_point;

  LoadProbe();
  // `peers`: threads that run in turns with this one.
  bool crowded(TimePoint now, std::size_t peers);

 private:
  UniqueFd file_;
  long cores_;
  TimePoint next_{};
  bool crowded_ = true;
};

// The threads that run or want to, out of the text of /proc/loadavg (proc(5)): "0.20 0.18 0.12 1/80 11206" says 1. -1 when it
// is something else.
long running_threads(const char* loadavg);

}  // namespace vs
