// What each kind's backend should be told, and what to do to get there.
//
// Pure functions, thread-safe. Decisions are part of the desired state: nothing is decided here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "vsmgrd/backends/backends.h"
#include "vsmgrd/model/resource.h"

namespace vs {

using BackendConfigs = std::map<std::string, BackendConfig>;  // by service kind

// One configuration per service kind that is declared: its services and the bindings to them, granted or refused.
BackendConfigs configs_for(const Desired& desired);

struct Deed {
  enum class Verb : std::uint8_t { stop, start, configure } verb;
  std::string kind;
  BackendConfig config;  // of configure
  friend bool operator==(const Deed&, const Deed&) = default;
};

// Lists what turns `status` into `wanted`: stops first, then starts, then configurations that differ. Empty when nothing is to do.
std::vector<Deed> plan(const BackendConfigs& wanted, const std::map<std::string, BackendStatus>& status);

// What is, seen from the desired objects. `homes` maps domain to its directory.
std::vector<Observed> observe(const Desired& desired, const std::map<std::string, BackendStatus>& status,
                              const std::map<std::string, std::string>& homes);

}  // namespace vs
