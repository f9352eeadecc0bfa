// What is counted of the requests of one content class, and held against what was promised of them.
//
// An objective is judged request by request (of freshness and loss: also event by event); vsmgrd computes from the two counts of
// each whether it is kept. Owned by the loop's thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sample.h"
#include "dataplane/abi/ring.h"
#include "dataplane/backend/latency_histogram.h"
#include "dataplane/backend/token_bucket.h"
#include "dataplane/control/terms.h"
#include "dataplane/services/service.h"

namespace vs {

// The class of requests that are of none: no content class can be called so.
inline constexpr std::string_view kOtherRequests = "*";

enum class Objective : std::uint8_t { p50, p99, p999, loss, availability, freshness };
inline constexpr std::size_t kObjectives = 6;
std::string_view name_of(Objective objective);  // "p50", "p99", "p99.9", "loss", ...

// Whether an answer of that status is one at all, and no failure of the service.
constexpr bool is_failure(vs_status status) {
  return status == VS_STATUS_UNAVAILABLE || status == VS_STATUS_INTERNAL || status == VS_STATUS_EXHAUSTED;
}

class ClassMeter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  struct Judged {
    std::uint64_t all = 0;
    std::uint64_t missed = 0;
  };

  ClassMeter(std::string name, control::Priority rank, const control::Promise& promise, TimePoint now);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] control::Priority rank() const { return rank_; }
  [[nodiscard]] const control::Promise& promise() const { return promise_; }

  // `waits`: it was answered when something happened (Service::waits).
  void answered(vs_status status, std::chrono::nanoseconds total, bool waits, TimePoint now);
  void delivered(const Delivery& delivery);
  void shed() { ++shed_; }

  [[nodiscard]] bool promises(Objective objective) const;
  [[nodiscard]] const Judged& judged(Objective objective) const { return judged_[static_cast<std::size_t>(objective)]; }
  [[nodiscard]] std::uint64_t requests() const { return requests_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] std::uint64_t sheds() const { return shed_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] std::uint64_t events_lost() const { return events_lost_; }
  [[nodiscard]] const LatencyHistogram& total() const { return total_; }
  [[nodiscard]] const LatencyHistogram& age() const { return age_; }

 private:
  void judge(Objective objective, std::uint64_t all, std::uint64_t missed);

  std::string name_;
  control::Priority rank_;
  control::Promise promise_;
  TokenBucket promised_rate_;
  std::array<Judged, kObjectives> judged_{};
  std::uint64_t requests_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t shed_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t events_lost_ = 0;
  LatencyHistogram total_;  // of requests that do not wait
  LatencyHistogram age_;    // of the oldest of each delivery
};

// Samples of one class; `labels` are those of its binding.
void append_samples(std::vector<Sample>& to, const ClassMeter& meter,
                    const std::vector<std::pair<std::string, std::string>>& labels);

}  // namespace vs
