#include "dataplane/services/dns/latencies.h"

#include <algorithm>
#include <bit>

namespace vs::dns {

std::size_t Latencies::magnitude_of(std::chrono::nanoseconds latency) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 1));
  return static_cast<std::size_t>(std::bit_width(ns) - 1) / 2;
}

void Latencies::record(std::chrono::nanoseconds latency) {
  Magnitude& magnitude = magnitudes_.at(magnitude_of(latency));
  if (magnitude.latest.size() < kLatenciesMax) {
    magnitude.latest.push_back(latency);
  } else {
    magnitude.latest[magnitude.next] = latency;
    magnitude.next = (magnitude.next + 1) % kLatenciesMax;
  }
}

std::chrono::nanoseconds Latencies::draw(std::chrono::nanoseconds like, std::uint64_t random) const {
  const auto& latest = magnitudes_.at(magnitude_of(like)).latest;
  return latest.empty() ? like : latest[random % latest.size()];
}

}  // namespace vs::dns
