#include "vsmgrd/policy/engine.h"

#include <utility>

#include <fmt/format.h>

namespace vs {

PolicyEngine::PolicyEngine(NodeFacts node)
    : last_(std::make_shared<const PolicySet>(Desired{}, std::move(node))) {}

std::map<std::string, Decision> PolicyEngine::decide(const Desired& desired,
                                                     const Affected& affected) {
  const auto compiled = policies(desired);
  std::map<std::string, Decision> decisions;
  const auto decide_one = [&](const std::string& name, const Resource& resource) {
    const auto& binding = std::get<BindingSpec>(resource.spec);
    decisions.emplace(name, compiled->decide(binding.domain, binding.service));
  };
  if (affected.all) {
    for (const auto& [name, resource] : desired.bindings) decide_one(name, resource);
    return decisions;
  }
  for (const std::string& name : affected.bindings)
    if (const auto found = desired.bindings.find(name); found != desired.bindings.end())
      decide_one(name, found->second);
  return decisions;
}

std::shared_ptr<const PolicySet> PolicyEngine::policies(const Desired& desired) {
  return last_.with([&](std::shared_ptr<const PolicySet>& last) {
    last = std::make_shared<const PolicySet>(last->updated(desired));
    return last;
  });
}

std::string denied_elsewhere(const Desired& desired, const std::vector<std::string>& bindings, const std::string& node) {
  const auto there = PolicyEngine({.name = node, .labels = {}}).decide(desired, {.all = false, .bindings = bindings});
  for (const auto& [binding, decision] : there) {
    const auto here = desired.decisions.find(binding);
    const bool allowed_here = here != desired.decisions.end() && here->second.allowed;
    if (allowed_here && !decision.allowed && !decision.policy.empty())
      return fmt::format("rule {}/{} denies binding {} on node {}: {}", decision.policy, decision.rule, binding, node, decision.message);
  }
  return {};
}

std::map<std::string, Decision> decide_bindings(const Desired& desired, const Affected& affected) {
  return PolicyEngine().decide(desired, affected);
}

}  // namespace vs
