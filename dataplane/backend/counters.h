// What is counted for one binding, and how it is shown.
//
// Owned by the loop's thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/sample.h"
#include "dataplane/abi/ring.h"
#include "dataplane/backend/latency_histogram.h"

namespace vs {

struct BindingCounters {
  std::uint64_t sessions_opened = 0;
  std::uint64_t sessions_live = 0;
  std::uint64_t sessions_exhausted = 0;  // opens refused by a limit
  std::uint64_t sessions_renewed = 0;    // went on in another region
  std::uint64_t sessions_not_renewed = 0;  // ended because they did not
  std::uint64_t opens_refused = 0;       // opens refused by policy
  std::uint64_t hellos_bad = 0;          // connections that did not speak the protocol
  std::uint64_t requests = 0;
  std::uint64_t requests_held = 0;       // times a session reached its limit of unanswered requests
  std::uint64_t requests_throttled = 0;  // times a session had to wait for the binding's rate
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;      // through the ring
  std::uint64_t frames = 0;              // answers that the guest reads in place
  std::uint64_t frame_bytes = 0;
  std::uint64_t memory_exhausted = 0;    // opens refused because the domain's memory is used up
  std::uint64_t doorbells_received = 0;
  std::uint64_t doorbells_in_vain = 0;   // of those: nothing had come
  std::uint64_t doorbell_pauses = 0;     // times a session's doorbell was not heard for a while because of those
  std::uint64_t doorbells_sent = 0;
  std::uint64_t doorbells_suppressed = 0;
  std::uint64_t freezes = 0;             // times it was frozen, to go to another node
  std::uint64_t opens_frozen = 0;        // opens sent away meanwhile
  std::uint64_t requests_drained = 0;    // of those that were on their way when it was: answered in time
  std::uint64_t requests_undrained = 0;  // and not answered
  std::uint64_t answers_late = 0;        // that came after that, and were not given
  std::array<std::uint64_t, VS_STATUS_TOO_LARGE + 1> answers{};     // by vs_status
  std::array<std::uint64_t, VS_BROKEN_LAST + 1> broken{};           // sessions, by vs_broken
  // Since the tuner looked last, in bytes.
  struct Peaks {
    bool watched = false;  // there is a tuner
    std::uint32_t request_waiting = 0;
    std::uint32_t response_waiting = 0;
    std::uint32_t request_record = 0;
    std::uint32_t response_record = 0;  // also one that was too large for the ring
  } peaks;
  LatencyHistogram queue;                // seen in the ring to taken
  LatencyHistogram service;              // taken to answered
  LatencyHistogram total;                // seen to answered

  // Whether anybody ever opened it, or tried to.
  [[nodiscard]] bool used() const {
    return sessions_opened + sessions_exhausted + opens_refused + opens_frozen + hellos_bad + memory_exhausted != 0;
  }
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
