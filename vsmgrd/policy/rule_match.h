// One rule against one pair of domain and service: does it match, and if not, why.
//
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vsmgrd/model/resource.h"

namespace vs {

// Who asks for what.
struct Subject {
  std::string_view domain;
  const Labels& labels;  // the domain's
  std::string_view service;
  std::string_view kind;  // the service's; empty when the service is not declared
};

// A rule as the index holds it: with where it comes from, its lists sorted.
struct PlacedRule {
  std::string policy;
  Rule rule;
  std::optional<Source> source;
};

enum class Condition : std::uint8_t { domains, domain_labels, services, kinds };

bool matches(const RuleMatch& match, const Subject& subject);

// The conditions of `match` that do not hold, in the order of the enum.
std::vector<Condition> failed_conditions(const RuleMatch& match, const Subject& subject);

// Why `condition` does not hold: "domain web2 is not among web1".
std::string why_not(Condition condition, const RuleMatch& match, const Subject& subject);

// What would make it hold: "add web2 to the domains of rule allow-web1". `title` is how to call the
// rule.
std::string remedy(Condition condition, const RuleMatch& match, const Subject& subject,
                   std::string_view title);

}  // namespace vs
