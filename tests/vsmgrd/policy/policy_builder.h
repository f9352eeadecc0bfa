// A Desired made by hand, for tests of decisions.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vsmgrd/model/resource.h"

namespace vs::test {

inline void add_domain(Desired& desired, const std::string& name, Labels labels = {},
                       const std::string& type = "sandbox") {
  desired.domains[name] = {.metadata = {.name = name, .labels = std::move(labels)},
                           .spec = DomainSpec{.type = type}};
}
inline void add_service(Desired& desired, const std::string& name,
                        const std::string& kind = "dns") {
  desired.services[name] = {.metadata = {.name = name}, .spec = ServiceSpec{.kind = kind}};
}
// Each rule stands on its own line of the file NAME.yaml, from line 1.
inline void add_policy(Desired& desired, const std::string& name, std::vector<Rule> rules) {
  Resource policy{.metadata = {.name = name}};
  for (std::size_t i = 0; i < rules.size(); ++i)
    policy.metadata.sources["/spec/rules/" + std::to_string(i)] = {name + ".yaml",
                                                                   static_cast<int>(i) + 1, 1};
  policy.spec = AccessPolicySpec{std::move(rules)};
  desired.policies[name] = std::move(policy);
}
inline void add_sharing(Desired& desired, const std::string& name, const std::string& mode,
                        RuleMatch match) {
  desired.sharing_policies[name] = {
      .metadata = {.name = name, .sources = {{"", {name + ".yaml", 1, 1}}}},
      .spec = SharingPolicySpec{.match = std::move(match), .mode = mode}};
}
inline void add_binding(Desired& desired, const std::string& name, const std::string& domain,
                        const std::string& service) {
  desired.bindings[name] = {.metadata = {.name = name},
                            .spec = BindingSpec{domain, service, "dns"}};
}

inline Rule allow(const std::string& id, RuleMatch match) {
  return {id, Effect::allow, id + " says yes", std::move(match)};
}
inline Rule deny(const std::string& id, RuleMatch match) {
  return {id, Effect::deny, id + " says no", std::move(match)};
}

inline Rule on_trial(Mode mode, Rule rule) {
  rule.mode = mode;
  return rule;
}

}  // namespace vs::test
