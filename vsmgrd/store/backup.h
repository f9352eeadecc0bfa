// Copies of the database: made while it is served, put back while it is not.
//
// A copy is a database of its own, mode 0600, with a name that says when it was made and of which
// schema; it has been checked and synced when it gets that name. Those made before a migration stand
// beside the database (FILE.before-schema-2.20261124T101500Z), the newest kMigrationCopiesMax are
// kept. Those an operator asks for stand in the folder "backups" beside it
// (backups/20261124T101500.000Z.db), the newest kBackupsMax are kept. Names are made here: no path
// comes from outside.
//
// Functions without state. Errors: invalid (not a copy of ours, damaged), conflict (a newer schema;
// the database is in use), and those of sqlite.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace vs {

class Database;
struct Migration;

inline constexpr std::size_t kMigrationCopiesMax = 3;
inline constexpr std::size_t kBackupsMax = 10;

struct Backup {
  std::string name;  // of the file in the folder; what restore_backup() is told
  std::int64_t bytes = 0;
};

Result<> keep_copy_before_migration(Database& database, const std::filesystem::path& file,
                                    std::span<const Migration> migrations, const Clock& clock);

// How far a copy is, in pages ("copying", then "checking"); false ends it, conflict, and leaves nothing
// behind. Null: it is told to nobody.
using BackupLook = std::function<bool(const char* phase, std::uint64_t done, std::uint64_t total)>;

// `reader` is any connection to `file`; nobody waits for it.
Result<Backup> make_backup(Database& reader, const std::filesystem::path& file, const Clock& clock,
                           const BackupLook& look = {});
Result<std::vector<Backup>> list_backups(const std::filesystem::path& file);  // the newest first

// Puts a copy in the place of `file`, which nobody may have open; what was there is kept as
// FILE.replaced.TIME. `copy` may stand anywhere: it is an operator's word on the command line.
Result<> restore_backup(const std::filesystem::path& copy, const std::filesystem::path& file,
                        const Clock& clock);

// What is wrong with a database: its pages, its references, its audit chain. One line each; all
// empty when it is sound.
struct Finding {
  std::string check;  // "pages", "references", "audit", "objects", "drift"
  bool sound = true;
  std::string message;  // what was looked at, or what is wrong
};
Result<std::vector<Finding>> examine(Database& database);

}  // namespace vs
