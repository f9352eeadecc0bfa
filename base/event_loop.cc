#include "base/event_loop.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/ids.h"

namespace vs {
namespace {

inline constexpr std::chrono::nanoseconds kWaitMax = std::chrono::minutes(1);
inline constexpr int kPausesPerLook = 16;
inline constexpr int kLooksPerEpoll = 8;  // in memory, between two at descriptors: those cost a system call

// Tells the core that it only looks again and again.
void pause_core() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}
inline constexpr std::uint64_t kWakeToken = 0;
inline constexpr std::uint64_t kAlarmToken = 1;

}  // namespace

EventLoop::EventLoop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      alarm_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  VS_CHECK(epoll_ && wake_ && alarm_);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeToken}};
  VS_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0);
  event = {.events = EPOLLIN | EPOLLET, .data = {.u64 = kAlarmToken}};
  VS_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, alarm_.get(), &event) == 0);
}

EventLoop::~EventLoop() = default;

Result<> EventLoop::watch(int fd, std::uint32_t epoll_events, FdCallback callback) {
  const std::uint64_t token = token_next_++;
  epoll_event event{.events = epoll_events, .data = {.u64 = token}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno(errno, "epoll add");
  tokens_[fd] = token;
  watches_[token] = std::make_shared<FdCallback>(std::move(callback));
  return {};
}

void EventLoop::rewatch(int fd, std::uint32_t epoll_events) {
  epoll_event event{.events = epoll_events, .data = {.u64 = tokens_.at(fd)}};
  VS_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void EventLoop::unwatch(int fd) {
  const auto token = tokens_.find(fd);
  if (token == tokens_.end()) return;
  watches_.erase(token->second);
  tokens_.erase(token);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);  // fails when the owner closed it first: nothing to do
}

TimerId EventLoop::at(TimePoint when, Callback callback) {
  const TimerId id{timer_next_++};
  timers_.emplace(std::pair{when, id}, std::move(callback));
  timer_times_.emplace(number_of(id), when);
  return id;
}

TimerId EventLoop::after(std::chrono::nanoseconds delay, Callback callback) {
  return at(std::chrono::steady_clock::now() + delay, std::move(callback));
}

void EventLoop::cancel(TimerId timer) {
  const auto found = timer_times_.find(number_of(timer));
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, timer});
  timer_times_.erase(found);
}

void EventLoop::defer(Callback work) { deferred_.push_back(std::move(work)); }

void EventLoop::post(Callback work) {
  posted_.with([&](auto& posted) { posted.push_back(std::move(work)); });
  wake();
}

void EventLoop::run() {
  while (!stopped_.load(std::memory_order_acquire)) dispatch(time_to_wait());
}

void EventLoop::stop() {
  stopped_.store(true, std::memory_order_release);
  wake();
}

void EventLoop::run_once(std::chrono::milliseconds timeout) {
  dispatch(std::min<std::chrono::nanoseconds>(timeout, time_to_wait()));
}

void EventLoop::dispatch(std::chrono::nanoseconds timeout) {
  handle(wait(timeout));
  if (poller_ != nullptr) poller_->poll();
  run_posted();
  run_timers();
  run_deferred();
}

// An alarm that stays set costs less than a time limit of each wait, for which the kernel starts and stops a timer every time.
std::span<const epoll_event> EventLoop::sleep(std::chrono::nanoseconds timeout) {
  const bool waits = timeout.count() > 0;
  if (waits) set_alarm(std::chrono::steady_clock::now() + timeout);
  const int count = ::epoll_wait(epoll_.get(), events_.data(), kEventsPerWait, waits ? -1 : 0);
  return {events_.data(), static_cast<std::size_t>(std::max(count, 0))};
}

