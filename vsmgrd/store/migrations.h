// The database's schema: who made it, which version it has, and the way to ours.
//
// A migration and its entry in schema_history are one transaction. Owned by the opening thread.
// Errors: conflict (a newer schema, another program's database), internal (a migration was applied
// with another text than ours), and those of sqlite.h.
#pragma once

#include <span>
#include <string_view>

#include "base/clock.h"
#include "vsmgrd/store/sqlite.h"

namespace vs {

inline constexpr std::int64_t kApplicationId = 0x56534d47;  // "VSMG", in the file's header

struct Migration {
  int version;  // 1, 2, 3 ... without gaps
  std::string_view name;
  std::string_view sha256;  // of the file, in hex
  std::string_view sql;
};

// Those in schemas/sql, by version.
std::span<const Migration> shipped_migrations();

// Whether the database is ours (or empty) and not newer than `migrations`. Changes nothing.
Result<> check_schema(Database& database, std::span<const Migration> migrations);

// Applies what is missing. After check_schema().
Result<> migrate(Database& database, std::span<const Migration> migrations, const Clock& clock);

}  // namespace vs
