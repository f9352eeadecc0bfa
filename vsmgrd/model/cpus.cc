// Sets of CPUs as text: "2-3,6".
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

// The number at the front of `text`, which it is cut off from; nullopt when there is none.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return number;
}

}  // namespace

Result<std::vector<std::uint32_t>> parse_cpus(std::string_view text) {
  std::string_view rest = text;
  const auto refused = [&](std::string_view why) {
    return fail(ErrorCode::invalid, fmt::format("{} {} at position {}", in_quotes(text), why,
                                                text.size() - rest.size() + 1));
  };
  if (text.empty()) return fail(ErrorCode::invalid, "an empty set of CPUs serves nobody");
  std::vector<std::uint32_t> cpus;
  for (;;) {
    const auto first = take_number(rest);
    if (!first) return refused("has no CPU number");
    std::uint32_t last = *first;
    if (rest.starts_with('-')) {
      rest.remove_prefix(1);
      const auto end = take_number(rest);
      if (!end) return refused("has no CPU number");
      last = *end;
    }
    if (last < *first) return refused(fmt::format("counts backwards ({}-{})", *first, last));
    if (last >= kCpusMax) return refused(fmt::format("has CPU {}, the highest is {},", last, kCpusMax - 1));
    for (std::uint32_t cpu = *first; cpu <= last; ++cpu) {
      if (std::find(cpus.begin(), cpus.end(), cpu) != cpus.end())
        return refused(fmt::format("has CPU {} twice", cpu));
      cpus.push_back(cpu);
    }
    if (rest.empty()) break;
    if (!rest.starts_with(',')) return refused(fmt::format("has {}", in_quotes(rest.substr(0, 1))));
    rest.remove_prefix(1);
  }
  std::sort(cpus.begin(), cpus.end());
  return cpus;
}

}  // namespace vs