// One that is set for earlier stays: the loop then wakes for nothing, once, and sets the next.
void EventLoop::set_alarm(TimePoint when) {
  if (alarm_at_ <= when) return;
  alarm_at_ = when;
  const auto since = std::max(when.time_since_epoch(), std::chrono::nanoseconds(1));  // 0 would be none
  const itimerspec at{.it_interval = {},
                      .it_value = {.tv_sec = since.count() / 1'000'000'000, .tv_nsec = since.count() % 1'000'000'000}};
  VS_CHECK(::timerfd_settime(alarm_.get(), TFD_TIMER_ABSTIME, &at, nullptr) == 0);
}

std::span<const epoll_event> EventLoop::wait(std::chrono::nanoseconds timeout) {
  if (poller_ != nullptr && poller_->busy()) timeout = std::chrono::nanoseconds(0);
  if (timeout.count() > 0) {
    if (poller_ != nullptr && poller_->hot()) return wait_hot(timeout);
    ++counts_.sleeps;
  }
  return sleep(timeout);
}

// Looks for as long as it may pay; then has doorbells rung, and sleeps. Looks at descriptors whatever it finds in memory: a peer
// that always has work there must not keep the others' from being seen.
std::span<const epoll_event> EventLoop::wait_hot(std::chrono::nanoseconds timeout) {
  const TimePoint begun = std::chrono::steady_clock::now();
  std::span<const epoll_event> ready;
  const bool always = poller_->spins();
  if (always || (!never_looks_ && !load_.crowded(begun, poller_->active(begun)))) {
    const auto limit = always ? timeout : std::min(timeout, window_.length());
    for (int look = 0; std::chrono::steady_clock::now() - begun < limit; ++look) {
      if (look % kLooksPerEpoll == 0) ready = sleep(std::chrono::nanoseconds(0));
      if (poller_->poll() || !ready.empty()) {
        ++counts_.spins_won;
        window_.learn(std::chrono::steady_clock::now() - begun);
        return ready;
      }
      for (int i = 0; i < kPausesPerLook; ++i) pause_core();
    }
    if (limit.count() != 0) ++counts_.spins_lost;
  }
  if (always || !poller_->settle()) return sleep(std::chrono::nanoseconds(0));  // something came, or may: the next turn looks again
  ++counts_.sleeps;
  ready = sleep(timeout);
  window_.learn(std::chrono::steady_clock::now() - begun);
  return ready;
}

void EventLoop::handle(std::span<const epoll_event> events) {
  for (const epoll_event& event : events) {
    const std::uint64_t token = event.data.u64;
    if (token == kWakeToken) {
      eventfd_t ignored;
      ::eventfd_read(wake_.get(), &ignored);
      continue;
    }
    if (token == kAlarmToken) {
      alarm_at_ = kNever;
      continue;
    }
    const auto found = watches_.find(token);
    if (found == watches_.end()) continue;  // removed by an earlier callback of this round
    const auto callback = found->second;    // kept alive: it may remove its own watch
    (*callback)(event.events);
  }
}

void EventLoop::run_timers() {
  if (timers_.empty()) return;
  const TimePoint now = std::chrono::steady_clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    timer_times_.erase(number_of(node.key().second));
    node.mapped()();
  }
}

void EventLoop::run_posted() {
  const auto posted = posted_.with([](auto& waiting) { return std::exchange(waiting, {}); });
  for (const Callback& work : posted) work();
}

// What these defer in turn waits for the next turn, behind everyone who is ready by then.
void EventLoop::run_deferred() {
  const auto deferred = std::exchange(deferred_, {});
  for (const Callback& work : deferred) work();
}

std::chrono::nanoseconds EventLoop::time_to_wait() const {
  if (!deferred_.empty()) return std::chrono::nanoseconds(0);
  if (timers_.empty()) return kWaitMax;
  const std::chrono::nanoseconds left = timers_.begin()->first.first - std::chrono::steady_clock::now();
  return std::clamp(left, std::chrono::nanoseconds(0), kWaitMax);
}

void EventLoop::wake() {
  const eventfd_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace vs
