// All access and sharing policies, compiled, and the decisions they make.
//
// Access: default deny; an explicit deny wins over every allow; the order of rules and policies
// does not matter: of several rules that decide alike, the first by policy and rule name is
// reported. A rule on trial (Mode) never denies; it grants what no rule in force allows, and says
// so. Sharing: of the sharing policies that match, the most specific; see more_specific().
//
// Immutable; thread-safe. A decision costs the shapes of the rules (rule_keys.h), not their number.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/policy/rule_match.h"

namespace vs {

// One rule that was looked at for a decision.
struct Step {
  std::string policy;
  std::string rule;  // empty for a sharing policy
  Effect effect{};
  Mode mode = Mode::enforce;
  bool matched = false;
  std::string because;  // "domain web2 is not among web1", "matches domain web2 and service dns"
  std::string message;
  std::optional<Source> source;
};

inline constexpr std::size_t kNearestMax = 5;
inline constexpr std::size_t kMatchedMax = 100;  // steps shown; matched_count tells of all

struct Explanation {
  std::string domain;
  std::string service;
  Decision decision;
  std::vector<Step> matched;      // every rule that matched, the deciding kind first
  std::size_t matched_count = 0;  // also those beyond kMatchedMax
  std::vector<Step> nearest;      // when nothing matched: allow rules that failed on one selector
                                  // only; at most kNearestMax
  std::vector<Step> sharing;      // the sharing policies that matched, the chosen one first
  std::string fix;                // what to change, when denied
  std::string notice;             // what a rule on trial would have done; may be empty
  std::int64_t policy_generation = 0;  // of the policies that were asked; 0: never stored
};

class PolicySet {
 public:
  explicit PolicySet(const Desired& desired, NodeFacts node = {});
  ~PolicySet();
  PolicySet(PolicySet&&) noexcept;
  PolicySet& operator=(PolicySet&&) noexcept;

  // That of `next`. Compiles only the policies that are other objects there than here.
  [[nodiscard]] PolicySet updated(const Desired& next) const;

  // `domain` and `service` need not be declared: labels, type and kind are then empty.
  [[nodiscard]] Decision decide(std::string_view domain, std::string_view service) const;
  [[nodiscard]] Explanation explain(std::string_view domain, std::string_view service) const;

  // The same for what only a question knows: a domain with other labels, say.
  [[nodiscard]] Decision decide(const Subject& subject) const;
  [[nodiscard]] Explanation explain(const Subject& subject) const;
  // All rules that match, by rank, policy and rule id.
  [[nodiscard]] std::vector<const PlacedRule*> matching(const Subject& subject) const;
  [[nodiscard]] const NodeFacts& node() const;

  // Every rule of every access policy, by policy and rule id; and every sharing policy.
  void for_each_rule(const std::function<void(const PlacedRule&)>& visit) const;
  void for_each_sharing_rule(const std::function<void(const PlacedRule&)>& visit) const;

  // How many rules decide() may look at for this pair: what a decision costs.
  [[nodiscard]] std::size_t cost(std::string_view domain, std::string_view service) const;
  // How many policies the last construction or updated() compiled.
  [[nodiscard]] std::size_t compiled() const;

 private:
  struct State;
  explicit PolicySet(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

// Of two sharing policies that match, which counts: the one that names more of domain, service and
// node; then the one that asks for more labels; then the one that asks for a type or a kind; then
// the one that shares less (private, group, delayed, open); then the first by name.
bool more_specific(const PlacedRule& left, std::string_view left_mode, const PlacedRule& right,
                   std::string_view right_mode);

}  // namespace vs
