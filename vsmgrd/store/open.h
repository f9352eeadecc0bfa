// How a database file is opened, and what is in it.
//
// Owned by the opening thread. Errors: those of sqlite.h, migrations.h and rows.h; conflict, when
// the file is another program's.
#pragma once

#include <filesystem>
#include <span>

#include "base/clock.h"
#include "vsmgrd/store/migrations.h"
#include "vsmgrd/store/rows.h"

namespace vs {

struct Contents {
  Desired desired;
  ObservedByKind observed;
  std::vector<Spoiled> spoiled;
};

inline constexpr const char* kInMemory = ":memory:";
inline constexpr std::uintmax_t kFreeBytesMin = 1 << 20;  // of a file system that takes writes

// Creates the file when there is none, checks it and brings it to the newest schema; before that, a
// copy of it is put beside it (backup.h).
Result<Database> open_writable(const std::filesystem::path& file,
                               std::span<const Migration> migrations, const Clock& clock);

Result<Contents> read_contents(Database& database);

// Whether the file system of `file` is read-only or full.
bool takes_no_writes(const std::filesystem::path& file);

// The file as it stands, the write-ahead log included, and nothing is written. Only while its lock
// is held.
Result<Database> open_frozen(const std::filesystem::path& file);

// A second connection to a file that is open, to read from while it is written.
Result<Database> open_reader(const std::filesystem::path& file);

// A file on a file system that takes no writes, the write-ahead log included. Only while its lock
// is held: it looks at no other.
Result<Database> open_frozen(const std::filesystem::path& file,
                             std::span<const Migration> migrations);

}  // namespace vs
