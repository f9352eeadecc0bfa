// Whether the API answers, asked the way its users ask: over its socket.
//
// Blocks for at most `patience`. Thread-safe. Any HTTP answer is a sign of life, a refusal as well.
#pragma once

#include <chrono>
#include <filesystem>

namespace vs {

bool answers_http(const std::filesystem::path& socket, std::chrono::milliseconds patience);

}  // namespace vs
