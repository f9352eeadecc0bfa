// One thread's loop: waits for file descriptors, timers and posted work, and runs their callbacks.
//
// Owned by the thread that calls run(); only post() and stop() may be called from others (both thread-safe,
// stop() also from a signal handler). Callbacks run on the owning thread, may add and remove watches and timers, and must
// not block. Removing a watch or timer inside any callback takes effect at once: no later callback of it runs.
// Errors: watch() fails `exhausted` or `internal` when epoll does.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "base/spin.h"
#include "base/unique_fd.h"

namespace vs {

enum class TimerId : std::uint64_t {};

// Work that shows in memory, at no descriptor, as long as nobody was asked to ring a doorbell for it.
class Poller {
 public:
  virtual ~Poller() = default;
  // Whether there is anywhere to look.
  [[nodiscard]] virtual bool hot() const = 0;
  // Whether it has work that it put off to let the loop look around: then the loop does not wait.
  [[nodiscard]] virtual bool busy() const = 0;
  // Whether somebody asked that the loop always looks and never sleeps.
  [[nodiscard]] virtual bool spins() const = 0;
  // How many peers brought work lately: each has a thread that needs a core.
  [[nodiscard]] virtual std::size_t active(std::chrono::steady_clock::time_point now) = 0;
  // Looks once, everywhere, and does what is there: true when there was something.
  virtual bool poll() = 0;
  // The loop is about to sleep: has whoever brings work ring from now on, and looks again. True when the loop may sleep.
  virtual bool settle() = 0;
};

// How a loop has waited so far.
struct LoopCounts {
  std::uint64_t sleeps = 0;        // waits that had the kernel wait
  std::uint64_t spins_won = 0;     // looks without sleeping that found something
  std::uint64_t spins_lost = 0;    // those that did not
};

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

  // Runs `work` once the callbacks of this turn have run, before the loop waits again.
  void defer(Callback work);

  // Runs `work` on the loop soon. From any thread.
  void post(Callback work);

  // Has the loop look at `poller` whenever it looks at descriptors; one at most, nullptr for none.
  void poll_with(Poller* poller) { poller_ = poller; }
  // Sleeps at once when there is nothing to do, for who brings work needs this core. A poller that spins does all the same.
  void never_look(bool never) { never_looks_ = never; }
  [[nodiscard]] const LoopCounts& counts() const { return counts_; }

  void run();   // until stop()
  void stop();
  // Waits at most `timeout` and runs what is due; for tests and for loops inside other loops.
  void run_once(std::chrono::milliseconds timeout);

 private:
  void dispatch(std::chrono::nanoseconds timeout);
  std::span<const epoll_event> wait(std::chrono::nanoseconds timeout);
  std::span<const epoll_event> wait_hot(std::chrono::nanoseconds timeout);
  std::span<const epoll_event> sleep(std::chrono::nanoseconds timeout);
  void handle(std::span<const epoll_event> events);
  void run_timers();
  void run_posted();
  void run_deferred();
  void set_alarm(TimePoint when);
  [[nodiscard]] std::chrono::nanoseconds time_to_wait() const;
  void wake();

  static constexpr int kEventsPerWait = 64;
  static constexpr TimePoint kNever = TimePoint::max();

  std::array<epoll_event, kEventsPerWait> events_;
  Poller* poller_ = nullptr;
  bool never_looks_ = false;
  SpinWindow window_;
  LoadProbe load_;
  LoopCounts counts_;
  UniqueFd epoll_;
  UniqueFd wake_;
  UniqueFd alarm_;
  TimePoint alarm_at_ = kNever;
  // An fd's number is used again as soon as it is closed; a token never is, so a late event finds nothing.
  std::unordered_map<int, std::uint64_t> tokens_;
  std::unordered_map<std::uint64_t, std::shared_ptr<FdCallback>> watches_;
  std::uint64_t token_next_ = 2;
  std::map<std::pair<TimePoint, TimerId>, Callback> timers_;
  std::unordered_map<std::uint64_t, TimePoint> timer_times_;
  std::uint64_t timer_next_ = 1;
  std::vector<Callback> deferred_;
  Guarded<std::vector<Callback>> posted_;
  std::atomic<bool> stopped_{false};
};

}  // namespace vs
