#include "vsmgrd/policy/rule_match.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace vs {
namespace {

constexpr std::size_t kNamesShown = 3;

// An empty list was not given. The others are sorted.
bool holds_in(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || std::binary_search(names.begin(), names.end(), name, std::less<>());
}

bool has_label(const Labels& labels, const Labels::value_type& wanted) {
  const auto found = labels.find(wanted.first);
  return found != labels.end() && found->second == wanted.second;
}

bool has_labels(const Labels& labels, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const auto& label) { return has_label(labels, label); });
}

bool holds(Selector selector, const RuleMatch& match, const Subject& subject) {
  switch (selector) {
    case Selector::domains: return holds_in(match.domains, subject.domain);
    case Selector::domain_labels: return has_labels(subject.labels, match.domain_labels);
    case Selector::domain_types: return holds_in(match.domain_types, subject.type);
    case Selector::services: return holds_in(match.services, subject.service);
    case Selector::kinds: return holds_in(match.kinds, subject.kind);
    case Selector::nodes: return holds_in(match.nodes, subject.node.name);
    case Selector::node_labels: return has_labels(subject.node.labels, match.node_labels);
  }
  __builtin_unreachable();
}

std::string shortened(const std::vector<std::string>& names) {
  if (names.size() <= kNamesShown) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kNamesShown, ", "),
                     names.size() - kNamesShown);
}

const Labels::value_type& first_lacking(const Labels& wanted, const Labels& labels) {
  return *std::find_if_not(wanted.begin(), wanted.end(),
                           [&](const auto& label) { return has_label(labels, label); });
}

// `title` is "domain web2".
std::string lacking_text(std::string_view title, const Labels& wanted, const Labels& labels) {
  const auto& [key, value] = first_lacking(wanted, labels);
  const auto found = labels.find(key);
  if (found == labels.end()) return fmt::format("{} has no label {}={}", title, key, value);
  return fmt::format("{} has label {}={}, not {}", title, key, found->second, value);
}

}  // namespace

Subject subject_of(const Desired& desired, std::string_view domain, std::string_view service,
                   const NodeFacts& node) {
  static const Labels none;
  const auto found = desired.domains.find(domain);
  const bool declared = found != desired.domains.end();
  const auto serving = desired.services.find(service);
  return {.domain = domain,
          .labels = declared ? found->second.metadata.labels : none,
          .type = declared ? std::string_view(std::get<DomainSpec>(found->second.spec).type)
                           : std::string_view(),
          .service = service,
          .kind = serving == desired.services.end()
                      ? std::string_view()
                      : std::string_view(std::get<ServiceSpec>(serving->second.spec).kind),
          .node = node};
}

bool matches(const RuleMatch& match, const Subject& subject) {
  return std::all_of(kSelectors.begin(), kSelectors.end(),
                     [&](Selector selector) { return holds(selector, match, subject); });
}

bool matches_node(const RuleMatch& match, const NodeFacts& node) {
  return holds_in(match.nodes, node.name) && has_labels(node.labels, match.node_labels);
}

std::vector<Selector> failed_selectors(const RuleMatch& match, const Subject& subject) {
  std::vector<Selector> failed;
  for (const Selector selector : kSelectors)
    if (!holds(selector, match, subject)) failed.push_back(selector);
  return failed;
}

std::string why_not(Selector selector, const RuleMatch& match, const Subject& subject) {
  switch (selector) {
    case Selector::domains:
      return fmt::format("domain {} is not among {}", subject.domain, shortened(match.domains));
    case Selector::domain_labels:
      return lacking_text(fmt::format("domain {}", subject.domain), match.domain_labels,
                          subject.labels);
    case Selector::domain_types:
      if (subject.type.empty())
        return fmt::format("domain {} is not declared, so its type is not known", subject.domain);
      return fmt::format("domain {} is of type {}, not {}", subject.domain, subject.type,
                         shortened(match.domain_types));
    case Selector::services:
      return fmt::format("service {} is not among {}", subject.service, shortened(match.services));
    case Selector::kinds:
      if (subject.kind.empty())
        return fmt::format("service {} is not declared, so its kind is not known", subject.service);
      return fmt::format("service {} is of kind {}, not {}", subject.service, subject.kind,
                         shortened(match.kinds));
    case Selector::nodes:
      return fmt::format("this node, {}, is not among {}", subject.node.name,
                         shortened(match.nodes));
    case Selector::node_labels:
      return lacking_text(fmt::format("this node, {},", subject.node.name), match.node_labels,
                          subject.node.labels);
  }
  __builtin_unreachable();
}

std::string remedy(Selector selector, const RuleMatch& match, const Subject& subject,
                   std::string_view title) {
  switch (selector) {
    case Selector::domains:
      return fmt::format("add {} to the domains of {}", subject.domain, title);
    case Selector::domain_labels: {
      const auto& [key, wanted] = first_lacking(match.domain_labels, subject.labels);
      return fmt::format("give domain {} the label {}={}, which {} asks for", subject.domain, key,
                         wanted, title);
    }
    case Selector::domain_types:
      if (subject.type.empty())
        return fmt::format("declare domain {}; {} asks for its type", subject.domain, title);
      return fmt::format("add {} to the domainTypes of {}", subject.type, title);
    case Selector::services:
      return fmt::format("add {} to the services of {}", subject.service, title);
    case Selector::kinds:
      if (subject.kind.empty())
        return fmt::format("declare service {}; {} asks for its kind", subject.service, title);
      return fmt::format("add {} to the kinds of {}", subject.kind, title);
    case Selector::nodes: return fmt::format("add {} to the nodes of {}", subject.node.name, title);
    case Selector::node_labels: {
      const auto& [key, wanted] = first_lacking(match.node_labels, subject.node.labels);
      return fmt::format("give node {} the label {}={}, which {} asks for", subject.node.name, key,
                         wanted, title);
    }
  }
  __builtin_unreachable();
}

std::string title_of(const PlacedRule& placed) {
  std::string title = placed.rule.id.empty()
                          ? fmt::format("sharing policy {}", placed.policy)
                          : fmt::format("rule {} of policy {}", placed.rule.id, placed.policy);
  if (placed.source) title += fmt::format(" ({})", to_string(*placed.source));
  return title;
}

void sort_lists(RuleMatch& match) {
  for (auto* list :
       {&match.domains, &match.services, &match.kinds, &match.domain_types, &match.nodes})
    std::sort(list->begin(), list->end());
}

}  // namespace vs
