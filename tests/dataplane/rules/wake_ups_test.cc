// Rule S-19: no wake-up is lost, whatever the scheduler does. Sleeps have no time-out: a lost one
// hangs the test. tests/model/ring.pml proves the protocol; this is the code.
//
// VS_WAKE_UP_MESSAGES says how many messages are sent.
#include <sched.h>

#include <cerrno>
#include <cstdlib>
#include <random>
#include <semaphore>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/dataplane/ring/heap_ring.h"

namespace vs::test {
namespace {

inline constexpr std::uint64_t kMessagesUsual = 300'000;

std::uint64_t messages() {
  const char* text = std::getenv("VS_WAKE_UP_MESSAGES");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : kMessagesUsual;
}

// Gives the core away, or moves to another one, now and then.
class Unrest {
 public:
  explicit Unrest(std::uint64_t seed) : random_(seed) {
    ::sched_getaffinity(0, sizeof all_, &all_);
  }
  void stir() {
    const std::uint64_t what = random_() % 4096;
    if (what < 64) ::sched_yield();
    if (what != 64) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = static_cast<int>(random_() % CPU_SETSIZE);; cpu = (cpu + 1) % CPU_SETSIZE)
      if (CPU_ISSET(cpu, &all_)) {
        CPU_SET(cpu, &one);
        break;
      }
    ::sched_setaffinity(0, sizeof one, &one);
  }
  std::uint64_t random() { return random_(); }

 private:
  std::mt19937_64 random_;
  cpu_set_t all_{};
};

TEST(RuleS19, NoWakeUpIsLostUnderAnUnrestfulScheduler) {
  const std::uint64_t count = messages();
  ASSERT_GT(count, 0u);
  HeapRegion region(kSmall);
  std::counting_semaphore<> data_bell(0);
  std::counting_semaphore<> space_bell(0);
  std::thread producing([&] {  // the library's side
    Unrest unrest(1);
    vs_producer producer = region.c_producer();
    std::vector<std::byte> payload(496);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::size_t bytes = unrest.random() % 16 == 0 ? unrest.random() % 480 : 8;
      for (;;) {
        unrest.stir();
        if (vs_producer_push(&producer, VS_RECORD_SERVICE, i, payload.data(), bytes, nullptr, 0) ==
            1)
          break;
        if (vs_producer_publish(&producer)) data_bell.release();
        unrest.stir();
        if (vs_producer_ask(&producer, bytes) == 1) space_bell.acquire();
      }
      if (unrest.random() % 2 == 0 && vs_producer_publish(&producer)) data_bell.release();
    }
    if (vs_producer_publish(&producer)) data_bell.release();
  });
  Unrest unrest(2);
  RingConsumer consumer = region.consumer();
  std::vector<std::byte> into(consumer.payload_bytes_max());
  for (std::uint64_t expected = 0; expected < count;) {
    unrest.stir();
    const auto taken = consumer.take(into);
    ASSERT_TRUE(taken);
    if (*taken) {
      ASSERT_EQ((*taken)->cookie, expected++);
      if (unrest.random() % 4 == 0 && consumer.release()) space_bell.release();
      continue;
    }
    if (consumer.release()) space_bell.release();
    unrest.stir();
    if (consumer.ask_for_data()) data_bell.acquire();
  }
  if (consumer.release()) space_bell.release();
  producing.join();
}

}  // namespace
}  // namespace vs::test
