// What bindings are guaranteed, held against the loops that serve them: the arithmetic of admission.
//
// Guaranteed requests a second, times what a request of their service costs, are a part of a loop's time. A domain is served by one loop
// of a kind, of which at most kGuaranteedPercent are given: by the loop that it is placed on, or by one of those that are not placed, over
// which domains are spread by what they are guaranteed. And all that runs in the shared pool, of all kinds, may take that part of its CPUs.
// A binding counts whether or not policy allows it, for policies change without asking. Costs are declared and not measured, so that a
// file is admitted, or refused, whenever it is applied to a node.
//
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "vsmgrd/model/problem.h"
#include "vsmgrd/model/resource.h"
#include "vsmgrd/placement/plan.h"

namespace vs {

inline constexpr std::uint32_t kGuaranteedPercent = 70;

// How many loops that are not placed serve a kind, of those that a backend has.
std::uint32_t loops_of(std::string_view kind, std::uint32_t backend_loops);

// The loop of each domain that is guaranteed something and not placed: those that are guaranteed most first, each to the loop that has
// most left. Of kinds with one loop, nothing.
std::map<UnitKey, std::uint32_t> spread_guaranteed(const Desired& desired, const PlacementPlan& plan, std::uint32_t backend_loops);

// Whether a change guarantees anything that was not guaranteed before.
bool guarantees_more(const Desired& before, const Desired& next);

// What of a change cannot be kept beside what was guaranteed before, one problem each, with the arithmetic and what would fit. Nothing of
// what was guaranteed before. `plan` is of `next`.
std::vector<Problem> overcommitted(const Desired& before, const Desired& next, const PlacementPlan& plan, std::uint32_t backend_loops);

}  // namespace vs
