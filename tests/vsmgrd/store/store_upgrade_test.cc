// Databases of every schema that was released are opened and brought up; copies are made before,
// and can be put back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"
#include "vsmgrd/store/migrations.h"
#include "vsmgrd/store/sqlite.h"

namespace vs::test {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<std::string> files_like(const std::filesystem::path& folder, const std::string& part) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().find(part) != std::string::npos)
      found.push_back(entry.path().string());
  std::sort(found.begin(), found.end());
  return found;
}

class StoreUpgrade : public ::testing::Test {
 protected:
  void make_schema_1(const std::filesystem::path& file) {
    auto database = Database::open(file.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "old");
    ASSERT_TRUE(database);
    const auto made = database->run(bytes_of(VS_SOURCE_DIR "/tests/vsmgrd/store/schema_1.sql"));
    ASSERT_TRUE(made) << made.error().message;
  }

  TempDirectory directory_;
  ManualClock clock_;
};

TEST_F(StoreUpgrade, OfSchema1KeepsAllThatWasThere) {
  make_schema_1(directory_.database());
  for (int start = 0; start < 2; ++start) {
    const auto store = open_store(directory_.database(), clock_);
    const Desired desired = *store->desired();
    EXPECT_EQ(desired.resource_version, 7);
    EXPECT_EQ(desired.domains.at("web2").metadata.uid, "u-2");
    EXPECT_EQ(desired.domains.at("web2").metadata.generation, 2);
    EXPECT_EQ(std::get<DomainSpec>(desired.domains.at("web2").spec).memory_mib, 64u);
    const auto& binding = std::get<BindingSpec>(desired.bindings.at("web2-dns").spec);
    EXPECT_EQ(binding.buffers, (Buffers{"", "timer", 4, 9, 4096, 8192}));
    EXPECT_EQ(binding.sla, (Sla{"bulk", 7, 8}));
    EXPECT_EQ(store->get(Kind::binding, "web2-dns")->observed->refused_opens, 3);
    EXPECT_EQ(store->get(Kind::domain, "web1")->observed->socket_directory, "/run/vservices/domains/web1");
    EXPECT_EQ(desired.policy_generation, 1);
    ASSERT_THAT(*store->policy_history().policies(1), SizeIs(1)) << "there is something to go back to";
    EXPECT_TRUE(store->handoffs().load()->standings.empty()) << "nothing was ever moved";
    EXPECT_EQ(store->warnings().count_unresolved(), 0u);
    const auto findings = store->doctor();
    for (const Finding& finding : *findings)
      EXPECT_TRUE(finding.sound) << finding.check << ": " << finding.message;
  }
}

TEST_F(StoreUpgrade, PutsACopyBesideItBeforeAndKeepsThree) {
  for (int i = 0; i < 5; ++i) {
    for (const std::string& file : files_like(directory_.path(), "vsmgrd.db"))
      if (file.find("before-schema") == std::string::npos) std::filesystem::remove(file);
    make_schema_1(directory_.database());
    open_store(directory_.database(), clock_);
    open_store(directory_.database(), clock_);  // once only
    clock_.advance(std::chrono::seconds{1});
  }
  const auto copies = files_like(directory_.path(), "before-schema-");
  ASSERT_THAT(copies, SizeIs(3));
  auto copy = Database::open(copies.back(), SQLITE_OPEN_READONLY, "copy");
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->integer("PRAGMA user_version"), 1);
  EXPECT_EQ(copy->integer("SELECT count(*) FROM resource"), 6);
}

TEST_F(StoreUpgrade, ThatFailsLeavesTheOldDatabaseAndItsCopy) {
  make_schema_1(directory_.database());
  {
    auto database = Database::open(directory_.database().string(), SQLITE_OPEN_READWRITE, "old");
    ASSERT_TRUE(database->run("CREATE TABLE event (theirs)"));  // in the migration's way
  }
  const auto store = Store::open(directory_.database(), clock_, decide_by_label);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("migration 0002_logs"));
  auto database = Database::open(directory_.database().string(), SQLITE_OPEN_READWRITE, "old");
  EXPECT_EQ(database->integer("PRAGMA user_version"), 1);
  EXPECT_EQ(database->integer("SELECT count(*) FROM resource"), 6);
  EXPECT_THAT(files_like(directory_.path(), "before-schema-"), SizeIs(1));
}

