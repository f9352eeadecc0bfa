#include "vsmgrd/store/migrations.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"

namespace vs::test {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kMigrationsDirectory = VS_SOURCE_DIR "/schemas/sql";

// What was shipped, for ever. A change of a file below makes databases that no two versions agree
// about: undo it, and write a new migration instead; then add its line here.
const std::map<std::string, std::string> kShipped{
    {"0001_initial", "5c9ed3b7de08e76c748547b2e0ef8baad566b5013a35fab2e367ede0401d406d"},
    {"0002_logs", "4e4325006f521652aaa1df34c8fc7ec79d621951df12dabcfb82c6e38b44e3a1"},
    {"0003_sla", "10e1b552b3c6247acae67089188a8f4d6834ea1b5e7f18307c095d00946ffd97"},
    {"0004_placement", "10aa9105ac637c7419bb03a51088960808bbcaad04ed9127c26ac1f19cd3c227"},
    {"0005_handoffs", "c769a015e03e3f60f6974a5abfb0ea1b924748409d0ce8aa44fbc12cadff3897"},
};

constexpr std::array kTwo{
    Migration{1, "0001_one", "aa",
              "CREATE TABLE schema_history (version INTEGER PRIMARY KEY, name TEXT, sha256 TEXT, "
              "applied_at TEXT) STRICT; CREATE TABLE one (x INTEGER) STRICT;"},
    Migration{2, "0002_two", "bb",
              "ALTER TABLE one ADD COLUMN y INTEGER; INSERT INTO one VALUES (1, 2);"},
};
const std::span<const Migration> kBoth(kTwo);

Database open(const std::filesystem::path& path) {
  auto database =
      Database::open(path.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "test.db");
  VS_CHECK(database);
  return std::move(*database);
}

Result<> bring_to(Database& database, std::span<const Migration> migrations) {
  if (auto checked = check_schema(database, migrations); !checked) return checked;
  return migrate(database, migrations, ManualClock());
}

TEST(ShippedMigrations, HaveNotChanged) {
  for (const Migration& migration : shipped_migrations()) {
    ASSERT_TRUE(kShipped.contains(std::string(migration.name)))
        << migration.name << " is new: add " << migration.sha256;
    EXPECT_EQ(migration.sha256, kShipped.at(std::string(migration.name))) << migration.name;
  }
  EXPECT_EQ(shipped_migrations().size(), kShipped.size()) << "a shipped migration is gone";
}

TEST(ShippedMigrations, AreTheFilesNumberedWithoutGaps) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kMigrationsDirectory))
    files += entry.path().extension() == ".sql";
  ASSERT_EQ(shipped_migrations().size(), files);
  int version = 0;
  for (const Migration& migration : shipped_migrations()) {
    EXPECT_EQ(migration.version, ++version);
    EXPECT_EQ(migration.sql,
              bytes_of(kMigrationsDirectory / (std::string(migration.name) + ".sql")));
  }
}

TEST(Migrate, MakesStrictTablesAndNotesWhatItDid) {
  const TempDirectory directory;
  Database database = open(directory.database());
  ASSERT_TRUE(bring_to(database, shipped_migrations()));
  EXPECT_EQ(database.integer(
                "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0 "
                "AND name NOT LIKE 'sqlite_%'"),
            0);
  EXPECT_EQ(
      database.text("SELECT group_concat(name, ' ') FROM (SELECT name FROM pragma_table_list WHERE "
                    "schema = 'main' AND strict = 1 ORDER BY name)"),
      "audit audit_start decision decision_record event handoff idempotency meta observed operation "
      "policy_generation policy_text resource schema_history sla_window standing token warning");
  EXPECT_EQ(database.integer("PRAGMA user_version"), static_cast<int>(shipped_migrations().size()));
  EXPECT_EQ(database.integer("PRAGMA application_id"), kApplicationId);
  EXPECT_EQ(database.text("SELECT sha256 FROM schema_history WHERE version = 1"),
            std::string(shipped_migrations()[0].sha256));
  EXPECT_EQ(database.text("SELECT applied_at FROM schema_history WHERE version = 1"),
            "2023-11-14T22:13:20.000Z");
}

TEST(Migrate, IsDoneOnce) {
  const TempDirectory directory;
  Database database = open(directory.database());
  ASSERT_TRUE(bring_to(database, kBoth));
  ASSERT_TRUE(bring_to(database, kBoth));
  EXPECT_EQ(database.integer("SELECT count(*) FROM one"), 1);
}

TEST(Migrate, AppliesWhatIsMissing) {
  const TempDirectory directory;
  Database database = open(directory.database());
  ASSERT_TRUE(bring_to(database, kBoth.first(1)));
  EXPECT_EQ(database.integer("PRAGMA user_version"), 1);
  ASSERT_TRUE(bring_to(database, kBoth));
  EXPECT_EQ(database.integer("PRAGMA user_version"), 2);
  EXPECT_EQ(database.integer("SELECT y FROM one"), 2);
  EXPECT_EQ(database.integer("SELECT count(*) FROM schema_history"), 2);
}

TEST(Migrate, LeavesNothingOfOneThatFails) {
  const TempDirectory directory;
  Database database = open(directory.database());
  const std::array broken{kTwo[0],
                          Migration{2, "0002_broken", "cc",
                                    "INSERT INTO one VALUES (7); INSERT INTO nowhere VALUES (1);"}};
  const auto migrated = bring_to(database, broken);
  ASSERT_FALSE(migrated);
  EXPECT_THAT(migrated.error().message, HasSubstr("migration 0002_broken: "));
  EXPECT_THAT(migrated.error().message, HasSubstr("no such table: nowhere"));
  EXPECT_EQ(database.integer("PRAGMA user_version"), 1);
  EXPECT_EQ(database.integer("SELECT count(*) FROM one"), 0);
  EXPECT_FALSE(database.in_transaction());
  ASSERT_TRUE(bring_to(database, kBoth)) << "and the right one can be applied after";
}

TEST(CheckSchema, RefusesANewerOne) {
  const TempDirectory directory;
  Database database = open(directory.database());
  ASSERT_TRUE(bring_to(database, kBoth));
  const auto checked = check_schema(database, kBoth.first(1));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::conflict);
  EXPECT_EQ(checked.error().message,
            "database test.db has schema 2, this vsmgrd knows schemas up to 1: run the newer "
            "vsmgrd again, "
            "or restore a copy from before the upgrade");
}

TEST(CheckSchema, RefusesAnotherTextOfAnAppliedMigration) {
  const TempDirectory directory;
  Database database = open(directory.database());
  ASSERT_TRUE(bring_to(database, kBoth));
  std::array other = kTwo;
  other[0].sha256 = "ab";
  const auto checked = check_schema(database, other);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::internal);
  EXPECT_THAT(checked.error().message, HasSubstr("made by another text of migration 0001_one"));
}

TEST(CheckSchema, RefusesTheDatabaseOfAnotherProgram) {
  for (const char* sql :
       {"CREATE TABLE theirs (x)", "PRAGMA application_id = 1", "PRAGMA user_version = 1"}) {
    const TempDirectory directory;
    Database database = open(directory.database());
    ASSERT_TRUE(database.run(sql));
    const auto checked = check_schema(database, kBoth);
    ASSERT_FALSE(checked) << sql;
    EXPECT_EQ(checked.error().code, ErrorCode::conflict);
    EXPECT_THAT(checked.error().message, HasSubstr("was not made by vsmgrd"));
  }
}

}  // namespace
}  // namespace vs::test
