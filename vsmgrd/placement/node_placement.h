// Where this node's bindings and the vCPUs of its domUs are placed: the machine, what is kept from us, and what was planned last.
//
// Thread-safe: the reconciler plans and adopts, the store asks whether a change fits, the API shows.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/guarded.h"
#include "base/result.h"
#include "vsmgrd/model/resource.h"
#include "vsmgrd/placement/plan.h"

namespace vs {

struct MachineFacts {
  std::filesystem::path devices = "/sys/devices";
  CpuSet reserved;
  std::uint32_t backend_loops = 0;  // of the backends; 0: one for each CPU
};

// The wishes of all bindings, by name; those of kinds that cannot be placed are left out.
std::map<std::string, PlacementWish> wishes_of(const Desired& desired);
// Where the vCPUs of domains that are domUs wish to run, by name.
std::map<std::string, Placement> vcpus_of(const Desired& desired);
// With mode auto made what the planner knows: one CPU, shared, on the side that was chosen for its unit.
std::map<std::string, PlacementWish> resolve_auto(std::map<std::string, PlacementWish> wishes, const std::map<UnitKey, CoreSide>& sides);
// The unit of a wish.
UnitKey unit_of(const PlacementWish& wish);
// Whether the bindings of a service kind can be placed.
bool can_be_placed(std::string_view service_kind);

// The machine below this domain, where that is a control domain's.
struct HostMachine {
  Topology topology;  // of the machine's own CPUs
  bool same = false;  // each CPU of this domain is the machine's of the same number, and stays there
  std::map<std::string, CpuSet> pools;         // cpupools, by name
  std::string first_pool;                      // that guests are started in
  std::map<std::string, std::string> guests;   // the cpupool of each guest that runs, by its name and by its UUID in lower case
  friend bool operator==(const HostMachine&, const HostMachine&) = default;
};

class NodePlacement {
 public:
  // Errors: those of read_topology.
  static Result<std::unique_ptr<NodePlacement>> open(MachineFacts facts);
  // For tests: a machine that stays as it is.
  NodePlacement(MachineFacts facts, Topology topology, CpuSet allowed);

  // Looks at the machine again; true when it is another than before. One that cannot be read stays as it was.
  bool refresh();

  // What all of `desired` gets, moving as little as possible of what was adopted last.
  [[nodiscard]] PlacementPlan plan(const Desired& desired) const;
  void adopt(std::map<UnitKey, PlacedUnit> units);
  // Of units in mode auto; those that are not named are on another core than their guest.
  void choose_sides(std::map<UnitKey, CoreSide> sides);
  void see_guests(std::map<std::string, CpuSet> guests);
  // nullopt: this domain has the machine to itself.
  void see_host(std::optional<HostMachine> host);

  // What of a change does not fit on this node, one problem each: what it brings, and what it would drive out; where it is to be placed,
  // and what it is guaranteed. Nothing of what did not fit before.
  [[nodiscard]] std::vector<Problem> misfits(const Desired& before, const Desired& next) const;

  // All there is to show (schemas/openapi.yaml, NodePlacement): the CPUs, and what each binding and domU wishes, is given by a plan made
  // now, and has.
  [[nodiscard]] nlohmann::json show(const Desired& desired, const ByName<Observed>& bindings, const ByName<Observed>& domains) const;

  [[nodiscard]] Topology topology() const;
  [[nodiscard]] CpuSet allowed() const;
  // Of each backend, that are not placed.
  [[nodiscard]] std::uint32_t backend_loops() const;

 private:
  struct State {
    Topology topology;
    CpuSet allowed;
    std::map<UnitKey, PlacedUnit> units;
    std::map<std::string, CpuSet> guests;
    std::map<UnitKey, CoreSide> sides;
    std::optional<HostMachine> host;
  };
  // One for all; or one for the bindings, and one for vCPUs, which run on other CPUs than this domain counts.
  struct Inputs {
    PlacementInput bindings;
    std::optional<PlacementInput> vcpus;
  };
  [[nodiscard]] Inputs inputs(const Desired& desired) const;
  static PlacementPlan plan(const Inputs& inputs);

  MachineFacts facts_;
  bool reads_machine_ = false;
  Guarded<State> state_;
};

}  // namespace vs
