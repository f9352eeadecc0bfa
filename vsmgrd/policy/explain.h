// What the rules that matched decide, and why: in words for the person who asks.
//
// Pure; thread-safe.
#pragma once

#include <array>
#include <vector>

#include "vsmgrd/policy/policy_set.h"
#include "vsmgrd/policy/rule_index.h"

namespace vs {

// `first` are the first rules of each rank that match `subject`.
Decision decision_of(const std::array<const PlacedRule*, kRanks>& first, const Subject& subject);

// `matching` are all that match, in the order of RuleIndex::all_matches(); `rules` are all there
// are, for the near misses.
Explanation explanation_of(const std::vector<const PlacedRule*>& matching,
                           const std::vector<const PlacedRule*>& rules, const Subject& subject);

}  // namespace vs
