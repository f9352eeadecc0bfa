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

inline constexpr int kEventsPerWait = 64;
inline constexpr int kWaitMsMax = 60'000;
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
  std::array<epoll_event, kEventsPerWait> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const std::uint64_t token = events[i].data.u64;
    if (token == kWakeToken) {
      eventfd_t ignored;
      ::eventfd_read(wake_.get(), &ignored);
      continue;
    }
    const auto found = watches_.find(token);
    if (found == watches_.end()) continue;  // removed by an earlier callback of this round
    const auto callback = found->second;    // kept alive: it may remove its own watch
    (*callback)(events[i].events);
  }
  run_posted();
  run_timers();
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

int EventLoop::wait_ms() const {
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
