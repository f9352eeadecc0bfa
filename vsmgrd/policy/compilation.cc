#include "vsmgrd/policy/compilation.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

namespace vs {
namespace {

std::optional<Source> source_at(const Resource& policy, const std::string& pointer) {
  const auto found = policy.metadata.sources.find(pointer);
  if (found == policy.metadata.sources.end()) return std::nullopt;
  return found->second;
}

std::vector<PlacedRule> rules_of(const Resource& policy) {
  const std::string& name = policy.metadata.name;
  if (const auto* sharing = std::get_if<SharingPolicySpec>(&policy.spec))
    return {{.policy = name,
             .rule = {.effect = Effect::allow, .match = sharing->match},
             .source = source_at(policy, "")}};
  std::vector<PlacedRule> placed;
  const auto& rules = std::get<AccessPolicySpec>(policy.spec).rules;
  placed.reserve(rules.size());
  for (std::size_t i = 0; i < rules.size(); ++i)
    placed.push_back({.policy = name,
                      .rule = rules[i],
                      .source = source_at(policy, fmt::format("/spec/rules/{}", i))});
  return placed;
}

}  // namespace

std::size_t Compilation::update(const Resources& next, const NodeFacts& node) {
  if (next.same_as(objects_)) return 0;
  RuleIndex::Policies gone;
  RuleIndex::Policies fresh;
  std::map<std::string, Entry, std::less<>> entries;
  for (const auto& [name, resource] : next) {
    const auto known = entries_.find(name);
    if (known != entries_.end() && known->second.object.get() == &resource) {
      entries.insert(entries_.extract(known));
      continue;
    }
    Entry entry{.object = next.shared(name), .compiled = compile_rules(rules_of(resource), node)};
    fresh.push_back(entry.compiled);
    entries.emplace(name, std::move(entry));
  }
  for (const auto& [name, entry] : entries_) gone.push_back(entry.compiled);
  index_.replace(gone, fresh);
  entries_ = std::move(entries);
  objects_ = next;
  return fresh.size();
}

void Compilation::for_each_rule(const std::function<void(const PlacedRule&)>& visit) const {
  for (const auto& [name, entry] : entries_)
    for (const PlacedRule& placed : entry.compiled->rules) visit(placed);
}

}  // namespace vs
