#include "vsmgrd/store/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/unique_fd.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/store/audit_log.h"
#include "vsmgrd/store/lock_file.h"
#include "vsmgrd/store/migrations.h"
#include "vsmgrd/store/rows.h"

namespace vs {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBackupSuffix = ".db";

// 2026-11-24T10:15:00.250Z without what a file name should not have.
std::string stamp_of(const Clock& clock) {
  std::string text = format_time(clock.wall());
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

fs::path folder_of(const fs::path& file) {
  return (file.has_parent_path() ? file.parent_path() : fs::path(".")) / "backups";
}

Result<> sync(const fs::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return fail_errno(errno, "sync " + path.string());
  return {};
}

// Removes a file that must not stay behind when something fails.
struct Scaffold {
  fs::path path;
  ~Scaffold() {
    std::error_code gone;
    fs::remove(path, gone);
  }
};

// A copy at `to`, there only when it is whole.
Result<> copy_whole(Database& database, const fs::path& to, const BackupLook& look = {}) {
  const Scaffold part{to.string() + ".part"};
  {
    const UniqueFd fd(::open(part.path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) return fail_errno(errno, "backup " + part.path.string());
  }
  Database::CopyLook copying;
  if (look) copying = [&](std::uint64_t done, std::uint64_t total) { return look("copying", done, total); };
  if (auto copied = database.copy_to(part.path.string(), copying); !copied) return copied;
  const auto go_on = [&] { return !look || look("checking", 0, 0); };
  const auto stopped = [&] { return fail(ErrorCode::conflict, "the copy was stopped before its end"); };
  if (!go_on()) return stopped();
  {
    auto copy = Database::open(part.path.string(), SQLITE_OPEN_READWRITE, part.path.string());
    if (!copy) return fail(std::move(copy.error()));
    // A copy has no log beside it: it can be moved as one file.
    const auto mode = copy->text("PRAGMA journal_mode = DELETE");
    if (!mode) return fail(mode.error());
    const auto sound = copy->text("PRAGMA integrity_check(1)");
    if (!sound) return fail(sound.error());
    if (*sound != "ok")
      return fail(ErrorCode::internal, fmt::format("backup {} is damaged: {}", to.string(), *sound));
  }
  if (!go_on()) return stopped();
  if (auto synced = sync(part.path); !synced) return synced;
  if (::rename(part.path.c_str(), to.c_str()) != 0) return fail_errno(errno, "backup " + to.string());
  return sync(to.has_parent_path() ? to.parent_path() : fs::path("."));
}

// The files in `folder` whose names begin and end so, the newest name first.
std::vector<fs::path> copies_in(const fs::path& folder, const std::string& begin,
                                std::string_view end) {
  std::vector<fs::path> copies;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(begin) && name.ends_with(end)) copies.push_back(entry.path());
  }
  const auto stamp = [&](const fs::path& path) {  // behind a schema's number, or all there is
    const std::string rest = path.filename().string().substr(begin.size());
    return begin.empty() ? rest : rest.substr(std::min(rest.find('.'), rest.size()));
  };
  std::sort(copies.begin(), copies.end(), [&](const fs::path& left, const fs::path& right) {
    return stamp(left) > stamp(right);
  });
  return copies;
}

void keep_newest(const std::vector<fs::path>& copies, std::size_t count) {
  for (std::size_t i = count; i < copies.size(); ++i) {
    std::error_code failed;
    fs::remove(copies[i], failed);
    if (failed)
      log::warn("backup.not_removed",
                {{"file", copies[i].string()}, {"error", failed.message()}});
  }
}

}  // namespace

Result<> keep_copy_before_migration(Database& database, const fs::path& file,
                                    std::span<const Migration> migrations, const Clock& clock) {
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (*version == 0 || *version == static_cast<std::int64_t>(migrations.size())) return {};
  const std::string begin = file.filename().string() + ".before-schema-";
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const fs::path copy = folder / fmt::format("{}{}.{}", begin, migrations.size(), stamp_of(clock));
  if (auto copied = copy_whole(database, copy); !copied)
    return fail(std::move(copied.error()).within("copy before the migration"));
  log::info("store.copied_before_migration", {{"file", copy.string()}, {"schema", *version}});
  keep_newest(copies_in(folder, begin, "Z"), kMigrationCopiesMax);
  return {};
}

