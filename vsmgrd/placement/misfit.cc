#include "vsmgrd/placement/plan.h"

namespace vs {

std::string_view name_of(Misfit misfit) {
  switch (misfit) {
    case Misfit::none: return "";
    case Misfit::absent: return "Absent";
    case Misfit::offline: return "Offline";
    case Misfit::forbidden: return "Forbidden";
    case Misfit::reserved_overlap: return "ReservedOverlap";
    case Misfit::isolated: return "Isolated";
    case Misfit::taken: return "Taken";
    case Misfit::smt_alignment: return "SMTAlignment";
    case Misfit::llc_full: return "LLCFull";
    case Misfit::numa_full: return "NUMAFull";
    case Misfit::guest_overlap: return "GuestOverlap";
    case Misfit::guest_elsewhere: return "GuestElsewhere";
    case Misfit::exhausted: return "Exhausted";
    case Misfit::loops_exhausted: return "LoopsExhausted";
    case Misfit::one_loop: return "OneLoop";
  }
  __builtin_unreachable();
}

std::optional<BindingPlace> misfit_of(const Placement& placement, const PlacementInput& input) {
  PlacementInput alone = input;
  alone.wishes = {{"", {.kind = "", .domain = "", .placement = placement}}};
  alone.before.clear();
  alone.guests.clear();
  alone.vcpus.clear();
  PlacementPlan plan = plan_placement(alone);
  const auto found = plan.bindings.find("");
  if (found == plan.bindings.end() || found->second.misfit == Misfit::none) return std::nullopt;
  return found->second;
}

}  // namespace vs
