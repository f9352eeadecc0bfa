// The reconciler's alarm clock: whoever changes something rings it, one thread sleeps on it.
//
// Thread-safe. Rings that come close together are one. Outlives both sides, so that neither must know when the other ends.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace vs {

class Wake {
 public:
  void ring() { set(rung_); }
  void stop() { set(stopped_); }

  // Sleeps until a ring (true) or a stop (false); takes the ring.
  bool wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return rung_ || stopped_; });
    rung_ = false;
    return !stopped_;
  }
  // Sleeps for `pause`, or until a stop.
  void pause(std::chrono::milliseconds pause) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, pause, [this] { return stopped_; });
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
  bool stopped_ = false;
};

}  // namespace vs
