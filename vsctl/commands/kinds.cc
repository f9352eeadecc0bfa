#include "vsctl/commands/kinds.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace vs::ctl {
namespace {

std::string lower_case(std::string_view word) {
  std::string lower(word);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

}  // namespace

Outcome<KindNames> parse_kind(std::string_view word) {
  const std::string lower = lower_case(word);
  for (const KindNames& names : kKindNames)
    if (lower == names.singular || lower == names.plural || lower == names.brief ||
        lower == lower_case(names.kind))
      return names;
  return give_up(ExitCode::invalid,
                 fmt::format("there is no kind \"{}\"; the kinds are {}", word, kKindHelp));
}

std::string object_name(std::string_view kind, std::string_view name) {
  for (const KindNames& names : kKindNames)
    if (kind == names.kind) kind = names.singular;
  return fmt::format("{}/{}", kind, name);
}

}  // namespace vs::ctl
