#include "vsmgrd/store/migrations.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

Result<> check_owner(Database& database, std::int64_t version) {
  const auto owner = database.integer("PRAGMA application_id");
  if (!owner) return fail(owner.error());
  const auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return fail(tables.error());
  const bool empty = version == 0 && *owner == 0 && *tables == 0;
  if (empty || *owner == kApplicationId) return {};
  return fail(
      ErrorCode::conflict,
      fmt::format("database {} was not made by vsmgrd: give another file", database.title()));
}

Result<> check_history(Database& database, std::span<const Migration> applied) {
  for (const Migration& migration : applied) {
    auto entry = database.prepare("SELECT sha256 FROM schema_history WHERE version = ?");
    if (!entry) return fail(std::move(entry.error()));
    entry->bind(0, std::int64_t{migration.version});
    const auto found = entry->step();
    if (!found) return fail(found.error());
    if (!*found || entry->text(0) != migration.sha256)
      return fail(
          ErrorCode::internal,
          fmt::format("database {} was made by another text of migration {}: run the vsmgrd that "
                      "made it, or restore a copy",
                      database.title(), migration.name));
  }
  return {};
}

Result<> apply(Database& database, const Migration& migration, const Clock& clock) {
  auto transaction = Transaction::begin(database);
  if (!transaction) return fail(std::move(transaction.error()));
  if (auto ran = database.run(std::string(migration.sql)); !ran) return ran;
  if (auto noted = database.execute("INSERT INTO schema_history VALUES (?, ?, ?, ?)",
                                    std::int64_t{migration.version}, migration.name,
                                    migration.sha256, std::string_view(format_time(clock.wall())));
      !noted)
    return noted;
  // Pragmas take no parameters; these are part of the transaction all the same.
  if (auto numbered =
          database.run(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                   kApplicationId, migration.version));
      !numbered)
    return numbered;
  return transaction->commit();
}

}  // namespace

Result<> check_schema(Database& database, std::span<const Migration> migrations) {
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (auto checked = check_owner(database, *version); !checked) return checked;
  if (*version > static_cast<std::int64_t>(migrations.size()))
    return fail(
        ErrorCode::conflict,
        fmt::format("database {} has schema {}, this vsmgrd knows schemas up to {}: run the newer "
                    "vsmgrd again, or restore a copy from before the upgrade",
                    database.title(), *version, migrations.size()));
  return check_history(database, migrations.first(static_cast<std::size_t>(*version)));
}

Result<> migrate(Database& database, std::span<const Migration> migrations, const Clock& clock) {
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return fail(version.error());
  for (const Migration& migration : migrations.subspan(static_cast<std::size_t>(*version)))
    if (auto applied = apply(database, migration, clock); !applied)
      return fail(std::move(applied.error()).within(fmt::format("migration {}", migration.name)));
  return {};
}

}  // namespace vs
