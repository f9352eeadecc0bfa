#include "vsmgrd/policy/explain.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace vs {
namespace {

// `rule deny-web2 of policy demo-dns (demo.yaml:41:7)`.
std::string title_of(const PlacedRule& placed) {
  std::string title = fmt::format("rule {} of policy {}", placed.rule.id, placed.policy);
  if (placed.source) title += fmt::format(" ({})", to_string(*placed.source));
  return title;
}

Step step_of(const PlacedRule& placed, bool matched, std::string because) {
  return {.policy = placed.policy,
          .rule = placed.rule.id,
          .effect = placed.rule.effect,
          .matched = matched,
          .because = std::move(because),
          .message = placed.rule.message,
          .source = placed.source};
}

struct NearMiss {
  const PlacedRule* rule;
  Condition condition;  // the only one that does not hold
};

std::vector<NearMiss> near_misses(const std::vector<PlacedRule>& rules, const Subject& subject) {
  std::vector<NearMiss> found;
  for (const PlacedRule& placed : rules) {
    if (found.size() == kNearestMax) break;
    if (placed.rule.effect != Effect::allow) continue;
    const std::vector<Condition> failed = failed_conditions(placed.rule.match, subject);
    if (failed.size() == 1) found.push_back({&placed, failed.front()});
  }
  return found;
}

std::string fix_of_default(const std::vector<NearMiss>& nearest, const Subject& subject) {
  if (nearest.empty())
    return fmt::format("add a rule that allows domain {} to use service {}", subject.domain,
                       subject.service);
  const auto& [placed, condition] = nearest.front();
  return remedy(condition, placed->rule.match, subject, title_of(*placed));
}

std::string fix_of_deny(const std::vector<const PlacedRule*>& matching, const Subject& subject) {
  const auto first_allow =
      std::find_if(matching.begin(), matching.end(),
                   [](const PlacedRule* placed) { return placed->rule.effect == Effect::allow; });
  const auto denies = first_allow - matching.begin();
  std::string fix = fmt::format("change or remove {}", title_of(*matching.front()));
  if (denies > 1) fix += fmt::format(" and {} more that deny it", denies - 1);
  if (first_allow == matching.end())
    fix += fmt::format("; then a rule must allow domain {} to use service {}", subject.domain,
                       subject.service);
  return fix;
}

}  // namespace

Decision decision_of(const std::vector<const PlacedRule*>& matching, const Subject& subject) {
  if (matching.empty())
    return {.message = fmt::format("no rule allows domain {} to use service {}", subject.domain,
                                   subject.service)};
  const PlacedRule& placed = *matching.front();
  return {.allowed = placed.rule.effect == Effect::allow,
          .policy = placed.policy,
          .rule = placed.rule.id,
          .message = placed.rule.message,
          .source = placed.source};
}

Explanation explanation_of(const std::vector<const PlacedRule*>& matching,
                           const std::vector<PlacedRule>& rules, const Subject& subject) {
  Explanation explanation{.domain = std::string(subject.domain),
                          .service = std::string(subject.service),
                          .decision = decision_of(matching, subject)};
  for (const PlacedRule* placed : matching)
    explanation.matched.push_back(
        step_of(*placed, true,
                fmt::format("matches domain {} and service {}", subject.domain, subject.service)));
  if (matching.empty()) {
    const std::vector<NearMiss> nearest = near_misses(rules, subject);
    for (const auto& [placed, condition] : nearest)
      explanation.nearest.push_back(
          step_of(*placed, false, why_not(condition, placed->rule.match, subject)));
    explanation.fix = fix_of_default(nearest, subject);
  } else if (!explanation.decision.allowed) {
    explanation.fix = fix_of_deny(matching, subject);
  }
  return explanation;
}

}  // namespace vs
