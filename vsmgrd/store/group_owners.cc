#include "vsmgrd/store/group_owners.h"

#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

// The first member, by name, and the first that has another owner.
struct Members {
  std::string first, first_owner, other, other_owner;
};

std::string owner_of(const Desired& desired, const std::string& domain, const std::string& label) {
  const auto found = desired.domains.find(domain);
  if (found == desired.domains.end()) return {};
  const auto owner = found->second.metadata.labels.find(label);
  return owner == found->second.metadata.labels.end() ? std::string() : owner->second;
}

Members members_of(const Desired& desired, const std::string& group, const std::string& label) {
  Members members;
  for (const auto& [name, decision] : desired.decisions) {
    if (!decision.allowed || decision.sharing.mode != "group" || decision.sharing.group != group) continue;
    const auto binding = desired.bindings.find(name);
    if (binding == desired.bindings.end()) continue;
    const std::string& domain = std::get<BindingSpec>(binding->second.spec).domain;
    std::string owner = owner_of(desired, domain, label);
    if (members.first.empty()) {
      members.first = domain;
      members.first_owner = std::move(owner);
    } else if (owner != members.first_owner && members.other.empty()) {
      members.other = domain;
      members.other_owner = std::move(owner);
    }
  }
  return members;
}

std::string said(const Desired& desired, const std::string& domain, const std::string& owner, const Sees& sees) {
  const auto found = desired.domains.find(domain);
  if (sees && (found == desired.domains.end() || !sees(found->second))) return "a domain outside the scope of another";
  return fmt::format("{} is of {}", domain, owner.empty() ? "nobody" : in_quotes(owner));
}

}  // namespace

std::vector<Problem> mixed_owners(const Desired& desired, const Sees& sees) {
  std::vector<Problem> problems;
  for (const auto& [name, resource] : desired.sharing_policies) {
    const auto& spec = std::get<SharingPolicySpec>(resource.spec);
    if (spec.owner_label.empty()) continue;
    const Members members = members_of(desired, spec.group, spec.owner_label);
    if (members.other.empty()) continue;
    problems.push_back({.pointer = "/spec/ownerLabel",
                        .message = fmt::format("SharingPolicy {}: group {} mixes owners: by label {}, {} and {}",
                                               in_quotes(name), in_quotes(spec.group), in_quotes(spec.owner_label),
                                               said(desired, members.first, members.first_owner, sees),
                                               said(desired, members.other, members.other_owner, sees)),
                        .hint = "match one owner's domains, or give each owner a group",
                        .source = nearest_source(resource.metadata.sources, "/spec/ownerLabel"),
                        .code = "mixed_owners"});
  }
  return problems;
}

}  // namespace vs
