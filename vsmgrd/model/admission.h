// Whether what is promised can be kept: each Sla by itself, for the service it is about, and the guarantees of a kind together.
//
// The requests that a kind's bindings are guaranteed, times what a request of their service costs, take at most kGuaranteedPercent
// of one loop: a domain is served by one loop, and which is not known here. A binding counts whether or not policy allows it, for
// policies change without asking. Costs are declared (Service, spec.requestCost) and not measured, so that the same file is
// admitted, or refused, wherever and whenever it is applied.
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

inline constexpr std::uint32_t kGuaranteedPercent = 70;

// Of a service whose declaration says nothing.
std::chrono::microseconds default_request_cost(std::string_view kind);
std::chrono::microseconds request_cost_of(const ServiceSpec& service);

// Requests a second that are guaranteed; 0: none.
std::uint32_t guaranteed_rate(const Sla& sla);

// Of which written object, where in it, and what.
struct Misfit {
  Kind kind{};
  std::string name;
  std::string pointer;
  std::string message;
  std::string hint;
  std::string code;
};

// What is wrong in `desired` with the objects that were just written: all of it. Costs what there is when one of them is an Sla, a
// Service, or a binding with a guarantee; else nothing.
std::vector<Misfit> misfits_of(const Desired& desired, const std::vector<std::pair<Kind, std::string>>& written);

}  // namespace vs
