// What a binding gets of the data plane: how large its rings are, how its two sides wait, how often it may ask, and what was
// promised to it.
//
// Values and pure functions, thread-safe. Names are those of policy files and of the REST API.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vs::control {

// What a side does when its ring is empty. The numbers are those of vs_wait_mode (abi/region.h).
enum class WaitMode : std::uint8_t {
  adaptive = 0,  // looks for a while when that pays and takes no core from anybody, then sleeps
  spin = 1,      // always looks: the lowest latency, and a core
  block = 2,     // always sleeps: the least CPU time
  timer = 3      // sleeps until `batch_messages` wait, or the first of them for `batch_us`
};
std::string_view name_of(WaitMode mode);
std::optional<WaitMode> wait_mode_named(std::string_view name);

// Whether the backend itself chooses rings and wait mode, and for what.
enum class Tune : std::uint8_t { off, latency, throughput };
std::string_view name_of(Tune tune);
std::optional<Tune> tune_named(std::string_view name);

// Strict: a class is served when none above it has work; the lowest keeps a floor.
enum class Priority : std::uint8_t { control, deadline, normal, bulk };
inline constexpr std::size_t kPriorities = 4;
std::string_view name_of(Priority priority);
std::optional<Priority> priority_named(std::string_view name);

// How far a promise goes; when there is too much to do, the lowest gives way first.
enum class Guarantee : std::uint8_t { best_effort, burstable, guaranteed };
inline constexpr std::size_t kGuarantees = 3;
std::string_view name_of(Guarantee guarantee);  // "bestEffort", ...
std::optional<Guarantee> guarantee_named(std::string_view name);

// In which class of the scheduler requests are: what is guaranteed is served as `deadline` at least, best effort is `bulk`.
Priority rank_of(Guarantee guarantee, Priority priority);

// What is judged of each request, or of what it delivers. 0: not promised.
struct Promise {
  std::uint64_t p50_us = 0;  // from seeing a request in the ring to its answer
  std::uint64_t p99_us = 0;
  std::uint64_t p999_us = 0;
  std::uint64_t rate_per_s = 0;  // beyond it latency is not judged
  std::uint64_t freshness_ms = 0;
  bool loss = false;
  bool availability = false;
  // By when a request is to be answered: what orders them within a class of the scheduler. 0: nothing was said.
  [[nodiscard]] std::uint64_t deadline_us() const { return p99_us != 0 ? p99_us : p999_us != 0 ? p999_us : p50_us; }
  friend bool operator==(const Promise&, const Promise&) = default;
};

inline constexpr std::size_t kContentClassesMax = 16;

// Requests of a binding that are of a class of their own.
struct ContentClass {
  std::string name;
  std::string when;  // over filter::request_names() of the service's kind
  Priority priority = Priority::normal;
  Promise promise;
  friend bool operator==(const ContentClass&, const ContentClass&) = default;
};

struct Terms {
  Tune tune = Tune::off;  // else `wait` and the sizes are where it begins
  WaitMode wait = WaitMode::adaptive;
  std::uint32_t batch_messages = 16;  // of `timer`
  std::uint32_t batch_us = 50;        // of `timer`
  std::uint32_t request_bytes = 32 << 10;    // of the ring; a power of two, 4 KiB .. 64 MiB; a request is at most an eighth
  std::uint32_t response_bytes = 256 << 10;  // the same, for answers
  Priority priority = Priority::normal;
  std::uint64_t rate_per_s = 0;  // requests; 0: no limit
  std::uint64_t burst = 1;       // requests at once after a rest
  std::uint64_t memory_bytes_max = std::uint64_t{128} << 20;  // shared with all sessions of the domain in this backend
  Guarantee guarantee = Guarantee::burstable;
  Promise promise;                            // of requests that are of none of these:
  std::vector<ContentClass> content_classes;  // the first whose `when` holds; at most kContentClassesMax
  friend bool operator==(const Terms&, const Terms&) = default;
};

inline constexpr std::uint32_t kRingBytesMin = 4 << 10;
inline constexpr std::uint32_t kRingBytesMax = 64 << 20;
constexpr bool is_ring_size(std::uint32_t bytes) {
  return bytes >= kRingBytesMin && bytes <= kRingBytesMax && (bytes & (bytes - 1)) == 0;
}

}  // namespace vs::control
