// The decisions that were made, each with what it was made from: to explain one afterwards, and to
// replay them against other policies.
//
// A record is made, in the transaction of the change, for each binding whose decision is new or
// different. Bounded: beyond kDecisionRecordsMax the oldest go.
//
// Thread-safe. Errors: not_found, and those of sqlite.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/actor.h"
#include "vsmgrd/store/ledger.h"

namespace vs {

inline constexpr std::int64_t kDecisionRecordsMax = 100'000;
inline constexpr std::size_t kDecisionPageMax = 1000;

struct DecisionRecord {
  std::int64_t id = 0;
  WallTime at{};
  std::int64_t policy_generation = 0;
  std::string binding;
  std::string domain;
  Labels domain_labels;  // then
  std::string service;
  std::string service_kind;
  Decision decision;
  std::string principal;   // whose change led to it
  std::string request_id;
};

class DecisionLog {
 public:
  struct Query {
    std::int64_t after = 0;  // id
    std::size_t limit = kDecisionPageMax;
    std::string binding;           // empty: any
    std::optional<bool> allowed;
  };

  explicit DecisionLog(Ledger& ledger) : ledger_(ledger) {}

  Result<DecisionRecord> get(std::int64_t id) const;
  Result<std::vector<DecisionRecord>> list(const Query& query) const;  // the oldest first

  // For the store, inside of a piece of work. Returns the record's id.
  static Result<std::int64_t> append(Turn& turn, const DecisionRecord& record);
  static Result<> trim(Turn& turn);

 private:
  Ledger& ledger_;
};

}  // namespace vs