Result<Backup> make_backup(Database& reader, const fs::path& file, const Clock& clock, const BackupLook& look) {
  const fs::path folder = folder_of(file);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno(errno, "make " + folder.string());
  Backup made{.name = stamp_of(clock) + std::string(kBackupSuffix)};
  const fs::path copy = folder / made.name;
  if (auto copied = copy_whole(reader, copy, look); !copied) return fail(std::move(copied.error()));
  std::error_code gone;
  made.bytes = static_cast<std::int64_t>(fs::file_size(copy, gone));
  keep_newest(copies_in(folder, "", kBackupSuffix), kBackupsMax);
  return made;
}

Result<std::vector<Backup>> list_backups(const fs::path& file) {
  std::vector<Backup> backups;
  for (const fs::path& copy : copies_in(folder_of(file), "", kBackupSuffix)) {
    std::error_code gone;
    const auto bytes = fs::file_size(copy, gone);
    if (!gone)
      backups.push_back(
          {.name = copy.filename().string(), .bytes = static_cast<std::int64_t>(bytes)});
  }
  return backups;
}

Result<> restore_backup(const fs::path& copy, const fs::path& file, const Clock& clock) {
  auto lock = LockFile::acquire(file.string() + ".lock");
  if (!lock) return fail(std::move(lock.error()));
  const Scaffold whole{file.string() + ".restoring"};
  {
    auto database = Database::open(copy.string(), SQLITE_OPEN_READONLY, copy.string());
    if (!database) return fail(std::move(database.error()));
    const auto owner = database->integer("PRAGMA application_id");
    if (!owner || *owner != kApplicationId)
      return fail(ErrorCode::invalid,
                  fmt::format("{} is no copy of a database of vsmgrd", copy.string()));
    if (auto known = check_schema(*database, shipped_migrations()); !known) return known;
    auto findings = examine(*database);
    if (!findings) return fail(std::move(findings.error()));
    for (const Finding& finding : *findings)
      if (!finding.sound && finding.check != "audit" && finding.check != "objects")
        return fail(ErrorCode::invalid, fmt::format("{} is damaged: {}: {}", copy.string(),
                                                    finding.check, finding.message));
    if (auto copied = copy_whole(*database, whole.path); !copied) return copied;
  }
  // The log of what is replaced must not be taken for that of the copy.
  const std::string aside = fmt::format("{}.replaced.{}", file.string(), stamp_of(clock));
  for (const char* suffix : {"-wal", "-shm", ""}) {
    const std::string from = file.string() + suffix;
    if (::rename(from.c_str(), (aside + suffix).c_str()) != 0 && errno != ENOENT)
      return fail_errno(errno, "put aside " + from);
  }
  if (::rename(whole.path.c_str(), file.c_str()) != 0)
    return fail_errno(errno, "restore " + file.string());
  return sync(file.has_parent_path() ? file.parent_path() : fs::path("."));
}

Result<std::vector<Finding>> examine(Database& database) {
  std::vector<Finding> findings;
  const auto pages = database.text("PRAGMA integrity_check(1)");
  if (!pages) return fail(pages.error());
  findings.push_back({"pages", *pages == "ok", *pages == "ok" ? "integrity_check" : *pages});
  Finding references{"references", true, "foreign_key_check"};
  auto read = for_each_row(database, "PRAGMA foreign_key_check", [&](const Statement& row) -> Result<> {
    references = {"references", false,
                  fmt::format("a row of {} refers to nothing in {}", row.text(0), row.text(2))};
    return {};
  });
  if (!read) return fail(read.error());
  findings.push_back(std::move(references));
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (*version != static_cast<std::int64_t>(shipped_migrations().size())) return findings;
  const auto audit = AuditLog::verify(database);
  if (!audit) return fail(audit.error());
  findings.push_back({"audit", audit->sound,
                      audit->sound ? fmt::format("{} rows, the last {} has hash {}", audit->rows,
                                                 audit->last_id, audit->last_hash)
                                   : audit->message});
  std::vector<Spoiled> spoiled;
  const auto desired = read_desired(database, spoiled);
  if (!desired) return fail(desired.error());
  findings.push_back({"objects", spoiled.empty(),
                      spoiled.empty() ? fmt::format("at version {}", desired->resource_version)
                                      : fmt::format("{} cannot be read, the first {} {}: {}",
                                                    spoiled.size(), spoiled.front().kind,
                                                    in_quotes(spoiled.front().name),
                                                    spoiled.front().message)});
  return findings;
}

}  // namespace vs
