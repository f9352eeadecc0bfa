#include "dataplane/services/dns/latencies.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace vs::dns {

std::size_t Latencies::magnitude_of(std::chrono::nanoseconds latency) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 1));
  return static_cast<std::size_t>(std::bit_width(ns) - 1) / 2;
}

void Latencies::record(std::chrono::nanoseconds latency, std::string_view domain) {
  Magnitude& magnitude = magnitudes_.at(magnitude_of(latency));
  const Recorded recorded{latency, std::hash<std::string_view>{}(domain)};
  if (magnitude.latest.size() < kLatenciesMax) {
    magnitude.latest.push_back(recorded);
  } else {
    magnitude.latest[magnitude.next] = recorded;
    magnitude.next = (magnitude.next + 1) % kLatenciesMax;
  }
}

std::chrono::nanoseconds Latencies::draw(std::chrono::nanoseconds like, std::uint64_t random, std::string_view domain) const {
  const auto& latest = magnitudes_.at(magnitude_of(like)).latest;
  const auto of_others = [hash = std::hash<std::string_view>{}(domain)](const Recorded& one) { return one.domain != hash; };
  const auto others = static_cast<std::uint64_t>(std::count_if(latest.begin(), latest.end(), of_others));
  if (others == 0) return like;
  std::uint64_t skip = random % others;
  for (const Recorded& one : latest)
    if (of_others(one) && skip-- == 0) return one.latency;
  return like;
}

}  // namespace vs::dns
