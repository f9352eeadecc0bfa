#include "vsmgrd/policy/rule_match.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace vs {
namespace {

constexpr std::size_t kNamesShown = 3;
constexpr std::array kConditions{Condition::domains, Condition::domain_labels, Condition::services,
                                 Condition::kinds};

// An empty list was not given. The others are sorted.
bool holds_in(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || std::binary_search(names.begin(), names.end(), name, std::less<>());
}

bool has_label(const Labels& labels, const Labels::value_type& wanted) {
  const auto found = labels.find(wanted.first);
  return found != labels.end() && found->second == wanted.second;
}

bool holds(Condition condition, const RuleMatch& match, const Subject& subject) {
  switch (condition) {
    case Condition::domains: return holds_in(match.domains, subject.domain);
    case Condition::domain_labels:
      return std::all_of(match.domain_labels.begin(), match.domain_labels.end(),
                         [&](const auto& wanted) { return has_label(subject.labels, wanted); });
    case Condition::services: return holds_in(match.services, subject.service);
    case Condition::kinds: return holds_in(match.kinds, subject.kind);
  }
  __builtin_unreachable();
}

std::string shortened(const std::vector<std::string>& names) {
  if (names.size() <= kNamesShown) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kNamesShown, ", "),
                     names.size() - kNamesShown);
}

const Labels::value_type& first_lacking(const RuleMatch& match, const Subject& subject) {
  return *std::find_if_not(match.domain_labels.begin(), match.domain_labels.end(),
                           [&](const auto& wanted) { return has_label(subject.labels, wanted); });
}

}  // namespace

bool matches(const RuleMatch& match, const Subject& subject) {
  return std::all_of(kConditions.begin(), kConditions.end(),
                     [&](Condition condition) { return holds(condition, match, subject); });
}

std::vector<Condition> failed_conditions(const RuleMatch& match, const Subject& subject) {
  std::vector<Condition> failed;
  for (const Condition condition : kConditions)
    if (!holds(condition, match, subject)) failed.push_back(condition);
  return failed;
}

std::string why_not(Condition condition, const RuleMatch& match, const Subject& subject) {
  switch (condition) {
    case Condition::domains:
      return fmt::format("domain {} is not among {}", subject.domain, shortened(match.domains));
    case Condition::domain_labels: {
      const auto& [key, wanted] = first_lacking(match, subject);
      const auto found = subject.labels.find(key);
      if (found == subject.labels.end())
        return fmt::format("domain {} has no label {}={}", subject.domain, key, wanted);
      return fmt::format("domain {} has label {}={}, not {}", subject.domain, key, found->second,
                         wanted);
    }
    case Condition::services:
      return fmt::format("service {} is not among {}", subject.service, shortened(match.services));
    case Condition::kinds:
      if (subject.kind.empty())
        return fmt::format("service {} is not declared, so its kind is not known", subject.service);
      return fmt::format("service {} is of kind {}, not {}", subject.service, subject.kind,
                         shortened(match.kinds));
  }
  __builtin_unreachable();
}

std::string remedy(Condition condition, const RuleMatch& match, const Subject& subject,
                   std::string_view title) {
  switch (condition) {
    case Condition::domains:
      return fmt::format("add {} to the domains of {}", subject.domain, title);
    case Condition::domain_labels: {
      const auto& [key, wanted] = first_lacking(match, subject);
      return fmt::format("give domain {} the label {}={}, which {} asks for", subject.domain, key,
                         wanted, title);
    }
    case Condition::services:
      return fmt::format("add {} to the services of {}", subject.service, title);
    case Condition::kinds:
      if (subject.kind.empty())
        return fmt::format("declare service {}; {} asks for its kind", subject.service, title);
      return fmt::format("add {} to the kinds of {}", subject.kind, title);
  }
  __builtin_unreachable();
}

}  // namespace vs
