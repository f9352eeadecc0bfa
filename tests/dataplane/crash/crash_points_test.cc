// Rule S-18: a process killed at any instruction leaves nothing behind in its peer: no descriptor,
// no memory, no session, no call that hangs, no wrong answer.
//
// VS_CRASH_POINTS says how many processes are killed; VS_CRASH_SEED repeats a run.
#include <cstdlib>
#include <iostream>

#include "base/sanitizers.h"
#include "processes.h"
#include "tests/temporary_directory.h"

namespace vs::test {
namespace {

#if VS_ADDRESS_SANITIZER
inline constexpr std::uint64_t kPointsUsual = 400;
inline constexpr std::size_t kSlackKb = 256 << 10;  // freed memory is kept from use
#else
inline constexpr std::uint64_t kPointsUsual = 10'000;
inline constexpr std::size_t kSlackKb = 512;  // of private memory: what an allocator keeps
#endif
inline constexpr std::size_t kRegionKb = 320;  // one region, whether touched or not

std::uint64_t number_from(const char* name, std::uint64_t usual) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

class RuleS18 : public testing::Test {
 protected:
  RuleS18()
      : told_(Told::make()),
        seed_(number_from("VS_CRASH_SEED", std::random_device()())),
        random_(seed_) {
    std::cout << "seed " << seed_ << "\n";
  }
  ~RuleS18() override {
    ::munmap(&told_, sizeof told_);
  }

  std::uint64_t points() const {
    return number_from("VS_CRASH_POINTS", kPointsUsual) / 2;
  }  // of each of two tests

  // Waits for what others bring about; a hang shows as the test's time-out.
  template <class Holds>
  static void wait_until(Holds holds) {
    while (!holds()) ::sched_yield();
  }
  // A random moment: after up to 2 ms, or after some more answers.
  void wait_for_a_moment(const Told::Client& client) {
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::microseconds(random_() % 2000);
    const std::uint64_t answered = client.answered + random_() % 30;
    if (random_() % 2 == 0)
      wait_until([&] { return std::chrono::steady_clock::now() >= until; });
    else
      wait_until([&] { return client.answered >= answered; });
  }
  // The survivor has had `more` answers from now on.
  void survivor_is_answered(std::uint64_t more) {
    const std::uint64_t wanted = told_.survivor.answered + more;
    wait_until([&] { return told_.survivor.answered >= wanted; });
  }

  static void expect_the_same(const Holdings& before, const Holdings& after) {
    EXPECT_EQ(after.descriptors, before.descriptors);
    EXPECT_EQ(after.regions, before.regions);
    EXPECT_EQ(after.sockets, before.sockets);
    EXPECT_LE(after.private_kb, before.private_kb + kSlackKb);
    EXPECT_LE(after.shared_kb, before.shared_kb + kRegionKb);
  }

  Told& told_;
  std::uint64_t seed_;
  std::mt19937_64 random_;
  TemporaryDirectory directory_;
};

TEST_F(RuleS18, ClientsThatAreKilledAnywhereLeaveNothingInTheBackend) {
  const Process backend = start_backend(directory_.path(), told_);
  wait_until([&] { return told_.backend_ready == 1; });
  const Process survivor = start_client(directory_.path(), told_.survivor, random_());
  const auto holdings = [&] {
    survivor_is_answered(100);
    wait_until([&] { return told_.sessions == 1; });
    return Holdings::of(backend.pid(), directory_.path());
  };
  Holdings before;
  for (std::uint64_t point = 0; point < points(); ++point) {
    if (point == points() / 10) before = holdings();  // warm
    Process victim = start_client(directory_.path(), told_.victim, random_());
    wait_for_a_moment(told_.victim);
    victim.end();
  }
  expect_the_same(before, holdings());
  EXPECT_EQ(before.regions, 1u);
  EXPECT_EQ(told_.survivor.wrong + told_.victim.wrong, 0u);
  EXPECT_EQ(told_.survivor.failed + told_.victim.failed, 0u);
}

TEST_F(RuleS18, BackendsThatAreKilledAnywhereAreNotNoticedByTheirClient) {
  const Process survivor = start_client(directory_.path(), told_.survivor, random_());
  Holdings before;
  for (std::uint64_t point = 0; point < points(); ++point) {
    Process backend = start_backend(directory_.path(), told_);
    if (point == points() / 10) {  // warm
      survivor_is_answered(100);
      before = Holdings::of(survivor.pid(), directory_.path());
    }
    wait_for_a_moment(told_.survivor);
  }
  const Process last = start_backend(directory_.path(), told_);
  survivor_is_answered(100);
  expect_the_same(before, Holdings::of(survivor.pid(), directory_.path()));
  EXPECT_EQ(before.regions, 1u);
  EXPECT_EQ(told_.survivor.wrong, 0u);
  EXPECT_EQ(told_.survivor.failed, 0u);
}

}  // namespace
}  // namespace vs::test
