// One thread's loop: waits for file descriptors, timers and posted work, and runs their callbacks.
//
// Owned by the thread that calls run(); only post() and stop() may be called from others (both thread-safe,
// stop() also from a signal handler). Callbacks run on the owning thread, may add and remove watches and timers, and must
// not block. Removing a watch or timer inside any callback takes effect at once: no later callback of it runs.
// Errors: watch() fails `exhausted` or `internal` when epoll does.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace vs {

enum class TimerId : std::uint64_t {};

class EventLoop {
 public:
  using FdCallback = std::function<void(std::uint32_t epoll_events)>;
  using Callback = std::function<void()>;
  using TimePoint = std::chrono::steady_clock::time_point;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Calls `callback` when `fd` has any of `epoll_events` (EPOLLIN, EPOLLOUT, EPOLLET ...). One watch per fd.
  Result<> watch(int fd, std::uint32_t epoll_events, FdCallback callback);
  void rewatch(int fd, std::uint32_t epoll_events);
  void unwatch(int fd);

  // Calls `callback` once at or after `when`.
  TimerId at(TimePoint when, Callback callback);
  TimerId after(std::chrono::nanoseconds delay, Callback callback);
  void cancel(TimerId timer);

  // Runs `work` on the loop soon. From any thread.
  void post(Callback work);

  void run();   // until stop()
  void stop();
  // Waits at most `timeout` and runs what is due; for tests and for loops inside other loops.
  void run_once(std::chrono::milliseconds timeout);

 private:
  void dispatch(int timeout_ms);
  void run_timers();
  void run_posted();
  [[nodiscard]] int wait_ms() const;
  void wake();

  UniqueFd epoll_;
  UniqueFd wake_;
  // An fd's number is used again as soon as it is closed; a token never is, so a late event finds nothing.
  std::unordered_map<int, std::uint64_t> tokens_;
  std::unordered_map<std::uint64_t, std::shared_ptr<FdCallback>> watches_;
  std::uint64_t token_next_ = 1;
  std::map<std::pair<TimePoint, TimerId>, Callback> timers_;
  std::unordered_map<std::uint64_t, TimePoint> timer_times_;
  std::uint64_t timer_next_ = 1;
  Guarded<std::vector<Callback>> posted_;
  std::atomic<bool> stopped_{false};
};

}  // namespace vs
