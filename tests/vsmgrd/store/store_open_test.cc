// Opening: whose file it is, who owns it, and what of it can be read.
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"
#include "vsmgrd/store/migrations.h"
#include "vsmgrd/store/sqlite.h"

namespace vs::test {
namespace {

using ::testing::HasSubstr;

class StoreOpen : public ::testing::Test {
 protected:
  std::unique_ptr<Store> open() { return open_store(directory_.database(), clock_); }

  TempDirectory directory_;
  ManualClock clock_;
};

const std::vector<Resource> kGiven{domain("web1", {{"may", "yes"}}), domain("web2"), service("dns"),
                                   binding("one", "web1", "dns"), binding("two", "web2", "dns")};

TEST_F(StoreOpen, DecidesAnewWhenOpened) {
  {
    const auto store = open();
    ASSERT_TRUE(store->apply(kGiven, {}));
  }
  const auto deny_all = [](const Desired& desired, const Affected&) {
    std::map<std::string, Decision> decisions;
    for (const auto& [name, resource] : desired.bindings)
      decisions[name] = {.message = "nobody may"};
    return decisions;
  };
  auto store = Store::open(directory_.database(), clock_, deny_all);
  ASSERT_TRUE(store);
  EXPECT_EQ((*store)->get(Kind::binding, "one")->decision->message, "nobody may");
  store->reset();
  auto database = Database::open(directory_.database().string(), SQLITE_OPEN_READONLY, "test.db");
  ASSERT_TRUE(database);
  EXPECT_EQ(database->integer("SELECT count(*) FROM decision WHERE message = 'nobody may'"), 2);
}

TEST_F(StoreOpen, WorksInMemory) {
  const auto store = open_store(":memory:", clock_);
  ASSERT_TRUE(store->apply(kGiven, {}));
  EXPECT_EQ(store->list(Kind::binding)->size(), 2u);
  EXPECT_FALSE(std::filesystem::exists(":memory:.lock"));
}

TEST_F(StoreOpen, IsPrivate) {
  const auto store = open();
  ASSERT_TRUE(store->apply(kGiven, {}));
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat status {};
    ASSERT_EQ(::stat((directory_.database().string() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 077, 0u) << suffix;
  }
}

TEST_F(StoreOpen, HasOneOwner) {
  auto first = open();
  ASSERT_TRUE(first->put(domain("web1"), {}, {}));
  const auto second = Store::open(directory_.database(), clock_, decide_by_label);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_EQ(second.error().message, directory_.database().string() + ".lock is held by process " +
                                        std::to_string(::getpid()) + ": a database has one vsmgrd");
  first.reset();
  EXPECT_EQ(open()->resource_version(), 1);
}

TEST_F(StoreOpen, RefusesANewerSchemaAndLeavesItAlone) {
  open().reset();
  {
    auto database =
        Database::open(directory_.database().string(), SQLITE_OPEN_READWRITE, "test.db");
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run("PRAGMA user_version = 99; PRAGMA journal_mode = DELETE"));
  }
  const std::string bytes = bytes_of(directory_.database());
  const auto store = Store::open(directory_.database(), clock_, decide_by_label);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::conflict);
  EXPECT_THAT(store.error().message, HasSubstr("has schema 99, this vsmgrd knows schemas up to " + std::to_string(shipped_migrations().size()) + ":"));
  EXPECT_THAT(store.error().message, HasSubstr(directory_.database().string()));
  EXPECT_TRUE(bytes_of(directory_.database()) == bytes);
}

TEST_F(StoreOpen, RefusesTheFileOfAnotherProgramAndLeavesItAlone) {
  {
    auto database = Database::open(directory_.database().string(),
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "test.db");
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run("CREATE TABLE theirs (x)"));
  }
  const std::string bytes = bytes_of(directory_.database());
  const auto store = Store::open(directory_.database(), clock_, decide_by_label);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::conflict);
  EXPECT_TRUE(bytes_of(directory_.database()) == bytes);
}

TEST_F(StoreOpen, LeavesOutWhatItCannotReadAndWarnsOfIt) {
  {
    const auto store = open();
    ASSERT_TRUE(store->apply(kGiven, {}));
  }
  {
    auto database =
        Database::open(directory_.database().string(), SQLITE_OPEN_READWRITE, "test.db");
    ASSERT_TRUE(database);
    ASSERT_TRUE(
        database->run("UPDATE resource SET spec = '{\"kind\": \"dnss\"}' WHERE name = 'dns'"));
  }
  {
    const auto store = open();
    EXPECT_FALSE(store->get(Kind::service, "dns"));
    EXPECT_TRUE(store->list(Kind::binding)->empty()) << "they refer to it";
    EXPECT_EQ(store->list(Kind::domain)->size(), 2u);
    std::vector<std::string> messages;
    for (const Warning& warning : store->warnings().list()) messages.push_back(warning.message);
    EXPECT_THAT(messages,
                ::testing::UnorderedElementsAre(
                    HasSubstr("Service \"dns\" is left out: Service \"dns\": \"kind\" must be"),
                    HasSubstr("Binding \"one\" is left out: it refers to Service \"dns\""),
                    HasSubstr("Binding \"two\" is left out: it refers to Service \"dns\"")));
    ASSERT_TRUE(store->apply({service("dns")}, {})) << "mends it";
    EXPECT_EQ(store->list(Kind::binding)->size(), 2u) << "what needed it is back";
    EXPECT_EQ(store->warnings().count_unresolved(), 0u) << "at once";
  }
  const auto store = open();
  EXPECT_EQ(store->warnings().count_unresolved(), 0u);
}

TEST_F(StoreOpen, SaysThatTheDirectoryIsMissing) {
  const auto store = Store::open(directory_.path() / "none" / "vsmgrd.db", clock_, decide_by_label);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::not_found);
  EXPECT_THAT(store.error().message, HasSubstr("none/vsmgrd.db"));
}

}  // namespace
}  // namespace vs::test
