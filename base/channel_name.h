// Names of channels, and patterns over them.
//
//   name    = token *( "." token )              ; at most 16 tokens, 255 bytes
//   token   = 1*64( ALPHA / DIGIT / "-" / "_" )
//   pattern = as a name, but a token may be "*" (any one token) and the last may be ">" (one token or more)
//
// The wildcards are those of NATS. Pure; thread-safe. Errors: invalid, with what is wrong.
#pragma once

#include <string_view>

#include "base/result.h"

namespace vs::pubsub {

inline constexpr std::size_t kChannelBytesMax = 255;
inline constexpr std::size_t kTokensMax = 16;
inline constexpr std::size_t kTokenBytesMax = 64;

Result<> judge_channel(std::string_view name);
Result<> judge_pattern(std::string_view pattern);

// All judged, from here on. Whether it has a wildcard.
bool is_wild(std::string_view pattern);
// Whether there can be a name that both match.
bool overlap(std::string_view one, std::string_view other);
bool matches(std::string_view pattern, std::string_view name);

}  // namespace vs::pubsub
