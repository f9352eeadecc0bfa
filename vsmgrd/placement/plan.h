// Which CPUs serve which binding, and by which loop of its backend; and, on Xen, which CPUs the vCPUs of which domU run on.
//
// A pure function of the machine, what is kept from us, what all bindings wish, and what was planned before: the order in which
// wishes are given says nothing, and a wish that stays keeps what it has. What is placed is a *unit*: everything that is served by one
// thread, a domain's bindings to one kind of service, or all bindings of a kind that has one loop; or the vCPUs of one domU, which come
// first among their like, as loops want to be near them or not. Thread-safe.
//
// CPUs are of one of these classes: reserved (for the rest of the node), isolated (from the kernel's scheduler: only for a wish that
// is exclusive and names them), exclusive (to one unit), or the shared pool, which is never empty.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/placement/auto_core.h"
#include "vsmgrd/placement/topology.h"

namespace vs {

inline constexpr const char* kVcpus = "vcpus";  // kind of the units that are vCPUs; no service has it
inline constexpr std::uint32_t kBackendLoopsMax = 256;  // of one backend, those that are not placed included

// Why a wish is not met.
enum class Misfit : std::uint8_t {
  none,
  absent,            // the machine has no such CPU
  offline,
  forbidden,         // the machine has it, and vsmgrd may not use it (cgroup, affinity); or it is of another cpupool
  reserved_overlap,
  isolated,
  taken,             // it is another unit's alone; or is to be, and others have it
  smt_alignment,     // fullCores, and these are no whole cores
  llc_full,
  numa_full,
  guest_overlap,     // apartFromGuest, and these are the guest's cores; or would be
  guest_elsewhere,   // sameCoreAsGuest, and none of the guest's cores is free
  exhausted,         // not so many are free, or the shared pool would be empty
  loops_exhausted,
  one_loop           // another binding of its unit wishes otherwise
};
std::string_view name_of(Misfit misfit);  // "Absent", "SMTAlignment", ...

struct PlacementWish {
  std::string kind;    // of the service
  std::string domain;
  Placement placement;
  std::optional<CoreSide> prefers = {};  // of its guest's cores or others, if there is a choice
};

// Serves a kind's bindings by one thread.
struct PlacementKind {
  std::uint32_t loops = 1;  // that are not placed
  bool one_loop = false;
};

struct PlacedUnit {
  CpuSet cpus;
  std::uint32_t loop = 0;
  bool fits = false;  // of what was wished, not instead of it
  bool with_guest = false;  // these are all of the cores that its guest runs on
  friend bool operator==(const PlacedUnit&, const PlacedUnit&) = default;
};
using UnitKey = std::pair<std::string, std::string>;  // kind; domain, empty where all share a loop

struct PlacementInput {
  Topology topology;
  CpuSet allowed;   // others are not touched
  CpuSet reserved;
  std::map<std::string, PlacementKind> kinds;
  std::map<std::string, PlacementWish> wishes;  // by binding; those without a wish may be missing
  std::map<std::string, CpuSet> guests;         // by domain: where it may run, if that is known
  std::map<UnitKey, PlacedUnit> before;
  std::map<std::string, Placement> vcpus = {};  // of domUs that wish where theirs run, by domain
  std::map<std::string, CpuSet> pools = {};     // the CPUs of a domU's cpupool; missing: all that are online
};

struct BindingPlace {
  UnitKey unit;
  CpuSet cpus;             // empty: the shared pool
  Misfit misfit = Misfit::none;
  std::string message;     // of a misfit: what is in the way
  std::string fits;        // and what would fit
  friend bool operator==(const BindingPlace&, const BindingPlace&) = default;
};

struct PlacementPlan {
  CpuSet reserved;
  CpuSet isolated;   // and not placed on
  CpuSet exclusive;
  CpuSet shared;     // the pool
  bool reserved_too_large = false;  // it would have left no pool: one of it is the pool
  std::map<UnitKey, PlacedUnit> units;            // that are placed
  std::map<std::string, BindingPlace> bindings;   // that wish
  std::map<std::string, BindingPlace> vcpus = {}; // of domUs that wish
  std::map<UnitKey, std::uint32_t> spread = {};   // loops of units that are not placed, but guaranteed something (guarantees.h)
  friend bool operator==(const PlacementPlan&, const PlacementPlan&) = default;
};

PlacementPlan plan_placement(const PlacementInput& input);

// Whether a binding says anything about where.
inline bool wishes(const Placement& placement) { return !(placement == Placement{}); }

// What of `cpus` nobody may be placed on by `placement`, whoever else is there: for a Placement that no binding names yet.
std::optional<BindingPlace> misfit_of(const Placement& placement, const PlacementInput& input);

}  // namespace vs
