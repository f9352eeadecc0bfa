#include "vsmgrd/lifecycle/watchdog.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace vs {

Watchdog::Watchdog(const Notifier& notifier, std::vector<Probe> probes)
    : notifier_(notifier),
      probes_(std::move(probes)),
      interval_(notifier.watchdog().value_or(std::chrono::microseconds{0})) {
  if (notifier.watchdog()) thread_ = std::thread([this] { run(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Watchdog::look() {
  const auto patience = std::chrono::ceil<std::chrono::milliseconds>(
      interval_ / 3 / static_cast<int>(std::max<std::size_t>(probes_.size(), 1)));
  bool all = true;
  for (const Probe& probe : probes_) {
    if (probe.alive(patience)) continue;
    log::error("watchdog.withheld", {{"part", probe.name}, {"patience_ms", patience.count()}});
    all = false;
  }
  if (all) notifier_.alive();
  return all;
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    look();
    lock.lock();
    stopped_.wait_for(lock, interval_ / 2, [this] { return stop_; });
  }
}

}  // namespace vs
