// What is counted for one binding, and how it is shown.
//
// Owned by the loop's thread. Durations are kept in microseconds, in buckets that double: 1 us .. 8 s.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/sample.h"
#include "dataplane/abi/ring.h"

namespace vs {

class DurationHistogram {
 public:
  static constexpr std::size_t kBuckets = 24;  // the last has no upper bound

  void record(std::chrono::nanoseconds duration);
  [[nodiscard]] Sample sample(std::string name, std::string help) const;

 private:
  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::chrono::nanoseconds sum_{};
};

struct BindingCounters {
  std::uint64_t sessions_opened = 0;
  std::uint64_t sessions_live = 0;
  std::uint64_t sessions_exhausted = 0;  // opens refused by a limit
  std::uint64_t opens_refused = 0;       // opens refused by policy
  std::uint64_t hellos_bad = 0;          // connections that did not speak the protocol
  std::uint64_t requests = 0;
  std::uint64_t requests_held = 0;       // times a session reached its limit of unanswered requests
  std::uint64_t doorbells_received = 0;
  std::uint64_t doorbells_sent = 0;
  std::uint64_t doorbells_suppressed = 0;
  std::array<std::uint64_t, VS_STATUS_TOO_LARGE + 1> answers{};     // by vs_status
  std::array<std::uint64_t, VS_BROKEN_PAYLOAD + 1> broken{};        // sessions, by vs_broken
  DurationHistogram duration;            // taken from the ring to answered
};

// How the loop waited.
void append_samples(std::vector<Sample>& to, const LoopCounts& counts,
                    const std::vector<std::pair<std::string, std::string>>& labels);

// Samples of one binding, labelled binding, domain and service.
void append_samples(std::vector<Sample>& to, const BindingCounters& counters,
                    const std::vector<std::pair<std::string, std::string>>& labels);

std::string_view name_of(vs_status status);
std::string_view name_of(vs_broken why);

}  // namespace vs
