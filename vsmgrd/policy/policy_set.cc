#include "vsmgrd/policy/policy_set.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/policy/explain.h"
#include "vsmgrd/policy/rule_index.h"

namespace vs {
namespace {

std::vector<PlacedRule> placed_rules(const Desired& desired) {
  std::vector<PlacedRule> rules;
  for (const auto& [name, resource] : desired.policies) {
    const auto& policy = std::get<AccessPolicySpec>(resource.spec);
    const Sources& sources = resource.metadata.sources;
    for (std::size_t i = 0; i < policy.rules.size(); ++i) {
      const auto source = sources.find(fmt::format("/spec/rules/{}", i));
      rules.push_back(
          {.policy = name,
           .rule = policy.rules[i],
           .source = source == sources.end() ? std::nullopt : std::optional(source->second)});
    }
  }
  return rules;
}

}  // namespace

struct PolicySet::Index {
  RuleIndex rules;
  std::map<std::string, Labels, std::less<>> labels;      // by domain
  std::map<std::string, std::string, std::less<>> kinds;  // by service

  [[nodiscard]] Subject subject(std::string_view domain, std::string_view service) const {
    static const Labels none;
    const auto found = labels.find(domain);
    const auto kind = kinds.find(service);
    return {.domain = domain,
            .labels = found == labels.end() ? none : found->second,
            .service = service,
            .kind = kind == kinds.end() ? std::string_view() : std::string_view(kind->second)};
  }

  // The rules that match, the deciding one first.
  [[nodiscard]] std::vector<const PlacedRule*> matching(const Subject& subject) const {
    std::vector<std::size_t> positions = rules.candidates(subject);
    std::erase_if(positions, [&](std::size_t position) {
      return !matches(rules.rules()[position].rule.match, subject);
    });
    const auto rank = [&](std::size_t position) {  // positions are in the order of their names
      return std::pair(rules.rules()[position].rule.effect == Effect::allow, position);
    };
    std::sort(positions.begin(), positions.end(),
              [&](std::size_t left, std::size_t right) { return rank(left) < rank(right); });
    std::vector<const PlacedRule*> found;
    found.reserve(positions.size());
    for (const std::size_t position : positions) found.push_back(&rules.rules()[position]);
    return found;
  }
};

PolicySet::PolicySet(const Desired& desired) {
  auto index = std::make_unique<Index>(Index{.rules = RuleIndex(placed_rules(desired))});
  for (const auto& [name, domain] : desired.domains)
    index->labels.emplace(name, domain.metadata.labels);
  for (const auto& [name, service] : desired.services)
    index->kinds.emplace(name, std::get<ServiceSpec>(service.spec).kind);
  index_ = std::move(index);
}

PolicySet::~PolicySet() = default;
PolicySet::PolicySet(PolicySet&&) noexcept = default;
PolicySet& PolicySet::operator=(PolicySet&&) noexcept = default;

Decision PolicySet::decide(std::string_view domain, std::string_view service) const {
  const Subject subject = index_->subject(domain, service);
  return decision_of(index_->matching(subject), subject);
}

Explanation PolicySet::explain(std::string_view domain, std::string_view service) const {
  const Subject subject = index_->subject(domain, service);
  return explanation_of(index_->matching(subject), index_->rules.rules(), subject);
}

std::size_t PolicySet::cost(std::string_view domain, std::string_view service) const {
  return index_->rules.candidates(index_->subject(domain, service)).size();
}

std::map<std::string, Decision> decide_bindings(const Desired& desired) {
  const PolicySet policies(desired);
  std::map<std::string, Decision> decisions;
  for (const auto& [name, resource] : desired.bindings) {
    const auto& binding = std::get<BindingSpec>(resource.spec);
    decisions.emplace(name, policies.decide(binding.domain, binding.service));
  }
  return decisions;
}

}  // namespace vs