TEST_F(StoreUpgrade, ABackupIsMadeWhileServingAndPutBackWhileNot) {
  std::string name;
  {
    const auto store = open_store(directory_.database(), clock_);
    ASSERT_TRUE(store->apply({domain("web1")}, {}));
    const auto backup = store->backup();
    ASSERT_TRUE(backup) << backup.error().message;
    name = backup->name;
    EXPECT_GT(backup->bytes, 0);
    ASSERT_THAT(*store->backups(), SizeIs(1));
    ASSERT_TRUE(store->apply({domain("web2")}, {}));
    const auto refused = restore_backup(directory_.path() / "backups" / name, directory_.database(), clock_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::conflict) << "it is in use";
  }
  ASSERT_TRUE(restore_backup(directory_.path() / "backups" / name, directory_.database(), clock_));
  const auto store = open_store(directory_.database(), clock_);
  EXPECT_EQ(store->list(Kind::domain)->size(), 1u);
  EXPECT_FALSE(files_like(directory_.path(), "replaced").empty()) << "what was there is kept";
}

TEST_F(StoreUpgrade, ABackupThatIsStoppedLeavesNothingBehind) {
  const auto store = open_store(directory_.database(), clock_);
  std::vector<Resource> domains;
  for (int number = 0; number < 2000; ++number) domains.push_back(domain("d" + std::to_string(number)));
  ASSERT_TRUE(store->apply(std::move(domains), {}));
  for (const std::string stop : {"copying", "checking"}) {
    std::uint64_t seen = 0;
    const auto backup = store->backup([&](const std::string& phase, std::uint64_t done, std::uint64_t total) {
      seen = std::max(seen, done);
      EXPECT_LE(done, total);
      // Others write meanwhile: the copy is of one moment, and does not begin anew.
      EXPECT_TRUE(store->apply({domain("later" + std::to_string(done))}, {}));
      return phase != stop;
    });
    ASSERT_FALSE(backup);
    EXPECT_EQ(backup.error().code, ErrorCode::conflict);
    EXPECT_GT(seen, 0u);
    EXPECT_TRUE(store->backups()->empty());
    EXPECT_TRUE(std::filesystem::is_empty(directory_.path() / "backups"));
  }
}

TEST_F(StoreUpgrade, NothingButACopyOfOursIsPutBack) {
  open_store(directory_.database(), clock_);
  const std::string before = bytes_of(directory_.database());
  {
    auto other = Database::open((directory_.path() / "other.db").string(),
                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "other");
    ASSERT_TRUE(other->run("CREATE TABLE x (y)"));
  }
  std::ofstream(directory_.path() / "text.db") << std::string(5000, 'x');
  for (const char* file : {"other.db", "text.db", "none.db"})
    EXPECT_FALSE(restore_backup(directory_.path() / file, directory_.database(), clock_)) << file;
  EXPECT_TRUE(bytes_of(directory_.database()) == before);
}

TEST_F(StoreUpgrade, TheDoctorFindsWhatChangedBehindTheDaemon) {
  const auto store = open_store(directory_.database(), clock_);
  ASSERT_TRUE(store->apply({domain("web1")}, {}));
  auto database = Database::open(directory_.database().string(), SQLITE_OPEN_READWRITE, "test");
  ASSERT_TRUE(database->run("DELETE FROM resource; UPDATE audit SET principal = 'x'"));
  const auto found = store->doctor();
  ASSERT_TRUE(found);
  std::vector<std::string> unsound;
  for (const Finding& finding : *found)
    if (!finding.sound) unsound.push_back(finding.check);
  EXPECT_THAT(unsound, ::testing::ElementsAre("audit", "drift"));
}

}  // namespace
}  // namespace vs::test
