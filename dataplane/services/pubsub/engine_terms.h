// What a service shares with other nodes, and by what engine: its parameters, as vsmgrd sends them. Where servers are and what proves who
// we are stands in vsmgrd's own configuration, never in what its API was given.
//
// Value. Errors: invalid, naming the parameter; not_found, for an engine that this node has not.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace vs::pubsub {

inline constexpr std::size_t kSharedPatternsMax = 64;

struct EngineTerms {
  std::string service;
  std::string node;
  std::string engine;  // its name; empty: the embedded one
  std::string kind;    // nats, mqtt
  std::vector<std::string> servers;  // nats://HOST:PORT, tls://..., mqtt://..., mqtts://...
  std::string ca, certificate, key;  // PEM texts
  std::string user, password, token;
  std::string credentials;  // text of a NATS credentials file
  std::string prefix;
  std::vector<std::string> shared;         // patterns
  std::vector<std::string> at_least_once;  // of those, patterns
  friend bool operator==(const EngineTerms&, const EngineTerms&) = default;

  // {} or {"node", "engine": {"name", "kind", "servers", ...}, "prefix", "shared", "atLeastOnce"}
  static Result<EngineTerms> parse(const std::string& service, const nlohmann::json& from);
};

}  // namespace vs::pubsub
