// Whose domains share with each other: a SharingPolicy of mode group may say that its members have one owner, by a label of theirs.
//
// Pure; thread-safe.
#pragma once

#include <vector>

#include "vsmgrd/model/problem.h"
#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/transition.h"

namespace vs {

// Groups that mix owners though a policy forbids it, each at that policy; from the decisions in `desired`.
// Domains that `sees` does not show are not named.
std::vector<Problem> mixed_owners(const Desired& desired, const Sees& sees);

}  // namespace vs
