// The parts of a document that say how well and where a binding is served, and where a guest runs: buffers, SLA, placement;
// and what sharing a kind of service knows.
//
// Used by decode.cc alone. Pure functions, thread-safe. Errors: appended to `problems`, all of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "vsmgrd/model/codec.h"

namespace vs {

Buffers decode_buffers(const nlohmann::json& value, std::string pointer,
                       std::vector<Problem>& problems);
Sla decode_sla(const nlohmann::json& value, std::string pointer, std::vector<Problem>& problems);
Placement decode_placement(const nlohmann::json& value, std::string pointer,
                           std::vector<Problem>& problems);

VcpuPlacement decode_vcpus(const nlohmann::json& value, std::string pointer, std::vector<Problem>& problems);

// "www.example.org", or "*.example.org" for all that is below.
Result<> check_shared_name(std::string_view name);

// Whether services of `kind` know the sharing mode; of kinds that are not known here, all do.
bool can_share(std::string_view kind, std::string_view mode);
// Whether backends of that kind do what a SharingPolicy says of their bindings.
bool shares(std::string_view kind);
std::string sharing_modes_text(std::string_view kind);  // "private, group"

}  // namespace vs
