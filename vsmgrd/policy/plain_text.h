// The bytes of a file must be UTF-8 without control characters before any parser sees them.
//
// yaml-cpp takes a byte 4 for the end of the file and guesses UTF-16; both would hide what an
// operator wrote. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace vs {

struct BadByte {
  int line = 0;  // both from 1, the column in bytes
  int column = 0;
  std::string message;
};

// The first byte that is not UTF-8, or is a control character other than tab, newline and carriage
// return.
std::optional<BadByte> find_bad_byte(std::string_view text);

// UTF-8 without any control character: fit to stand in a message.
bool is_plain_line(std::string_view text);

}  // namespace vs
