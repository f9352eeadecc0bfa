// Differences of objects as people read them: unified, with the place of each.
//
// Pure; thread-safe.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace vs::ctl {

// One object's: a header that names it, then each place with what goes (-) and what comes (+).
// `differences` as the API gives them: [{pointer, before, after}], `before` or `after` absent.
std::string unified_diff(const std::string& object, const std::string& action, const nlohmann::json& differences,
                         bool colour);

}  // namespace vs::ctl
