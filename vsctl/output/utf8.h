// UTF-8, one code point at a time.
//
// Pure; thread-safe. Overlong forms, surrogates and code points past U+10FFFF are no UTF-8 (RFC
// 3629).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace vs::ctl {

struct CodePoint {
  char32_t value;
  std::size_t bytes;
};

// The code point that `text` begins with; nullopt when it begins with none.
inline std::optional<CodePoint> first_code_point(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return CodePoint{lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return std::nullopt;
  char32_t value = lead & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0U) != 0x80) return std::nullopt;
    value = value << 6U | (next & 0x3fU);
  }
  constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < smallest[bytes] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
    return std::nullopt;
  return CodePoint{value, bytes};
}

// Control characters (C0, DEL, C1), line separators, text direction marks and the byte order mark.
inline bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
         c == 0xfffe || c == 0xffff;
}

}  // namespace vs::ctl
