#include "vsctl/commands/duration.h"

#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace vs::ctl {
namespace {

// 0 when there is no such unit.
std::int64_t unit_ms(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit == "s") return 1000;
  if (unit == "m") return 60'000;
  if (unit == "h") return 3'600'000;
  return 0;
}

}  // namespace

Result<std::chrono::milliseconds> parse_timeout(std::string_view text) {
  std::int64_t count = 0;
  const auto [rest, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::int64_t unit =
      unit_ms({rest, static_cast<std::size_t>(text.data() + text.size() - rest)});
  if (problem != std::errc{} || unit == 0 || count <= 0)
    return fail(ErrorCode::invalid,
                fmt::format("\"{}\" is no duration such as 250ms, 10s, 1m or 1h", text));
  if (count > kTimeoutMax.count() / unit)
    return fail(ErrorCode::invalid, fmt::format("{} is more than 24h", text));
  return std::chrono::milliseconds{count * unit};
}

}  // namespace vs::ctl
