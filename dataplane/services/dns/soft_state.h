// Answers that are kept for one domain, on their way to the node that serves it next: JSON, as text of limited size.
//
//   {"asOfMs": MILLISECONDS SINCE 1970, "entries": [{"name": "a.test", "type": "a", "result": "found", "leftMs": 9000,
//                                                    "canonical": "b.test", "addresses": ["10.1.2.3"], "names": []}]}
//
// What is not there is empty. They go on ageing meanwhile, by the clocks of the two nodes. Pure; thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "dataplane/services/dns/cache.h"

namespace vs::dns {

inline constexpr std::size_t kStateEntriesMax = 512;  // of one domain, those used last: more would hold the loop up

using WallTime = std::chrono::system_clock::time_point;

// The first of them that fit, in their order. Names that are none of a host are left out.
nlohmann::json encode_state(const std::vector<Cache::Kept>& kept, WallTime as_of, std::size_t bytes_max);

struct DecodedState {
  std::vector<Cache::Kept> kept;
  std::uint64_t refused = 0;  // entries that are none, or outdated
};
// What it says, whoever wrote it: of a state that is none nothing, and one refused.
DecodedState decode_state(const nlohmann::json& state, WallTime now);

}  // namespace vs::dns
