// What is so of an object, and what is not, one condition each: Allowed, Applied, Ready.
//
// What no backend can do yet is said, never passed over: Applied is then False for the reason
// Unsupported, and its message names the fields by their pointers. Pure functions; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "vsmgrd/model/resource.h"

namespace vs {

inline constexpr const char* kUnsupported = "Unsupported";

// The fields of this object that are declared and not enforced: "/spec/objectives". Of a binding
// also those of the objects it names ("/spec/objectives of Sla gold"), and its sharing.
std::vector<std::string> unsupported_fields(const Resource& resource, const Desired& desired);

// Of an object that needs no backend: everything there is to do is done, but for these fields.
std::vector<StatusCondition> conditions_of_declared(const std::vector<std::string>& unsupported);

// Of a binding, from its state, and whether its backend has confirmed it.
std::vector<StatusCondition> conditions_of_binding(const Observed& observed, bool confirmed,
                                                   const Decision* decision,
                                                   const std::vector<std::string>& unsupported);

}  // namespace vs
