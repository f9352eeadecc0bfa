#include "vsmgrd/store/open.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "vsmgrd/store/backup.h"

namespace vs {
namespace {

// SQLite would make it readable to others; its log files take over the mode.
Result<> make_private_file(const std::filesystem::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return fail_errno(errno, "database " + file.string());
  return {};
}

// Of what is served. The logs are many times as large, and no reason not to serve: the doctor looks at
// them, and who reads or writes a damaged one is told.
Result<> check_pages(Database& database) {
  for (const char* table : {"meta", "resource", "decision", "observed"}) {
    const auto there = database.integer(
        fmt::format("SELECT count(*) FROM sqlite_schema WHERE name = '{}'", table));
    if (!there) return fail(there.error());
    if (*there == 0) continue;  // a new file
    const auto found = database.text(fmt::format("PRAGMA quick_check({})", table));
    if (!found) return fail(found.error());
    if (*found != "ok")
      return fail(ErrorCode::internal,
                  fmt::format("database {} is damaged ({}): stop vsmgrd, put the file aside and "
                              "restore a copy",
                              database.title(), *found));
  }
  return {};
}

Result<> set_up(Database& database) {
  // Extra for this one step: of a new file the switch to the log deletes a rollback journal, and
  // one that came back after a power cut would undo all that was logged since.
  if (auto careful = database.run("PRAGMA synchronous = EXTRA"); !careful) return careful;
  const auto mode = database.text("PRAGMA journal_mode = WAL");
  if (!mode) return fail(mode.error());
  if (*mode != "wal" && database.title() != kInMemory)
    return fail(ErrorCode::unavailable,
                fmt::format("database {}: no write-ahead log here ({})", database.title(), *mode));
  // No spill: a change that is too large for the cache must not reach the file before its commit,
  // least of all a dry run.
  return database.run(
      "PRAGMA synchronous = FULL;"
      "PRAGMA foreign_keys = ON;"
      "PRAGMA cache_spill = OFF;"
      "PRAGMA temp_store = MEMORY;"
      "PRAGMA journal_size_limit = 4194304;");
}

std::string uri_of(const std::filesystem::path& file, std::string_view options) {
  std::string uri = "file:";
  for (const char c : file.string()) {
    if (c == '%' || c == '?' || c == '#')
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    else
      uri += c;
  }
  return uri + '?' + std::string(options);
}

}  // namespace

Result<Database> open_writable(const std::filesystem::path& file,
                               std::span<const Migration> migrations, const Clock& clock) {
  const bool in_memory = file == kInMemory;
  if (!in_memory)
    if (auto made = make_private_file(file); !made) return fail(std::move(made.error()));
  auto database = Database::open(
      file.string(), SQLITE_OPEN_READWRITE | (in_memory ? SQLITE_OPEN_MEMORY : 0), file.string());
  if (!database) return database;
  // Whose file it is comes first: another program's must not be touched.
  if (auto ours = check_schema(*database, migrations); !ours) return fail(std::move(ours.error()));
  if (auto ready = set_up(*database); !ready) return fail(std::move(ready.error()));
  if (auto sound = check_pages(*database); !sound) return fail(std::move(sound.error()));
  if (!in_memory)
    if (auto kept = keep_copy_before_migration(*database, file, migrations, clock); !kept)
      return fail(std::move(kept.error()));
  if (auto newest = migrate(*database, migrations, clock); !newest)
    return fail(std::move(newest.error()));
  if (!in_memory) database->hold_log();
  return database;
}

Result<Contents> read_contents(Database& database) {
  Contents contents;
  auto desired = read_desired(database, contents.spoiled);
  if (!desired) return fail(std::move(desired.error()));
  auto observed = read_observed(database, *desired);
  if (!observed) return fail(std::move(observed.error()));
  contents.desired = std::move(*desired);
  contents.observed = std::move(*observed);
  return contents;
}

Result<Database> open_reader(const std::filesystem::path& file) {
  return Database::open(file.string(), SQLITE_OPEN_READONLY, file.string());
}

bool takes_no_writes(const std::filesystem::path& file) {
  struct statvfs there {};
  const std::filesystem::path directory = file.has_parent_path() ? file.parent_path() : ".";
  if (::statvfs(directory.c_str(), &there) != 0) return false;
  const auto blocks = ::geteuid() == 0 ? there.f_bfree : there.f_bavail;
  return (there.f_flag & ST_RDONLY) != 0 || blocks * there.f_frsize < kFreeBytesMin;
}

// Without a log the file is all there is. With one, SQLite reads it if it may keep the log's index
// in its own memory, and that it does when it believes to be alone: no locks (the VFS "unix-none")
// and the exclusive mode.
Result<Database> open_frozen(const std::filesystem::path& file) {
  std::error_code no_log;
  const auto log_bytes = std::filesystem::file_size(file.string() + "-wal", no_log);
  if (no_log || log_bytes == 0)
    return Database::open(uri_of(file, "immutable=1"), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                          file.string());
  auto database = Database::open(file.string(), SQLITE_OPEN_READONLY, file.string(), "unix-none");
  if (!database) return database;
  if (auto alone = database->run("PRAGMA locking_mode = EXCLUSIVE"); !alone)
    return fail(std::move(alone.error()));
  return database;
}

Result<Database> open_frozen(const std::filesystem::path& file,
                             std::span<const Migration> migrations) {
  auto database = open_frozen(file);
  if (!database) return database;
  if (auto ours = check_schema(*database, migrations); !ours) return fail(std::move(ours.error()));
  const auto version = database->integer("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (*version != static_cast<std::int64_t>(migrations.size()))
    return fail(ErrorCode::unavailable,
                fmt::format("database {} must first become schema {}, and cannot be written",
                            file.string(), migrations.size()));
  return database;
}

}  // namespace vs
