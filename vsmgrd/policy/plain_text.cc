#include "vsmgrd/policy/plain_text.h"

#include <cstdint>

#include <fmt/format.h>

namespace vs {
namespace {

// Bytes of the character at the front of `text`, 0 when it is none (RFC 3629: no overlong form, no
// surrogate).
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t count = first >= 0xC2 && first < 0xE0   ? 2
                            : first >= 0xE0 && first < 0xF0 ? 3
                            : first >= 0xF0 && first < 0xF5 ? 4
                                                            : 0;
  if (count == 0 || text.size() < count) return 0;
  for (std::size_t i = 1; i < count; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) >= 0xA0;
  const bool beyond = first == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : count;
}

bool is_control(char c) {
  const auto byte = static_cast<std::uint8_t>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F;
}

}  // namespace

std::optional<BadByte> find_bad_byte(std::string_view text) {
  int line = 1;
  std::size_t line_begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = character_bytes(text.substr(at));
    if (bytes == 0 || is_control(text[at])) {
      const auto byte = static_cast<std::uint8_t>(text[at]);
      return BadByte{.line = line,
                     .column = static_cast<int>(at - line_begin) + 1,
                     .message = bytes == 0 ? fmt::format("byte 0x{:02x} is not UTF-8", byte)
                                           : fmt::format("control character 0x{:02x}", byte)};
    }
    if (text[at] == '\n') {
      ++line;
      line_begin = at + 1;
    }
    at += bytes;
  }
  return std::nullopt;
}

bool is_plain_line(std::string_view text) {
  return !find_bad_byte(text) && text.find_first_of("\t\r\n") == std::string_view::npos;
}

}  // namespace vs
