#include "dataplane/backend/tuner.h"

#include <algorithm>
#include <bit>

#include "dataplane/abi/ring.h"

namespace vs {
namespace {

using control::Terms;
using control::Tune;
using control::WaitMode;

constexpr int kAgree = 2;           // windows in a row before anything changes
constexpr int kShrinkWindows = 20;  // that a ring was nearly empty
constexpr int kCoresToSpin = 3;     // one is the backend's, one the guest's, one everybody else's
constexpr double kSpinAbove = 20'000;  // requests a second for which a core may be kept busy
constexpr double kSpinBelow = 5'000;

// A ring should hold what waited in it four times over for throughput, twice for latency; and eight of its largest record, or no
// such record goes through it.
std::uint32_t ring_for(Tune tune, std::uint32_t peak, std::uint32_t record_max) {
  const std::uint64_t room = std::uint64_t{peak} * (tune == Tune::throughput ? 4 : 2);
  const std::uint64_t wanted = std::clamp<std::uint64_t>(room, kTunedRingMin, kTunedRingMax);
  const std::uint64_t least = std::uint64_t{record_max} * VS_RECORD_PART_OF_RING;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(std::bit_ceil(std::max(wanted, least)), control::kRingBytesMax));
}

// `wanted`, as soon as it is more; less when `may_shrink`, by half.
std::uint32_t next_size(std::uint32_t current, std::uint32_t wanted, bool may_shrink) {
  if (wanted > current) return wanted;
  return may_shrink && wanted <= current / 2 ? current / 2 : current;
}

WaitMode wait_for(const Terms& current, const TunerWindow& window) {
  const bool spins = current.wait == WaitMode::spin;
  const bool busy = window.requests_per_s > (spins ? kSpinBelow : kSpinAbove);
  if (current.tune == Tune::latency && window.cores >= kCoresToSpin && busy) return WaitMode::spin;
  return WaitMode::adaptive;
}

std::string kib(std::uint32_t bytes) { return std::to_string(bytes >> 10) + " KiB"; }

}  // namespace

std::optional<Terms> Tuner::look(const Terms& current, const TunerWindow& window) {
  const std::uint32_t request = ring_for(current.tune, window.request_bytes_peak, window.request_record_max);
  const std::uint32_t response = ring_for(current.tune, window.response_bytes_peak, window.response_record_max);
  const WaitMode wait = wait_for(current, window);
  const bool larger = request > current.request_bytes || response > current.response_bytes;
  const bool smaller = window.requests_per_s > 0 && (request <= current.request_bytes / 2 || response <= current.response_bytes / 2);
  grow_ = larger ? grow_ + 1 : 0;
  shrink_ = smaller ? shrink_ + 1 : 0;
  wait_ = wait != current.wait ? wait_ + 1 : 0;
  if (grow_ < kAgree && shrink_ < kShrinkWindows && wait_ < kAgree) return std::nullopt;
  Terms next = current;
  next.request_bytes = next_size(current.request_bytes, grow_ >= kAgree ? request : current.request_bytes, false);
  next.response_bytes = next_size(current.response_bytes, grow_ >= kAgree ? response : current.response_bytes, false);
  if (shrink_ >= kShrinkWindows) {
    next.request_bytes = next_size(next.request_bytes, request, true);
    next.response_bytes = next_size(next.response_bytes, response, true);
  }
  if (wait_ >= kAgree) next.wait = wait;
  if (next == current) return std::nullopt;
  grow_ = shrink_ = wait_ = 0;
  ++changes_;
  why_ = "for " + std::string(name_of(current.tune)) + ": rings of " + kib(next.request_bytes) + " and " + kib(next.response_bytes) + ", for at most " +
         std::to_string(window.request_bytes_peak) + " and " + std::to_string(window.response_bytes_peak) +
         " bytes waited in them, and the largest records have " + std::to_string(window.request_record_max) + " and " +
         std::to_string(window.response_record_max) + "; " + std::string(name_of(next.wait)) + " at " +
         std::to_string(static_cast<long>(window.requests_per_s)) + " requests a second and " + std::to_string(window.cores) +
         (window.cores == 1 ? " core" : " cores");
  return next;
}

}  // namespace vs
