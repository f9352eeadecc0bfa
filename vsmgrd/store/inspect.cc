#include "vsmgrd/store/inspect.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "vsmgrd/store/open.h"

namespace vs {
namespace {

// Held by us while it is free, so that no vsmgrd starts to write under our eyes.
struct Claim {
  UniqueFd fd;
  bool held_by_other = false;
};

Claim claim_for_look(const std::filesystem::path& file) {
  Claim claim{.fd = UniqueFd(::open((file.string() + ".lock").c_str(), O_RDONLY | O_CLOEXEC))};
  if (claim.fd)
    claim.held_by_other = ::flock(claim.fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  return claim;
}

Result<> check_soundness(Database& database) {
  const auto found = database.text("PRAGMA quick_check(1)");
  if (!found) return fail(found.error());
  if (*found == "ok") return {};
  return fail(ErrorCode::internal,
              fmt::format("database {} is damaged ({}): `vsmgrd --restore FILE` takes a backup",
                          database.title(), *found));
}

}  // namespace

Result<DatabaseFacts> inspect_database(const std::filesystem::path& file) {
  DatabaseFacts facts{.schema_ours = static_cast<std::int64_t>(shipped_migrations().size())};
  std::error_code problem;
  facts.exists = std::filesystem::exists(file, problem);
  if (problem) return fail_errno(problem.value(), "database " + file.string());
  if (!facts.exists) return facts;
  if (::access(file.c_str(), R_OK) != 0) return fail_errno(errno, "database " + file.string());
  const Claim claim = claim_for_look(file);
  facts.in_use = claim.held_by_other;
  // Whoever uses it keeps the log's index on disk: an ordinary reader joins it and makes nothing.
  auto database = facts.in_use ? Database::open(file.string(), SQLITE_OPEN_READONLY, file.string())
                               : open_frozen(file);
  if (!database) return fail(std::move(database.error()));
  if (auto ours = check_schema(*database, shipped_migrations()); !ours)
    return fail(std::move(ours.error()));
  if (auto sound = check_soundness(*database); !sound) return fail(std::move(sound.error()));
  const auto version = database->integer("PRAGMA user_version");
  if (!version) return fail(version.error());
  facts.schema = *version;
  return facts;
}

}  // namespace vs
