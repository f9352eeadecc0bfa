// What the rules that matched decide, and why: in words for the person who asks.
//
// `matching` are the rules that match `subject`, denies first, the deciding one in front. Pure;
// thread-safe.
#pragma once

#include <vector>

#include "vsmgrd/policy/policy_set.h"
#include "vsmgrd/policy/rule_match.h"

namespace vs {

Decision decision_of(const std::vector<const PlacedRule*>& matching, const Subject& subject);

// `rules` are all there are, for the near misses.
Explanation explanation_of(const std::vector<const PlacedRule*>& matching,
                           const std::vector<PlacedRule>& rules, const Subject& subject);

}  // namespace vs
