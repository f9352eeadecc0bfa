// Where this node's bindings are placed: the machine, what is kept from us, and what was planned last.
//
// Thread-safe: the reconciler plans and adopts, the store asks whether a change fits, the API shows.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
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
// With mode auto made what the planner knows: one CPU, shared, on the side that was chosen for its unit.
std::map<std::string, PlacementWish> resolve_auto(std::map<std::string, PlacementWish> wishes, const std::map<UnitKey, CoreSide>& sides);
// The unit of a wish.
UnitKey unit_of(const PlacementWish& wish);
// Whether the bindings of a service kind can be placed.
bool can_be_placed(std::string_view service_kind);

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

  // What of a change does not fit on this node, one problem each: what it brings, and what it would drive out. Nothing of what did
  // not fit before.
  [[nodiscard]] std::vector<Problem> misfits(const Desired& before, const Desired& next) const;

  // All there is to show (schemas/openapi.yaml, NodePlacement): the CPUs, and what each binding wishes, is given by a plan made now,
  // and has.
  [[nodiscard]] nlohmann::json show(const Desired& desired, const ByName<Observed>& bindings) const;

  [[nodiscard]] Topology topology() const;
  [[nodiscard]] CpuSet allowed() const;

 private:
  struct State {
    Topology topology;
    CpuSet allowed;
    std::map<UnitKey, PlacedUnit> units;
    std::map<std::string, CpuSet> guests;
    std::map<UnitKey, CoreSide> sides;
  };
  [[nodiscard]] PlacementInput input(const Desired& desired) const;

  MachineFacts facts_;
  bool reads_machine_ = false;
  Guarded<State> state_;
};

}  // namespace vs
