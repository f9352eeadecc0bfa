// All rules, filed so that a decision looks only at those that can match.
//
// Rules are filed under keys (rule_keys.h) in partitions by hash. A copy shares what it has in
// common with the original, so that changing a few policies of many copies only the partitions
// their rules are in. Immutable but for replace(), which one thread may call on a copy of its own;
// thread-safe otherwise.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "vsmgrd/policy/rule_keys.h"
#include "vsmgrd/policy/rule_match.h"

namespace vs {

// What a rule does, the strongest first: this order decides.
enum class Rank : std::uint8_t {
  deny,
  allow,
  allow_warn,
  allow_audit,
  deny_warn,  // from here on nothing is decided, only told
  deny_audit
};
inline constexpr std::size_t kRanks = 6;
Rank rank_of(const Rule& rule);

// One rule under one key.
struct Filing {
  std::uint64_t key;
  const PlacedRule* rule;
  Rank rank;
};

// The rules of one policy, and under what they are to be found. Immutable; made from an object that
// it keeps.
struct CompiledPolicy {
  std::vector<PlacedRule> rules;  // sorted by id
  std::vector<Filing> filings;    // of the rules that can match on this node
  std::map<RuleShape, std::size_t> shapes;  // and how many rules have each
};
std::shared_ptr<const CompiledPolicy> compile_rules(std::vector<PlacedRule> rules,
                                                    const NodeFacts& node);

class RuleIndex {
 public:
  using Policies = std::vector<std::shared_ptr<const CompiledPolicy>>;

  // Takes `gone`, which must be in it, out and files `fresh`. The caller keeps what is filed alive.
  void replace(const Policies& gone, const Policies& fresh);

  // Of each rank the first that matches, by policy and rule id; nullptr when none does.
  [[nodiscard]] std::array<const PlacedRule*, kRanks> first_matches(const Subject& subject) const;

  // All that match, by rank, policy and rule id.
  [[nodiscard]] std::vector<const PlacedRule*> all_matches(const Subject& subject) const;

  // How many rules are filed under the keys that first_matches() looks for: it compares at most
  // these.
  [[nodiscard]] std::size_t cost(const Subject& subject) const;

 private:
  static constexpr std::size_t kPartitionBits = 12;
  static constexpr std::size_t kPartitions = std::size_t{1} << kPartitionBits;

  // The filings of one key, in Partition::filings.
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };
  struct Partition {
    std::vector<Slot> slots;      // by key
    std::vector<Filing> filings;  // by key, rank, policy and rule id
  };
  // What a look-up reads of a partition, without a detour.
  struct View {
    const Slot* slots = nullptr;
    std::size_t count = 0;
    const Filing* filings = nullptr;
  };
  struct Table {
    std::array<std::shared_ptr<const Partition>, kPartitions> partitions;
    std::array<View, kPartitions> views;
  };
  struct ShapeUse {
    RuleShape shape;
    std::uint64_t seed = 0;
  };

  template <class Visit>
  void visit_keys(const Subject& subject, Visit visit) const;
  template <class Visit>
  void visit_filings(const Subject& subject, Visit visit) const;
  [[nodiscard]] const Slot* find(std::uint64_t key) const;
  static Partition changed(const Partition& before, const std::vector<const PlacedRule*>& gone,
                           std::vector<Filing> fresh);
  void count_shapes(const CompiledPolicy& policy, bool add);
  void list_shapes();

  std::shared_ptr<const Table> table_ = std::make_shared<const Table>();
  std::map<RuleShape, std::size_t> shapes_;  // and how many rules have each
  std::vector<ShapeUse> unlabelled_;         // of the shapes, those without labels
  std::map<std::uint64_t, std::vector<ShapeUse>> labelled_;  // the others, by their first label key
};

}  // namespace vs
