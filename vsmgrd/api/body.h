// Request bodies: JSON objects with the members a route knows, and nothing else.
//
// Pure, thread-safe. Errors: invalid, with every fault at once: not JSON, not an object, unknown or
// missing members, wrong types.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "vsmgrd/model/problem.h"

namespace vs::http {

Checked<nlohmann::json> parse_body(std::string_view text);

// The refusal of a body with `problems`.
tl::unexpected<Refusal> refuse_body(std::vector<Problem> problems);

// Appends what is wrong with `object`, which stands at `pointer`, unless it is an object that has
// exactly `members`. Their values are the caller's to judge.
void check_members(const nlohmann::json& object, const std::string& pointer,
                   const std::vector<std::string>& members, std::vector<Problem>& problems);

// As above, and every value must be a string.
void check_strings(const nlohmann::json& object, const std::string& pointer,
                   const std::vector<std::string>& members, std::vector<Problem>& problems);

}  // namespace vs::http
