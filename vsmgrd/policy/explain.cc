#include "vsmgrd/policy/explain.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace vs {
namespace {

using FirstMatches = std::array<const PlacedRule*, kRanks>;

const PlacedRule* at(const FirstMatches& first, Rank rank) {
  return first[static_cast<std::size_t>(rank)];
}

Step step_of(const PlacedRule& placed, bool matched, std::string because) {
  return {.policy = placed.policy,
          .rule = placed.rule.id,
          .effect = placed.rule.effect,
          .mode = placed.rule.mode,
          .matched = matched,
          .because = std::move(because),
          .message = placed.rule.message,
          .source = placed.source};
}

struct NearMiss {
  const PlacedRule* rule;
  Selector selector;  // the only one that does not hold
};

std::vector<NearMiss> near_misses(const std::vector<const PlacedRule*>& rules,
                                  const Subject& subject) {
  std::vector<NearMiss> found;
  for (const PlacedRule* placed : rules) {
    if (found.size() == kNearestMax) break;
    if (placed->rule.effect != Effect::allow) continue;
    const std::vector<Selector> failed = failed_selectors(placed->rule.match, subject);
    if (failed.size() == 1) found.push_back({placed, failed.front()});
  }
  return found;
}

std::string fix_of_default(const std::vector<NearMiss>& nearest, const Subject& subject) {
  if (nearest.empty())
    return fmt::format("add a rule that allows domain {} to use service {}", subject.domain,
                       subject.service);
  const auto& [placed, selector] = nearest.front();
  return remedy(selector, placed->rule.match, subject, title_of(*placed));
}

std::string fix_of_deny(const std::vector<const PlacedRule*>& matching, const Subject& subject) {
  const auto denies =
      std::count_if(matching.begin(), matching.end(),
                    [](const PlacedRule* placed) { return rank_of(placed->rule) == Rank::deny; });
  const bool allowed = std::any_of(
      matching.begin(), matching.end(),
      [](const PlacedRule* placed) { return placed->rule.effect == Effect::allow; });
  std::string fix = fmt::format("change or remove {}", title_of(*matching.front()));
  if (denies > 1) fix += fmt::format(" and {} more that deny it", denies - 1);
  if (!allowed)
    fix += fmt::format("; then a rule must allow domain {} to use service {}", subject.domain,
                       subject.service);
  return fix;
}

// What would have denied a pair that `allow` lets through, and how loudly that is to be told.
void note_trial(const FirstMatches& first, const PlacedRule& allow, Decision& decision) {
  const PlacedRule* warn = at(first, Rank::deny_warn);
  const PlacedRule* audit = at(first, Rank::deny_audit);
  decision.mode = allow.rule.mode;
  if (warn)
    decision.mode = Mode::warn;
  else if (audit && decision.mode == Mode::enforce)
    decision.mode = Mode::audit;
  const PlacedRule* denial = decision.mode == Mode::warn ? warn : audit;
  if (!denial) return;  // `allow` is what is on trial
  decision.trial = TrialDenial{.policy = denial->policy,
                               .rule = denial->rule.id,
                               .message = denial->rule.message,
                               .source = denial->source};
}

std::string notice_of(const Decision& decision) {
  if (decision.mode == Mode::enforce) return {};
  const auto title = [](const auto& rule) {
    std::string text = fmt::format("rule {} of policy {}", rule.rule, rule.policy);
    if (rule.source) text += fmt::format(" ({})", to_string(*rule.source));
    return text;
  };
  const std::string_view mode = name_of(decision.mode);
  if (decision.trial)
    return fmt::format("let through on trial: {} would deny it, and its mode is {}",
                       title(*decision.trial), mode);
  return fmt::format(
      "let through on trial: only {} allows it, whose mode is {}; by rules in force it is denied",
      title(decision), mode);
}

FirstMatches first_of(const std::vector<const PlacedRule*>& matching) {
  FirstMatches first{};
  for (const PlacedRule* placed : matching) {
    const PlacedRule*& best = first[static_cast<std::size_t>(rank_of(placed->rule))];
    if (!best) best = placed;
  }
  return first;
}

}  // namespace

Decision decision_of(const FirstMatches& first, const Subject& subject) {
  const auto last = first.begin() + static_cast<std::ptrdiff_t>(Rank::deny_warn);
  const auto decided = std::find_if(first.begin(), last, [](const auto* rule) { return rule; });
  if (decided == last)
    return {.message = fmt::format("no rule allows domain {} to use service {}", subject.domain,
                                   subject.service)};
  const PlacedRule& placed = **decided;
  Decision decision{.allowed = placed.rule.effect == Effect::allow,
                    .policy = placed.policy,
                    .rule = placed.rule.id,
                    .message = placed.rule.message,
                    .source = placed.source};
  if (decision.allowed) note_trial(first, placed, decision);
  return decision;
}

Explanation explanation_of(const std::vector<const PlacedRule*>& matching,
                           const std::vector<const PlacedRule*>& rules, const Subject& subject) {
  Explanation why{.domain = std::string(subject.domain),
                  .service = std::string(subject.service),
                  .decision = decision_of(first_of(matching), subject),
                  .matched_count = matching.size()};
  for (const PlacedRule* placed : matching) {
    if (why.matched.size() == kMatchedMax) break;
    why.matched.push_back(
        step_of(*placed, true,
                fmt::format("matches domain {} and service {}", subject.domain, subject.service)));
  }
  why.notice = notice_of(why.decision);
  if (why.decision.allowed) return why;
  if (!why.decision.policy.empty()) {
    why.fix = fix_of_deny(matching, subject);
    return why;
  }
  const std::vector<NearMiss> nearest = near_misses(rules, subject);
  for (const auto& [placed, selector] : nearest)
    why.nearest.push_back(
        step_of(*placed, false, why_not(selector, placed->rule.match, subject)));
  why.fix = fix_of_default(nearest, subject);
  return why;
}

}  // namespace vs
