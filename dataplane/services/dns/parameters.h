// What a dns service is told: its nameservers and its patience.
//
// Pure; thread-safe. Errors: invalid, naming the parameter.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace vs::dns {

struct Parameters {
  std::string nameservers;                  // "ADDRESS:PORT,..."; empty: those of the node's /etc/resolv.conf
  std::chrono::milliseconds timeout{2000};  // per try
  std::uint32_t tries = 3;
  friend bool operator==(const Parameters&, const Parameters&) = default;
};

// From {"nameservers": ["127.0.0.1:53"], "timeoutMs": 2000, "tries": 3}; each may be missing.
Result<Parameters> parse_parameters(const nlohmann::json& from);

}  // namespace vs::dns
