// Durations as users type them, the same as in policy files: "250ms", "2s", "1m", "1h".
//
// Pure. Errors: invalid, naming the text.
#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"

namespace vs::ctl {

inline constexpr std::chrono::milliseconds kTimeoutMax = std::chrono::hours{24};

// More than nothing, at most kTimeoutMax.
Result<std::chrono::milliseconds> parse_timeout(std::string_view text);

}  // namespace vs::ctl
