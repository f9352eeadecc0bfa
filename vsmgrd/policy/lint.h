// What is wrong with policies that are valid: rules that never do anything, or not what they seem.
//
// Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/policy/policy_set.h"

namespace vs {

inline constexpr std::size_t kLintFindingsMax = 1000;

struct LintFinding {
  // shadowed       an allow of which everything is denied by one rule: it can never grant
  // redundant      everything it matches is matched by another rule that does the same
  // never_matches  no domain and service that are declared match
  // unknown_name   it names a domain, service or kind of service that is not declared
  // open_to_all    an allow in force that matches every domain and every service
  std::string code;
  std::string policy;
  std::string rule;  // empty: a sharing policy
  std::string message;
  std::optional<Source> source;
  std::optional<Source> other;  // of the rule that shadows it, or does the same
};

// By policy and rule; at most kLintFindingsMax. `desired` is the one that `policies` are of. Names
// are looked up only when anything is declared: files may hold policies alone.
std::vector<LintFinding> lint(const PolicySet& policies, const Desired& desired);

}  // namespace vs
