// What stands against a change that is well formed: that who asks may not make it, that it mixes owners in a group that shares, or
// that a binding's rings are larger than its domain's share.
//
// Pure, but for what WriteOptions::permit looks at; thread-safe.
#pragma once

#include <optional>

#include "vsmgrd/model/problem.h"
#include "vsmgrd/store/store.h"
#include "vsmgrd/store/transition.h"

namespace vs {

// Of a transition that has its decisions.
std::optional<Refusal> objection_to(const Transition& transition, const WriteOptions& options);

// Of what does not fit this node (Store::refuse_misfits); there is one at least.
Refusal misfit_of(std::vector<Problem> problems);

}  // namespace vs
