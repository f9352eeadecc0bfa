#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

bool is_address(int family, std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> address;
  return ::inet_pton(family, std::string(text).c_str(), address.data()) == 1;
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && rest == text.data() + text.size() && port >= 1 && port <= 65535;
}

// "[::1]:53" without its brackets; nullopt when it is not of that form.
std::optional<std::pair<std::string_view, std::string_view>> split_bracketed(
    std::string_view text) {
  const std::size_t end = text.find("]:");
  if (!text.starts_with('[') || end == std::string_view::npos) return std::nullopt;
  return std::pair{text.substr(1, end - 1), text.substr(end + 2)};
}

bool is_nameserver(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return false;  // inet_pton would stop there
  if (const auto parts = split_bracketed(text))
    return is_address(AF_INET6, parts->first) && is_port(parts->second);
  if (std::count(text.begin(), text.end(), ':') == 1) {
    const std::size_t colon = text.find(':');
    return is_address(AF_INET, text.substr(0, colon)) && is_port(text.substr(colon + 1));
  }
  return is_address(AF_INET, text) || is_address(AF_INET6, text);
}

}  // namespace

Result<> check_nameserver(std::string_view text) {
  if (is_nameserver(text)) return {};
  return fail(ErrorCode::invalid,
              fmt::format("{} is not a nameserver such as \"192.0.2.1\", \"192.0.2.1:5300\", "
                          "\"2001:db8::1\" or \"[2001:db8::1]:5300\"",
                          in_quotes(text)));
}

}  // namespace vs
