#include "vsmgrd/store/uuid.h"

#include <sys/random.h>

#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "base/check.h"

namespace vs {

std::string make_uuid() {
  std::array<std::uint8_t, 16> bytes{};
  // So few bytes come at once, and never short, as soon as the kernel's pool was ever filled.
  VS_CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0F) | 0x40);  // version 4
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3F) | 0x80);  // RFC 4122's variant
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", bytes[i]);
  }
  return text;
}

}  // namespace vs
