// The reconciler's alarm clock: whoever changes something rings it, one thread sleeps on it.
//
// Thread-safe. Rings that come close together are one. Outlives both sides, so that neither must know when the other ends.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>

namespace vs {

class Wake {
 public:
  void ring() { set(rung_); }
  // Rings, and ends a pause: guests wait.
  void hurry() {
    set(hurried_);
    ring();
  }
  void stop() { set(stopped_); }

  // Sleeps until a ring or, if that is given, for `patience` (true), or until a stop (false); takes
  // the ring.
  bool wait(std::optional<std::chrono::milliseconds> patience = {}) {
    std::unique_lock lock(mutex_);
    const auto over = [this] { return rung_ || stopped_; };
    if (patience)
      changed_.wait_for(lock, *patience, over);
    else
      changed_.wait(lock, over);
    rung_ = hurried_ = false;
    return !stopped_;
  }
  // Sleeps for `pause`, or until a stop, or somebody is in a hurry.
  void pause(std::chrono::milliseconds pause) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, pause, [this] { return stopped_ || hurried_; });
  }

 private:
  void set(bool& what) {
    const std::lock_guard lock(mutex_);
    what = true;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool rung_ = false;
  bool hurried_ = false;
  bool stopped_ = false;
};

}  // namespace vs
