// Whether what is promised can be kept: each Sla by itself, and for the service it is about. Whether there is room for it beside all
// others the node's loops tell (vsmgrd/placement/guarantees.h).
//
// Pure; thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vsmgrd/model/resource.h"

namespace vs {

// Of a service whose declaration says nothing.
std::chrono::microseconds default_request_cost(std::string_view kind);
std::chrono::microseconds request_cost_of(const ServiceSpec& service);

// Requests a second that are guaranteed; 0: none.
std::uint32_t guaranteed_rate(const Sla& sla);

// Of which written object, where in it, and what.
struct Contradiction {
  Kind kind{};
  std::string name;
  std::string pointer;
  std::string message;
  std::string hint;
  std::string code;
};

// What is wrong in `desired` with the objects that were just written: all of it. Costs what there is when one of them is an Sla, a
// Service, or a binding with a guarantee; else nothing.
std::vector<Contradiction> contradictions_of(const Desired& desired, const std::vector<std::pair<Kind, std::string>>& written);

}  // namespace vs
