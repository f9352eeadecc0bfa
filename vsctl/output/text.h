// Text from elsewhere on its way to a terminal.
//
// Pure; thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace vs::ctl {

// `text` with control characters, and bytes that are no UTF-8, written as \xNN or \u{NNNN}: a name
// or a message can neither move the cursor nor fake a line.
std::string printable(std::string_view text);

// Columns that `text` takes, one for each code point. For UTF-8.
std::size_t columns_of(std::string_view text);

// The byte at which `text` stops being UTF-8; nullopt when it is UTF-8 to its end.
std::optional<std::size_t> first_byte_not_utf8(std::string_view text);

}  // namespace vs::ctl
