// Lists of files in a body: [{"name": ..., "text": ...}], as they come from `vsctl`.
//
// Pure, thread-safe. Errors: invalid, with every fault and its pointer.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "vsmgrd/policy/loader.h"

namespace vs::http {

// `listed` stands at `pointer`. Appends what is wrong with it.
std::vector<PolicyFile> files_at(const nlohmann::json& listed, const std::string& pointer,
                                 std::vector<Problem>& problems);

}  // namespace vs::http
