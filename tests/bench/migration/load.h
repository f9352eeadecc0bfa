// A load by the clock: what is due is asked for at its time, or as soon as it can be, and counts from when it was due.
//
// Times are nanoseconds of CLOCK_MONOTONIC, which all processes of the machine share. A load ends when standard input does.
#pragma once

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vs::bench {

inline constexpr int kPatienceMs = 60'000;  // of a program with what it asks for: longer than any move
inline constexpr std::int64_t kTickNs = 1'000'000;
inline constexpr std::size_t kAddresses = 200;  // hN.bench.example has the address 198.51.100.N

inline std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

inline void sleep_until(std::int64_t due) {
  const timespec at{.tv_sec = due / 1'000'000'000, .tv_nsec = due % 1'000'000'000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) != 0) {
  }
}

inline bool told_to_end() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, 0) == 1;
}

inline void check(bool fine, const std::string& doing) {
  if (fine) return;
  std::fprintf(stderr, "bench_migration: %s\n", doing.c_str());
  std::_Exit(1);
}

inline void say(const char* word) {
  std::puts(word);
  std::fflush(stdout);
}

// How late the slowest of what was due in a tick was.
struct Late {
  std::int64_t due;
  std::int64_t late;
};

inline void print(const std::vector<Late>& all) {
  for (const Late& one : all) std::printf("%lld %lld\n", static_cast<long long>(one.due), static_cast<long long>(one.late));
}

// What a resolver says of address `number`'s name.
enum class Found { right, wrong, missing };
using Lookup = std::function<Found(std::size_t number)>;
Lookup through_devices(const std::vector<std::string>& devices);  // libvservice, the devices in turn
Lookup through_glibc();                                           // getaddrinfo
int run_lookups(const Lookup& lookup);

struct Received {
  std::uint64_t number;
  bool again;  // marked as perhaps published before
};
// Those who publish and receive are two threads. What goes wrong for good ends the program.
class Bus {
 public:
  virtual ~Bus() = default;
  // Publishes the events first .. first + count - 1; returns when they are on their way.
  virtual void publish(std::uint64_t first, std::size_t count) = 0;
  // Returns when everything published is accepted; false: something was refused.
  virtual bool flush() = 0;
  // The next event; nullopt: none came for a while. Adds what the peer itself says is lost to `missed`.
  virtual std::optional<Received> receive(std::uint64_t& missed) = 0;
};
std::unique_ptr<Bus> bus_of_devices(const std::vector<std::string>& devices);  // the last one receives
std::unique_ptr<Bus> bus_of_nats(const std::vector<std::string>& urls);
// So many in each tick.
int run_events(Bus& bus, std::size_t count);

}  // namespace vs::bench
