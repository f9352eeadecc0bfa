// SHA-256, and texts compared in a time that does not tell where they differ.
//
// Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace vs {

std::string sha256_hex(std::string_view bytes);  // 64 lower case hex digits

// Takes as long for any two texts of the same lengths.
bool equal_in_constant_time(std::string_view left, std::string_view right);

}  // namespace vs
