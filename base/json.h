// JSON from strangers: nlohmann's parser with the two guards it lacks, a depth limit and a refusal of duplicate keys.
//
// Thread-safe (pure). Errors: invalid, with the byte position and what is wrong there.
#pragma once

#include <cstddef>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace vs {

inline constexpr int kJsonDepthMax = 32;

Result<nlohmann::json> parse_json(std::string_view text);

// RFC 6901 token escape: "a/b" is "a~1b" inside a JSON pointer.
std::string pointer_token(std::string_view key);

}  // namespace vs
