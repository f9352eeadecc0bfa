#include "base/event_loop.h"

#include <sys/eventfd.h>

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace vs {
namespace {

using namespace std::chrono_literals;

UniqueFd ready_fd() { return UniqueFd(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)); }

TEST(EventLoop, CallsBackForAReadyDescriptor) {
  EventLoop loop;
  const UniqueFd fd = ready_fd();
  int calls = 0;
  ASSERT_TRUE(loop.watch(fd.get(), EPOLLIN, [&](std::uint32_t events) {
    EXPECT_EQ(events, static_cast<std::uint32_t>(EPOLLIN));
    ++calls;
  }));
  loop.run_once(1000ms);
  EXPECT_EQ(calls, 1);
  loop.unwatch(fd.get());
  loop.run_once(0ms);
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, ACallbackMayRemoveItselfAndOthersOfTheSameRound) {
  EventLoop loop;
  const UniqueFd one = ready_fd();
  const UniqueFd other = ready_fd();
  int calls = 0;
  const auto remove_both = [&](std::uint32_t) {
    ++calls;
    loop.unwatch(one.get());
    loop.unwatch(other.get());
  };
  ASSERT_TRUE(loop.watch(one.get(), EPOLLIN, remove_both));
  ASSERT_TRUE(loop.watch(other.get(), EPOLLIN, remove_both));
  loop.run_once(1000ms);
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, AnEventOfAClosedDescriptorDoesNotReachTheNextOwnerOfItsNumber) {
  EventLoop loop;
  UniqueFd first = ready_fd();
  UniqueFd second = ready_fd();
  int wrong = 0;
  const auto replace = [&](std::uint32_t) {
    loop.unwatch(first.get());
    loop.unwatch(second.get());
    first.reset();
    second.reset();
    first.reset(::eventfd(0, EFD_CLOEXEC));  // takes one of the numbers, and is not ready
    ASSERT_TRUE(loop.watch(first.get(), EPOLLIN, [&](std::uint32_t) { ++wrong; }));
  };
  ASSERT_TRUE(loop.watch(first.get(), EPOLLIN, replace));
  ASSERT_TRUE(loop.watch(second.get(), EPOLLIN, replace));
  loop.run_once(1000ms);
  loop.run_once(0ms);
  EXPECT_EQ(wrong, 0);
}

TEST(EventLoop, RunsTimersInTheirOrderAndNotWhenCancelled) {
  EventLoop loop;
  std::vector<int> order;
  const auto now = std::chrono::steady_clock::now();
  loop.at(now - 1ms, [&] { order.push_back(2); });
  loop.at(now - 2ms, [&] { order.push_back(1); });
  const TimerId cancelled = loop.at(now - 3ms, [&] { order.push_back(0); });
  loop.at(now + 1h, [&] { order.push_back(3); });
  loop.cancel(cancelled);
  loop.run_once(0ms);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(EventLoop, ATimerMayCancelTheNextAndSetAnother) {
  EventLoop loop;
  std::vector<int> order;
  const auto past = std::chrono::steady_clock::now() - 1h;
  TimerId next{};
  loop.at(past, [&] {
    order.push_back(1);
    loop.cancel(next);
    loop.after(0ns, [&] { order.push_back(3); });
  });
  next = loop.at(past + 1ms, [&] { order.push_back(2); });
  while (order.size() < 2) loop.run_once(1000ms);
  EXPECT_EQ(order, (std::vector<int>{1, 3}));
}

// The kernel's timer stays set over several waits: what comes first must not wait for what was set for later.
TEST(EventLoop, ATimerForSoonerThanWhatItWaitedForIsNotLate) {
  EventLoop loop;
  const TimerId late = loop.after(std::chrono::hours(1), [] {});
  loop.post([] {});
  loop.run_once(std::chrono::hours(1));  // has slept with that in view
  loop.after(std::chrono::milliseconds(1), [&] { loop.stop(); });
  loop.cancel(late);
  loop.run();  // hangs
}

TEST(EventLoop, ATimerThatWasCancelledDoesNotKeepTheNextFromComing) {
  EventLoop loop;
  for (int round = 0; round < 3; ++round) {
    loop.cancel(loop.after(std::chrono::microseconds(100), [] { ADD_FAILURE() << "cancelled"; }));
    bool ran = false;
    loop.after(std::chrono::milliseconds(2), [&] { ran = true; });
    while (!ran) loop.run_once(std::chrono::hours(1));
  }
}

TEST(EventLoop, RunsWhatOtherThreadsPost) {
  EventLoop loop;
  constexpr int kPosts = 1000;
  int ran = 0;  // of the loop's thread alone
  std::vector<std::thread> posters;
  for (int i = 0; i < 4; ++i)
    posters.emplace_back([&] {
      for (int k = 0; k < kPosts; ++k)
        loop.post([&] {
          if (++ran == 4 * kPosts) loop.stop();
        });
    });
  loop.run();
  for (auto& poster : posters) poster.join();
  EXPECT_EQ(ran, 4 * kPosts);
}

TEST(EventLoop, RunsWhatWasDeferredAfterTheTurnAndBeforeItWaits) {
  EventLoop loop;
  const UniqueFd fd = ready_fd();
  std::vector<int> order;
  ASSERT_TRUE(loop.watch(fd.get(), EPOLLIN, [&](std::uint32_t) {
    loop.unwatch(fd.get());
    loop.defer([&] {
      order.push_back(2);
      loop.defer([&] { order.push_back(3); });
    });
    order.push_back(1);
  }));
  loop.run_once(60s);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  loop.run_once(60s);  // does not wait: there is work
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

// A place in memory where work turns up, for which somebody rings `bell` only when asked to.
class Memory final : public Poller {
 public:
  bool hot() const override { return hot_; }
  bool busy() const override { return busy_turns > 0; }
  bool spins() const override { return spinning; }
  std::size_t active(std::chrono::steady_clock::time_point) override { return 1; }
  bool poll() override {
    if (busy_turns > 0) --busy_turns;
    if (++looks == comes_at_look) work = 1;
    if (work == 0) return false;
    done += work;
    work = 0;
    hot_ = true;
    return true;
  }
  bool settle() override {
    ++settled;
    work += comes_while_settling;
    if (std::exchange(comes_while_settling, 0) != 0) return false;
    hot_ = false;
    return true;
  }

  int work = 0;
  int done = 0;
  int settled = 0;
  int comes_while_settling = 0;
  int busy_turns = 0;  // for so many it has put off work
  bool spinning = false;
  int looks = 0;
  int comes_at_look = 0;

 private:
  bool hot_ = true;
};

TEST(EventLoop, AsksForDoorbellsBeforeItSleeps) {
  EventLoop loop;
  Memory memory;
  loop.poll_with(&memory);
  loop.run_once(1ms);
  EXPECT_EQ(memory.settled, 1);
  EXPECT_EQ(loop.counts().sleeps, 1u);
  loop.run_once(0ms);
  EXPECT_EQ(memory.settled, 1) << "it was asked already";
}

TEST(EventLoop, DoesNotWaitWhileWorkIsPutOff) {
  EventLoop loop;
  Memory memory;
  loop.poll_with(&memory);
  memory.busy_turns = 3;
  for (int turn = 0; turn < 3; ++turn) loop.run_once(60s);
  EXPECT_EQ(loop.counts().sleeps, 0u);
  EXPECT_EQ(memory.settled, 0);
}

TEST(EventLoop, LooksForAsLongAsItTakesWhenToldTo) {
  EventLoop loop;
  Memory memory;
  loop.poll_with(&memory);
  memory.spinning = true;
  memory.comes_at_look = 20'000;
  loop.run_once(60s);
  EXPECT_EQ(memory.done, 1);
  EXPECT_EQ(loop.counts().sleeps, 0u);
  EXPECT_EQ(memory.settled, 0) << "nobody needs to ring";
}

TEST(EventLoop, DoesNotSleepOnWorkThatCameMeanwhile) {
  EventLoop loop;
  Memory memory;
  loop.poll_with(&memory);
  memory.comes_while_settling = 3;
  loop.run_once(60s);
  EXPECT_EQ(memory.done, 3);
}

// Memory that is never empty, as a guest that floods its ring makes it.
class Flood final : public Poller {
 public:
  bool hot() const override { return true; }
  bool busy() const override { return false; }
  bool spins() const override { return false; }
  std::size_t active(std::chrono::steady_clock::time_point) override { return peers; }
  bool poll() override { return flooded; }
  bool settle() override { return !flooded; }

  std::size_t peers = 1;
  bool flooded = false;
};

TEST(EventLoop, AFloodInMemoryHidesNoDescriptor) {
  for (const std::size_t peers : {std::size_t{1}, std::size_t{1'000'000}}) {  // where it may look first, and where not
    EventLoop loop;
    Flood flood;
    flood.peers = peers;
    loop.poll_with(&flood);
    const UniqueFd fd = ready_fd();
    int calls = 0;
    ASSERT_TRUE(loop.watch(fd.get(), EPOLLIN, [&](std::uint32_t) { ++calls; }));
    for (int turn = 0; turn < 10; ++turn) loop.run_once(60s);  // what comes soon teaches it to look
    flood.flooded = true;
    for (int turn = 0; turn < 100; ++turn) loop.run_once(60s);
    EXPECT_EQ(calls, 110) << peers << " peers";
  }
}

TEST(EventLoop, LooksIntoMemoryWheneverADescriptorIsReady) {
  EventLoop loop;
  Memory memory;
  loop.poll_with(&memory);
  const UniqueFd fd = ready_fd();
  ASSERT_TRUE(loop.watch(fd.get(), EPOLLIN, [&](std::uint32_t) { memory.work = 1; }));
  loop.run_once(60s);
  EXPECT_EQ(memory.done, 1);
}

}  // namespace
}  // namespace vs
