// Tells the service manager that we live, and only while every part that must live does.
//
// A thread of its own looks at half the manager's interval. A probe may take a third of the
// interval at most. Without an interval there is no thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "vsmgrd/lifecycle/notifier.h"

namespace vs {

struct Probe {
  std::string name;
  // Whether the part works; given how long it may take to say so.
  std::function<bool(std::chrono::milliseconds patience)> alive;
};

class Watchdog {
 public:
  // `notifier` must outlive it.
  Watchdog(const Notifier& notifier, std::vector<Probe> probes);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // One look; tells the manager when all is well, and the log when it is not. Returns which.
  bool look();

 private:
  void run();

  const Notifier& notifier_;
  const std::vector<Probe> probes_;
  const std::chrono::microseconds interval_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace vs
