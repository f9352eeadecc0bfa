// Bindings whose rings are more than their domain may have of a backend's memory.
//
// Pure; thread-safe.
#pragma once

#include <vector>

#include "vsmgrd/model/problem.h"
#include "vsmgrd/store/transition.h"

namespace vs {

// Of a transition: those that it wrote, or whose domain or buffers it wrote. The problem stands where the sizes do, and says what would
// fit. A binding that leaves its rings to the backend has the room it has.
std::vector<Problem> oversized(const Transition& transition);

}  // namespace vs
