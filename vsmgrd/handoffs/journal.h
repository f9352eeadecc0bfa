// Where a node's handoffs are kept: the keeper's records and standings as rows of the store, and what the reconciler is told of them.
//
// Thread-safe, as the store is. Errors: those of HandoffTable; internal (a row that this version does not read, naming it).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "vsmgrd/migration/keeper.h"
#include "vsmgrd/reconciler/owners.h"
#include "vsmgrd/store/handoff_table.h"

namespace vs {

class HandoffJournal {
 public:
  struct Kept {
    std::vector<handoff::Record> records;  // the first that began first
    std::vector<handoff::Standing> standings;
    std::map<std::string, HandoffTimes> times;  // of the records, by id
  };

  // `table` must outlive it.
  explicit HandoffJournal(HandoffTable& table) : table_(table) {}

  Result<Kept> read() const;
  // Both or neither, durable when it returns; as handoff::Keeper::Write.
  Result<> write(const handoff::Entry& entry);
  // As handoff::Keeper::Forget: what cannot be forgotten now is read again after the next restart, and forgotten then.
  void forget(const std::vector<std::string>& ids);

 private:
  HandoffTable& table_;
};

// Of every binding that ever moved, as `node` must see it.
Owners owners_of(const handoff::Keeper& keeper, const std::string& node);

}  // namespace vs
