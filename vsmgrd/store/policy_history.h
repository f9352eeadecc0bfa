// The access and sharing policies of earlier generations: what `policy rollback` goes back to.
//
// A generation is what a change of any of them makes; Desired::policy_generation is the newest. Kept:
// the last kPolicyGenerationsMax.
//
// Thread-safe. Errors: not_found, and those of sqlite.h.
#pragma once

#include <string>
#include <vector>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/actor.h"
#include "vsmgrd/store/ledger.h"

namespace vs {

inline constexpr std::int64_t kPolicyGenerationsMax = 100;

struct PolicyGeneration {
  struct Change {
    Kind kind{};
    std::string name;
    std::string action;  // created, updated, deleted
  };
  std::int64_t generation = 0;
  WallTime at{};
  std::string principal;
  std::string request_id;
  std::vector<Change> changes;
};

class PolicyHistory {
 public:
  explicit PolicyHistory(Ledger& ledger) : ledger_(ledger) {}

  Result<std::vector<PolicyGeneration>> list() const;  // the newest first
  // All policies of that generation, to be applied again with WriteOptions::prune.
  Result<std::vector<Resource>> policies(std::int64_t generation) const;

  // For the store, inside of a piece of work: `generation.generation` begins; `now` is what it holds.
  static Result<> begin(Turn& turn, const PolicyGeneration& generation, const Desired& now);
  static Result<> trim(Turn& turn);

 private:
  Ledger& ledger_;
};

}  // namespace vs
