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
#include "vsmgrd/placement/plan.h"
#include "vsmgrd/reconciler/owners.h"

namespace vs {

using BackendConfigs = std::map<std::string, BackendConfig>;  // by service kind

// The domUs that can be served: their domids, by the names of their Domain objects.
using Domids = std::map<std::string, std::uint32_t>;

// The engines that this node has, by name, each as a backend is told of it (vsmgrd/config/options.h).
struct Engines {
  std::string node;  // what other nodes know us by
  std::map<std::string, nlohmann::json> by_name;
};

// One configuration per service kind that is declared: its services and the bindings to them, granted or refused. Bindings of a
// domU that does not run are in none, nor are those that another node owns, or that are in doubt. `placement` says which loops serve whom, and where; nullptr: nothing is placed.
BackendConfigs configs_for(const Desired& desired, const Domids& domids = {}, const Engines& engines = {},
                           const PlacementPlan* placement = nullptr, const Owners& owners = {});

struct Deed {
  enum class Verb : std::uint8_t { stop, start, configure } verb;
  std::string kind;
  BackendConfig config;  // of configure
  friend bool operator==(const Deed&, const Deed&) = default;
};

// Lists what turns `status` into `wanted`: stops first, then starts, then configurations that differ. Empty when nothing is to do.
std::vector<Deed> plan(const BackendConfigs& wanted, const std::map<std::string, BackendStatus>& status);

// What is, seen from the desired objects. `homes` maps domain to its directory; `hypervisor_trouble` says why there are no domUs.
std::vector<Observed> observe(const Desired& desired, const std::map<std::string, BackendStatus>& status,
                              const std::map<std::string, std::string>& homes, const Domids& domids = {},
                              const std::string& hypervisor_trouble = {}, const Engines& engines = {},
                              const PlacementPlan* placement = nullptr, const Owners& owners = {});

}  // namespace vs
