// Durations and points in time as text.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Unit {
  std::string_view suffix;
  microseconds length;
};
// Longest first: formatting takes the first that divides.
constexpr std::array kUnits{Unit{"h", std::chrono::hours{1}}, Unit{"m", std::chrono::minutes{1}},
                            Unit{"s", std::chrono::seconds{1}}, Unit{"ms", milliseconds{1}},
                            Unit{"us", microseconds{1}}};

constexpr std::string_view kTimeShape = "0000-00-00T00:00:00.000Z";

bool has_shape(std::string_view text) {
  if (text.size() != kTimeShape.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kTimeShape[i] == '0' ? !digit : text[i] != kTimeShape[i]) return false;
  }
  return true;
}

std::optional<microseconds> duration_of(std::string_view text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;  // no sign
  std::int64_t count = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc()) return std::nullopt;
  const std::string_view suffix(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  for (const Unit& unit : kUnits) {
    if (suffix != unit.suffix) continue;
    if (count > std::numeric_limits<std::int64_t>::max() / unit.length.count()) return std::nullopt;
    return unit.length * count;
  }
  return std::nullopt;
}

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
  const auto duration = duration_of(text);
  if (!duration || *duration % milliseconds{1} != microseconds{0})
    return fail(ErrorCode::invalid,
                fmt::format("{} is not a duration such as \"250ms\", \"2s\", \"1m\" or \"1h\"",
                            in_quotes(text)));
  return std::chrono::duration_cast<milliseconds>(*duration);
}

std::string format_duration(milliseconds duration) {
  return duration.count() == 0 ? "0ms" : format_fine_duration(duration);
}

Result<microseconds> parse_fine_duration(std::string_view text) {
  if (const auto duration = duration_of(text)) return *duration;
  return fail(ErrorCode::invalid,
              fmt::format("{} is not a duration such as \"50us\", \"250ms\", \"2s\" or \"1m\"",
                          in_quotes(text)));
}

std::string format_fine_duration(microseconds duration) {
  for (const Unit& unit : kUnits)
    if (duration.count() != 0 && duration % unit.length == microseconds{0})
      return fmt::format("{}{}", duration / unit.length, unit.suffix);
  return "0us";
}

Result<std::uint32_t> parse_percent(std::string_view text) {
  const auto refused = [&] {
    return fail(ErrorCode::invalid,
                fmt::format("{} is not a percentage from \"0%\" to \"100%\" such as \"99.95%\", "
                            "with at most four decimals",
                            in_quotes(text)));
  };
  if (!text.ends_with('%')) return refused();
  const std::string_view number = text.substr(0, text.size() - 1);
  const std::size_t dot = std::min(number.find('.'), number.size());
  const std::string_view whole = number.substr(0, dot);
  std::string_view decimals = number.substr(std::min(dot + 1, number.size()));
  const auto digits = [](std::string_view part) {
    return part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (whole.empty() || whole.size() > 3 || decimals.size() > 4 || !digits(whole) ||
      !digits(decimals) || (dot != number.size() && decimals.empty()))
    return refused();
  std::uint32_t ppm = 0;
  for (const char c : whole) ppm = ppm * 10 + static_cast<std::uint32_t>(c - '0');
  for (std::size_t i = 0; i < 4; ++i)
    ppm = ppm * 10 + (i < decimals.size() ? static_cast<std::uint32_t>(decimals[i] - '0') : 0);
  if (ppm > 1'000'000) return refused();
  return ppm;
}

std::string format_percent(std::uint32_t ppm) {
  std::string decimals = fmt::format("{:04}", ppm % 10'000);
  while (!decimals.empty() && decimals.back() == '0') decimals.pop_back();
  return fmt::format("{}{}{}%", ppm / 10'000, decimals.empty() ? "" : ".", decimals);
}

std::string format_time(WallTime time) {
  const auto ms = std::chrono::floor<milliseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(ms);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(ms - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

Result<WallTime> parse_time(std::string_view text) {
  const auto refused = [&] {
    return fail(
        ErrorCode::invalid,
        fmt::format("{} is not a time such as \"2026-11-22T16:00:00.000Z\"", in_quotes(text)));
  };
  if (!has_shape(text)) return refused();
  const auto number = [&](std::size_t begin, std::size_t count) {
    int value = 0;
    std::from_chars(text.data() + begin, text.data() + begin + count, value);  // digits: has_shape
    return value;
  };
  const std::chrono::year_month_day date{std::chrono::year{number(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return refused();
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours{hour} +
         std::chrono::minutes{minute} + std::chrono::seconds{second} + milliseconds{number(20, 3)};
}

}  // namespace vs
