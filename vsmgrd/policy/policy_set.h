// All access policies, compiled to an index, and the decisions they make.
//
// Default deny; an explicit deny wins over every allow; the order of rules and policies does not
// matter: of several rules that decide alike, the first by policy and rule name is reported.
// Immutable; made once per change of the desired state; thread-safe. A decision costs the rules
// that can match its domain and service, not the number of rules.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vsmgrd/model/resource.h"

namespace vs {

// One rule that was looked at for a decision.
struct Step {
  std::string policy;
  std::string rule;
  Effect effect{};
  bool matched = false;
  std::string because;  // "domain web2 is not among web1", "matches domain web2 and service dns"
  std::string message;
  std::optional<Source> source;
};

struct Explanation {
  std::string domain;
  std::string service;
  Decision decision;
  std::vector<Step> matched;  // every rule that matched, deny first
  std::vector<Step> nearest;  // when nothing matched: allow rules that failed on one condition
                              // only; at most kNearestMax
  std::string fix;            // what to change, when denied
};

inline constexpr std::size_t kNearestMax = 5;

class PolicySet {
 public:
  explicit PolicySet(const Desired& desired);
  ~PolicySet();
  PolicySet(PolicySet&&) noexcept;
  PolicySet& operator=(PolicySet&&) noexcept;

  // `domain` and `service` need not be declared: labels and kind are then empty.
  [[nodiscard]] Decision decide(std::string_view domain, std::string_view service) const;
  [[nodiscard]] Explanation explain(std::string_view domain, std::string_view service) const;

  // How many rules decide() looks at for this pair: what a decision costs.
  [[nodiscard]] std::size_t cost(std::string_view domain, std::string_view service) const;

 private:
  struct Index;
  std::unique_ptr<const Index> index_;
};

// The decision for every binding of `desired`; joined to the store by main.cc, so that decisions
// commit with what they are about.
std::map<std::string, Decision> decide_bindings(const Desired& desired);

}  // namespace vs
