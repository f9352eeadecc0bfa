// All rules, filed so that a decision looks only at those that can match.
//
// Each rule is filed under pairs of a domain key (a name, a label or anything) and a service key (a
// name, a kind or anything). A subject has few keys, so a look-up costs its keys and what is filed
// there, whatever the number of rules. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vsmgrd/policy/rule_match.h"

namespace vs {

// A rule that names more pairs than this is filed by its longer list alone, and its other list is
// compared.
inline constexpr std::size_t kPairsPerRuleMax = 256;

class RuleIndex {
 public:
  explicit RuleIndex(std::vector<PlacedRule> rules);

  // Positions in rules() of all rules that match `subject` and perhaps of some that do not; each
  // once, in no order.
  [[nodiscard]] std::vector<std::size_t> candidates(const Subject& subject) const;

  // Sorted by policy and rule id.
  [[nodiscard]] const std::vector<PlacedRule>& rules() const { return rules_; }

 private:
  using KeyId = std::uint32_t;
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using KeyIds = std::unordered_map<std::string, KeyId, Hash, std::equal_to<>>;

  void file(std::size_t position, const std::unordered_map<std::string, std::size_t>& label_uses);
  KeyId id_of(KeyIds& ids, std::string key);
  [[nodiscard]] std::vector<KeyId> domain_keys(const Subject& subject) const;
  [[nodiscard]] std::vector<KeyId> service_keys(const Subject& subject) const;

  std::vector<PlacedRule> rules_;
  KeyIds domain_names_, domain_labels_, service_names_, service_kinds_;
  KeyId next_id_;
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> filed_;  // by pair of keys
};

}  // namespace vs
