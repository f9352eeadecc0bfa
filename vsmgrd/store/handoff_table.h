// Handoffs of domains between nodes, and who owns the bindings that moved: durable before anything is done by them.
//
// Thread-safe. Errors: conflict (an epoch that would fall), and those of sqlite.h; then nothing was written.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/ledger.h"

namespace vs {

// A handoff as the table has it: what vsmgrd/migration keeps, as text, and columns to find it by.
struct StoredHandoff {
  std::string id;
  std::string role;  // source | destination
  std::string domain;
  std::string peer;
  std::string phase;
  std::string outcome;
  std::string record;  // JSON
  std::optional<std::chrono::milliseconds> lasts;  // the phase, from now; none: it has no end
};

struct HandoffTimes {
  WallTime started;
  WallTime changed;
  std::optional<WallTime> deadline;
};

struct StoredStanding {
  std::string binding;
  std::uint64_t epoch = 1;
  std::string owner;
  friend bool operator==(const StoredStanding&, const StoredStanding&) = default;
};

class HandoffTable {
 public:
  struct Row {
    StoredHandoff handoff;  // without `lasts`
    HandoffTimes times;
  };
  struct All {
    std::vector<Row> handoffs;  // the first that began first
    std::vector<StoredStanding> standings;
  };

  explicit HandoffTable(Ledger& ledger) : ledger_(ledger) {}

  Result<All> load() const;
  // Both or neither: the handoff, new or in the place of the one with its id, and standings, in the place of those of the same
  // bindings.
  Result<> save(const StoredHandoff& handoff, const std::vector<StoredStanding>& standings);
  // Those that are named and there are. Standings stay.
  Result<> forget(const std::vector<std::string>& ids);

 private:
  Ledger& ledger_;
};

}  // namespace vs
