#include "base/event_loop.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/ids.h"

namespace vs {
namespace {

inline constexpr int kWaitMsMax = 60'000;
inline constexpr int kPausesPerLook = 16;

// Tells the core that it only looks again and again.
void pause_core() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}
inline constexpr std::uint64_t kWakeToken = 0;

}  // namespace

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  VS_CHECK(epoll_ && wake_);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeToken}};
  VS_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0);
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
  while (!stopped_.load(std::memory_order_acquire)) dispatch(wait_ms());
}

void EventLoop::stop() {
  stopped_.store(true, std::memory_order_release);
  wake();
}

void EventLoop::run_once(std::chrono::milliseconds timeout) {
  dispatch(std::min(static_cast<int>(timeout.count()), wait_ms()));
}

void EventLoop::dispatch(int timeout_ms) {
  handle(wait(timeout_ms));
  if (poller_ != nullptr) poller_->poll();
  run_posted();
  run_timers();
  run_deferred();
}

std::span<const epoll_event> EventLoop::sleep(std::chrono::nanoseconds timeout) {
  const timespec limit{.tv_sec = timeout.count() / 1'000'000'000, .tv_nsec = timeout.count() % 1'000'000'000};
  const int count = ::epoll_pwait2(epoll_.get(), events_.data(), kEventsPerWait, &limit, nullptr);
  return {events_.data(), static_cast<std::size_t>(std::max(count, 0))};
}

std::span<const epoll_event> EventLoop::wait(int timeout_ms) {
  if (timeout_ms > 0) {
    if (poller_ != nullptr && poller_->hot()) return wait_hot(timeout_ms);
    ++counts_.sleeps;
  }
  const int count = ::epoll_wait(epoll_.get(), events_.data(), kEventsPerWait, timeout_ms);
  return {events_.data(), static_cast<std::size_t>(std::max(count, 0))};
}

// Looks for as long as it may pay; then has doorbells rung, and sleeps. Looks at descriptors whatever it finds in memory: a peer
// that always has work there must not keep the others' from being seen.
std::span<const epoll_event> EventLoop::wait_hot(int timeout_ms) {
  const TimePoint begun = std::chrono::steady_clock::now();
  std::span<const epoll_event> ready;
  if (!load_.crowded(begun, poller_->active(begun))) {
    while (std::chrono::steady_clock::now() - begun < window_.length()) {
      ready = sleep(std::chrono::nanoseconds(0));
      if (poller_->poll() || !ready.empty()) {
        ++counts_.spins_won;
        window_.learn(std::chrono::steady_clock::now() - begun);
        return ready;
      }
      for (int i = 0; i < kPausesPerLook; ++i) pause_core();
    }
    if (window_.length().count() != 0) ++counts_.spins_lost;
  }
  if (!poller_->settle()) return sleep(std::chrono::nanoseconds(0));  // something came meanwhile: the next turn looks again
  ++counts_.sleeps;
  ready = sleep(std::chrono::milliseconds(timeout_ms));
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

int EventLoop::wait_ms() const {
  if (!deferred_.empty()) return 0;
  if (timers_.empty()) return kWaitMsMax;
  const auto left = timers_.begin()->first.first - std::chrono::steady_clock::now();
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<long long>(ms, 0, kWaitMsMax));
}

void EventLoop::wake() {
  const eventfd_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace vs
