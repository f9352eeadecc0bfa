#include "vsmgrd/policy/lint.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"
#include "vsmgrd/policy/rule_index.h"

namespace vs {
namespace {

using Names = std::vector<std::string>;

// Whether whatever is in `inner` is in `outer` too. An empty list holds everything; the others are
// sorted.
bool within(const Names& inner, const Names& outer) {
  if (outer.empty()) return true;
  return !inner.empty() && std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
}

bool within(const Labels& inner, const Labels& outer) {
  return std::all_of(outer.begin(), outer.end(), [&](const auto& label) {
    const auto found = inner.find(label.first);
    return found != inner.end() && found->second == label.second;
  });
}

// Whether `outer` matches all that `inner` matches.
bool within(const RuleMatch& inner, const RuleMatch& outer) {
  return within(inner.domains, outer.domains) && within(inner.services, outer.services) &&
         within(inner.kinds, outer.kinds) && within(inner.domain_types, outer.domain_types) &&
         within(inner.nodes, outer.nodes) && within(inner.domain_labels, outer.domain_labels) &&
         within(inner.node_labels, outer.node_labels);
}

// One that `match` matches and that has nothing more than it must: rules that match all that `match`
// does match it, too.
Subject least_subject(const RuleMatch& match, const NodeFacts& node) {
  const auto first = [](const Names& names) {
    return names.empty() ? std::string_view() : std::string_view(names.front());
  };
  return {.domain = first(match.domains),
          .labels = match.domain_labels,
          .type = first(match.domain_types),
          .service = first(match.services),
          .kind = first(match.kinds),
          .node = node};
}

class Linter {
 public:
  Linter(const PolicySet& policies, const Desired& desired)
      : policies_(policies), desired_(desired) {
    for (const auto& [name, service] : desired.services)
      kinds_.insert(std::get<ServiceSpec>(service.spec).kind);
  }

  void look_at(const PlacedRule& placed) {
    if (!placed.rule.id.empty()) look_for_others(placed);
    look_for_names(placed);
    if (placed.rule.effect == Effect::allow && placed.rule.mode == Mode::enforce &&
        !placed.rule.id.empty() && within(RuleMatch{}, placed.rule.match))
      note("open_to_all", placed, "allows every domain every service");
  }

  std::vector<LintFinding> take() && { return std::move(findings_); }

 private:
  void note(const char* code, const PlacedRule& placed, std::string message,
            std::optional<Source> other = {}) {
    if (findings_.size() == kLintFindingsMax) return;
    findings_.push_back({.code = code,
                         .policy = placed.policy,
                         .rule = placed.rule.id,
                         .message = std::move(message),
                         .source = placed.source,
                         .other = std::move(other)});
  }

  void look_for_others(const PlacedRule& placed) {
    const RuleMatch& match = placed.rule.match;
    if (!matches_node(match, policies_.node())) return;  // seen from here, nothing can be said
    const PlacedRule* same = nullptr;
    for (const PlacedRule* other : policies_.matching(least_subject(match, policies_.node()))) {
      if (other == &placed || !within(match, other->rule.match)) continue;
      if (placed.rule.effect == Effect::allow && rank_of(other->rule) == Rank::deny)
        return note("shadowed", placed,
                    fmt::format("can never grant: {} denies all of it", title_of(*other)),
                    other->source);
      // Of two that match the same, the second by name is called redundant.
      const bool equal = within(other->rule.match, match);
      const bool second = std::pair(other->policy, other->rule.id) <
                          std::pair(placed.policy, placed.rule.id);
      if (rank_of(other->rule) == rank_of(placed.rule) && (!equal || second) && !same) same = other;
    }
    if (same)
      note("redundant", placed,
           fmt::format("changes nothing: {} matches all of it and does the same", title_of(*same)),
           same->source);
  }

  [[nodiscard]] bool some_domain(const RuleMatch& match) const {
    const auto fits = [&](const std::string& name, const Resource& domain) {
      const auto& type = std::get<DomainSpec>(domain.spec).type;
      return within(Names{name}, match.domains) && within(Names{type}, match.domain_types) &&
             within(domain.metadata.labels, match.domain_labels);
    };
    if (match.domains.empty())
      return std::any_of(desired_.domains.begin(), desired_.domains.end(),
                         [&](const auto& entry) { return fits(entry.first, entry.second); });
    return std::any_of(match.domains.begin(), match.domains.end(), [&](const std::string& name) {
      const auto found = desired_.domains.find(name);
      return found != desired_.domains.end() && fits(name, found->second);
    });
  }

  [[nodiscard]] bool some_service(const RuleMatch& match) const {
    return std::any_of(desired_.services.begin(), desired_.services.end(), [&](const auto& entry) {
      const auto& kind = std::get<ServiceSpec>(entry.second.spec).kind;
      return within(Names{entry.first}, match.services) && within(Names{kind}, match.kinds);
    });
  }

  void look_for_names(const PlacedRule& placed) {
    if (desired_.domains.empty() && desired_.services.empty()) return;
    const RuleMatch& match = placed.rule.match;
    bool unknown = false;
    const auto look = [&](const char* what, const Names& names, const auto& known,
                          const auto& all) {
      for (const std::string& name : names) {
        if (known(name)) continue;
        unknown = true;
        const std::string hint = did_you_mean(name, all());
        note("unknown_name", placed,
             fmt::format("{} {} is not declared{}{}", what, name, hint.empty() ? "" : "; ", hint));
      }
    };
    const auto names_of = [](const Resources& resources) {
      Names names;
      for (const auto& [name, resource] : resources) names.push_back(name);
      return names;
    };
    look("domain", match.domains,
         [&](const std::string& name) { return desired_.domains.contains(name); },
         [&] { return names_of(desired_.domains); });
    look("service", match.services,
         [&](const std::string& name) { return desired_.services.contains(name); },
         [&] { return names_of(desired_.services); });
    look("service kind", match.kinds,
         [&](const std::string& name) { return kinds_.contains(name); },
         [&] { return Names(kinds_.begin(), kinds_.end()); });
    if (unknown || !matches_node(match, policies_.node())) return;  // that says enough
    if (!some_domain(match))
      note("never_matches", placed, "no declared domain is one that it asks for");
    else if (!some_service(match))
      note("never_matches", placed, "no declared service is one that it asks for");
  }

  const PolicySet& policies_;
  const Desired& desired_;
  std::set<std::string> kinds_;
  std::vector<LintFinding> findings_;
};

}  // namespace

std::vector<LintFinding> lint(const PolicySet& policies, const Desired& desired) {
  Linter linter(policies, desired);
  policies.for_each_rule([&](const PlacedRule& placed) { linter.look_at(placed); });
  policies.for_each_sharing_rule([&](const PlacedRule& placed) { linter.look_at(placed); });
  return std::move(linter).take();
}

}  // namespace vs
