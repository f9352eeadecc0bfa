// Keeps bindings where they should be served, and vCPUs of domUs where they should run: plans, looks whether it is so, and tells what is not.
//
// PlacementMisfit (of a Binding or Domain): it does not get the CPUs it wishes, since the machine is another one now; what it got
//   instead; or the hypervisor refuses to put it there.
// PlacementDrift (of a Backend, by its service kind; of a Domain): a loop or vCPUs ran elsewhere; they were put right, or cannot be.
// Owned by the reconciler's thread; does not wait for the disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/sample.h"
#include "vsmgrd/hypervisor/hypervisor.h"
#include "vsmgrd/placement/node_placement.h"
#include "vsmgrd/reconciler/plan.h"
#include "vsmgrd/store/store.h"

namespace vs {

inline constexpr std::chrono::seconds kPlacementLook{10};  // between two looks at the machine and at the loops
inline constexpr std::size_t kMisfitsToldMax = 100;        // bindings that are told of

class Placing {
 public:
  Placing(NodePlacement& node, Store& store, Backends& backends, const Clock& clock)
      : node_(node), store_(store), backends_(backends), clock_(clock) {}

  // The machine below, if there is a hypervisor; before plan().
  void see_host(const Hypervisor& hypervisor);
  // The plan to go by, as of now. The first time, what was observed before this daemon started is what is kept.
  const PlacementPlan& plan(const Desired& desired);
  // Has the hypervisor put guests where they are planned.
  void place_guests(const Desired& desired, const std::vector<Guest>& guests, Hypervisor& hypervisor);
  // What is to be seen of a domain's vCPUs, as of the last place_guests(); nullopt: it wishes nothing.
  [[nodiscard]] std::optional<PlacementStatus> placement_of_domain(const std::string& name) const;
  // Once the backends were told: compares, tells, and asks where loops are when it is time.
  void look(const Desired& desired, const BackendConfigs& wanted, const std::map<std::string, BackendStatus>& status);
  // When to look again; nullopt: nothing is placed.
  [[nodiscard]] std::optional<std::chrono::milliseconds> patience() const;

  void append_samples(std::vector<Sample>& to) const;

 private:
  void remember();
  void tell(const char* type, const char* kind, const std::map<std::string, std::string>& found, std::map<std::string, std::string>& told);
  void weigh(const Desired& desired, const std::map<std::string, BackendStatus>& status);
  void find_drift(const std::string& kind, const BackendStatus& backend, const BackendConfig& wanted, std::map<std::string, std::string>& found);

  NodePlacement& node_;
  Store& store_;
  Backends& backends_;
  const Clock& clock_;
  bool remembered_ = false;
  PlacementPlan plan_;
  std::optional<std::chrono::steady_clock::time_point> looked_;
  std::map<std::string, std::uint64_t> located_;      // of each kind, as judged last
  std::map<std::string, std::string> drifted_;        // by kind: what was found
  std::map<std::string, std::string> misfits_told_;   // by binding
  std::map<std::string, std::string> drifts_told_;    // by kind
  std::map<std::string, PlacementStatus> guests_;     // by domain
  std::map<std::string, std::string> guests_drifted_;  // by domain: what was found since the last look
  std::map<std::string, std::string> guest_misfits_told_;
  std::map<std::string, std::string> guest_drifts_told_;
  std::map<std::uint32_t, std::uint64_t> put_back_;   // times, by domid
  Hypervisor* hypervisor_ = nullptr;                  // that looks again when it is time
  // Of units in mode auto: what was measured so far, and the counters as of the last look.
  struct Weighed {
    CoreTrial trial;
    std::uint64_t located = 0;
    std::uint64_t requests = 0;
    std::uint64_t latency_ns = 0;
    std::uint64_t cpu_ns = 0;
    std::uint32_t loop = 0;
    std::chrono::steady_clock::time_point at{};
  };
  std::map<UnitKey, Weighed> weighed_;
  std::uint64_t core_changes_ = 0;
  std::uint64_t drifts_ = 0;
  std::uint64_t asked_ = 0;  // configurations told of places, as asked about last
};

}  // namespace vs
