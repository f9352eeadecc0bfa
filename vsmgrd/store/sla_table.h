// What was measured of promises, kept over restarts of the daemon: a text for each binding, which is its writer's own.
//
// Thread-safe. Errors: those of sqlite.h.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "vsmgrd/store/ledger.h"

namespace vs {

class SlaTable {
 public:
  using States = std::map<std::string, std::string>;  // by binding; JSON

  explicit SlaTable(Ledger& ledger) : ledger_(ledger) {}

  Result<States> load() const;
  // All of it: what is not named goes.
  Result<> save(const States& states);

 private:
  Ledger& ledger_;
};

}  // namespace vs
