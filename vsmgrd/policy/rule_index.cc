#include "vsmgrd/policy/rule_index.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace vs {
namespace {

constexpr std::uint32_t kAnything = 0;

std::uint64_t pair_of(std::uint32_t domain_key, std::uint32_t service_key) {
  return std::uint64_t{domain_key} << 32 | service_key;
}

// A label's key has no "=" in it, so two labels never share a text.
std::string label_text(const Labels::value_type& label) { return label.first + '=' + label.second; }

void sort_lists(RuleMatch& match) {
  for (auto* list : {&match.domains, &match.services, &match.kinds})
    std::sort(list->begin(), list->end());
}

}  // namespace

RuleIndex::RuleIndex(std::vector<PlacedRule> rules)
    : rules_(std::move(rules)), next_id_(kAnything + 1) {
  std::sort(rules_.begin(), rules_.end(), [](const PlacedRule& left, const PlacedRule& right) {
    return std::tie(left.policy, left.rule.id) < std::tie(right.policy, right.rule.id);
  });
  std::unordered_map<std::string, std::size_t> label_uses;
  for (PlacedRule& placed : rules_) {
    sort_lists(placed.rule.match);
    for (const auto& label : placed.rule.match.domain_labels) ++label_uses[label_text(label)];
  }
  for (std::size_t position = 0; position < rules_.size(); ++position) file(position, label_uses);
}

RuleIndex::KeyId RuleIndex::id_of(KeyIds& ids, std::string key) {
  const auto [found, fresh] = ids.emplace(std::move(key), next_id_);
  if (fresh) ++next_id_;
  return found->second;
}

void RuleIndex::file(std::size_t position,
                     const std::unordered_map<std::string, std::size_t>& label_uses) {
  const RuleMatch& match = rules_[position].rule.match;
  std::vector<KeyId> domains;
  for (const std::string& name : match.domains) domains.push_back(id_of(domain_names_, name));
  if (domains.empty() && !match.domain_labels.empty()) {
    // Under one label, the rarest: it keeps most others from looking here.
    const auto rarest = std::min_element(match.domain_labels.begin(), match.domain_labels.end(),
                                         [&](const auto& left, const auto& right) {
                                           return label_uses.at(label_text(left)) <
                                                  label_uses.at(label_text(right));
                                         });
    domains.push_back(id_of(domain_labels_, label_text(*rarest)));
  }
  std::vector<KeyId> services;
  for (const std::string& name : match.services) services.push_back(id_of(service_names_, name));
  if (services.empty())
    for (const std::string& kind : match.kinds) services.push_back(id_of(service_kinds_, kind));

  if (domains.size() * services.size() > kPairsPerRuleMax)
    (domains.size() < services.size() ? domains : services).clear();
  if (domains.empty()) domains.push_back(kAnything);
  if (services.empty()) services.push_back(kAnything);
  for (const KeyId domain : domains)
    for (const KeyId service : services) filed_[pair_of(domain, service)].push_back(position);
}

std::vector<RuleIndex::KeyId> RuleIndex::domain_keys(const Subject& subject) const {
  std::vector<KeyId> keys{kAnything};
  if (const auto name = domain_names_.find(subject.domain); name != domain_names_.end())
    keys.push_back(name->second);
  for (const auto& label : subject.labels)
    if (const auto found = domain_labels_.find(label_text(label)); found != domain_labels_.end())
      keys.push_back(found->second);
  return keys;
}

std::vector<RuleIndex::KeyId> RuleIndex::service_keys(const Subject& subject) const {
  std::vector<KeyId> keys{kAnything};
  if (const auto name = service_names_.find(subject.service); name != service_names_.end())
    keys.push_back(name->second);
  if (const auto kind = service_kinds_.find(subject.kind); kind != service_kinds_.end())
    keys.push_back(kind->second);
  return keys;
}

std::vector<std::size_t> RuleIndex::candidates(const Subject& subject) const {
  std::vector<std::size_t> positions;
  const std::vector<KeyId> services = service_keys(subject);
  for (const KeyId domain : domain_keys(subject))
    for (const KeyId service : services)
      if (const auto found = filed_.find(pair_of(domain, service)); found != filed_.end())
        positions.insert(positions.end(), found->second.begin(), found->second.end());
  return positions;
}

}  // namespace vs
