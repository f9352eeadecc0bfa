// What a dns service is told: its nameservers, its patience, and what it keeps.
//
// Pure; thread-safe. Errors: invalid, naming the parameter.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "dataplane/services/dns/cache.h"

namespace vs::dns {

struct Parameters {
  std::string nameservers;                  // "ADDRESS:PORT,..."; empty: those of the node's /etc/resolv.conf
  std::chrono::milliseconds timeout{2000};  // per try
  std::uint32_t tries = 3;
  CacheTerms cache{};
  friend bool operator==(const Parameters&, const Parameters&) = default;
};

// From {"nameservers": ["127.0.0.1:53"], "timeoutMs": 2000, "tries": 3, "cache": {"ttlMinMs": 0, "ttlMaxMs": 3600000,
// "negativeTtlMaxMs": 900000, "failureTtlMs": 1000, "staleMaxMs": 3600000, "staleAfterMs": 1800, "prefetchHits": 2,
// "guestEntriesMax": 4096, "guestBytesMax": 4194304, "bytesMax": 67108864}}; each may be missing.
Result<Parameters> parse_parameters(const nlohmann::json& from);

}  // namespace vs::dns
