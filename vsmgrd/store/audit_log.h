// Who changed what, and who was refused: rows chained by their hashes, so that an edit, a removal or
// an insertion anywhere but at the very end shows; the end shows when its hash was noted elsewhere.
//
// hash = SHA-256 of the hash before and of every field, each with its length in front. Bounded:
// beyond kAuditRowsMax the oldest go, and where the chain begins is noted.
//
// Thread-safe. Errors: those of sqlite.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/actor.h"
#include "vsmgrd/store/ledger.h"

namespace vs {

inline constexpr std::int64_t kAuditRowsMax = 200'000;
inline constexpr std::size_t kAuditPageMax = 1000;

struct AuditEntry {
  std::int64_t id = 0;
  WallTime at{};
  Actor actor;
  std::string verb;  // create update delete; issue rotate revoke; acknowledge; cancel; or the method
                     // and route of a request that was refused
  std::string kind;  // of the object, may be empty
  std::string name;
  std::string uid;
  std::int64_t old_version = 0;  // 0: there was, or is, none
  std::int64_t new_version = 0;
  std::int64_t decision = 0;       // id of its record; 0: none was made
  std::string outcome = "done";    // done | refused
  std::string code;                // of a refusal: stable word
  std::string message;             // for people; never a secret
  std::string hash;                // 64 hex digits; by the log, as id and at
};

struct AuditVerdict {
  bool sound = true;
  std::int64_t rows = 0;
  std::int64_t first_id = 0;   // of the rows there are
  std::int64_t last_id = 0;
  std::string last_hash;       // to be noted elsewhere
  std::int64_t broken_at = 0;  // the first row that does not fit
  std::string message;         // what is wrong with it
};

class AuditLog {
 public:
  struct Query {
    std::int64_t before = 0;  // id; 0: from the newest
    std::size_t limit = kAuditPageMax;
    std::string kind, name, principal, outcome;  // each empty: any
  };

  explicit AuditLog(Ledger& ledger) : ledger_(ledger) {}

  // Durable when it returns. For what is no change of the store: refusals, logins.
  Result<> append(AuditEntry entry);
  Result<std::vector<AuditEntry>> list(const Query& query) const;  // the newest first
  Result<AuditVerdict> verify() const;
  static Result<AuditVerdict> verify(Database& database);

  // For the store and its logs, inside of a piece of work.
  static Result<> append(Turn& turn, AuditEntry entry);
  static Result<> trim(Turn& turn);

 private:
  Ledger& ledger_;
};

}  // namespace vs
