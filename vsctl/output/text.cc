#include "vsctl/output/text.h"

#include <fmt/format.h>

#include "vsctl/output/utf8.h"

namespace vs::ctl {

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const auto point = first_code_point(text);
    const std::size_t bytes = point ? point->bytes : 1;
    if (!point)
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    else if (!is_control(point->value))
      shown += text.substr(0, bytes);
    else if (point->value < 0x80)
      shown += fmt::format("\\x{:02x}", static_cast<unsigned>(point->value));
    else
      shown += fmt::format("\\u{{{:04x}}}", static_cast<unsigned>(point->value));
    text.remove_prefix(bytes);
  }
  return shown;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xc0U) != 0x80) ++columns;
  return columns;
}

std::optional<std::size_t> first_byte_not_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto point = first_code_point(text.substr(at));
    if (!point) return at;
    at += point->bytes;
  }
  return std::nullopt;
}

}  // namespace vs::ctl
