// Decisions and their reasons as REST shows them.
//
// Pure, thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "vsmgrd/policy/channel_rights.h"
#include "vsmgrd/policy/policy_set.h"

namespace vs::http {

nlohmann::json encode_step(const Step& step);
nlohmann::json encode_explanation(const Explanation& why);
nlohmann::json encode_verdict(const ChannelVerdict& verdict);

}  // namespace vs::http
