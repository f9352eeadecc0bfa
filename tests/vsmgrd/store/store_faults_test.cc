// The disk fails under a running store: the error says so, nothing is lost, reads go on, and writes
// come back with the disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/store/fault_vfs.h"
#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"
#include "vsmgrd/store/sqlite.h"

namespace vs::test {
namespace {

using ::testing::HasSubstr;

struct Fault {
  const char* name;
  int result;
  ErrorCode code;
  const char* message;
};

class StoreFaults : public ::testing::TestWithParam<Fault> {
 protected:
  static nlohmann::json all_in(const Store& store) { return all_of(*store.desired()); }

  TempDirectory directory_;
  ManualClock clock_;
  FaultVfs vfs_;
};

TEST_P(StoreFaults, AreToldAndHarmNothing) {
  auto store = open_store(directory_.database(), clock_);
  ASSERT_TRUE(store->apply({domain("web1"), service("dns")}, {}));
  const auto before = all_in(*store);
  int commits = 0;
  store->on_commit([&] { ++commits; });

  vfs_.fail_with(GetParam().result);
  for (int again = 0; again < 3; ++again) {
    const auto outcome = store->apply({domain("web2"), binding("b", "web1", "dns")}, {});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().error.code, GetParam().code);
    EXPECT_THAT(outcome.error().error.message, HasSubstr(directory_.database().string()));
    EXPECT_THAT(outcome.error().error.message, HasSubstr(GetParam().message));
  }
  EXPECT_EQ(store->remove(Kind::domain, "web1", {}, {}).error().error.code, GetParam().code);
  EXPECT_EQ(all_in(*store), before) << "reads go on";
  EXPECT_TRUE(store->get(Kind::domain, "web1"));
  EXPECT_EQ(store->list(Kind::domain)->size(), 1u);
  EXPECT_TRUE(store->apply({domain("web1")}, {})) << "what needs no write still is answered";
  EXPECT_EQ(commits, 0);

  vfs_.fail_with(SQLITE_OK);
  ASSERT_TRUE(store->apply({domain("web2"), binding("b", "web1", "dns")}, {}));
  EXPECT_EQ(store->resource_version(), 2);
  const auto after = all_in(*store);
  store.reset();
  EXPECT_EQ(all_in(*open_store(directory_.database(), clock_)), after);
}

TEST_P(StoreFaults, DoNotHideWhatIsObserved) {
  auto store = open_store(directory_.database(), clock_);
  ASSERT_TRUE(store->apply({domain("web1"), domain("web2")}, {}));
  vfs_.fail_with(GetParam().result);
  const auto seen = store->observe({observed(Kind::domain, "web1", State::ready)});
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code, GetParam().code);
  EXPECT_EQ(store->get(Kind::domain, "web1")->observed->state, State::ready);
  vfs_.fail_with(SQLITE_OK);
  ASSERT_TRUE(store->observe({observed(Kind::domain, "web2", State::failed)}));
  store.reset();
  store = open_store(directory_.database(), clock_);
  EXPECT_EQ(store->get(Kind::domain, "web1")->observed->state, State::ready)
      << "written with the next call";
  EXPECT_EQ(store->get(Kind::domain, "web2")->observed->state, State::failed);
}

// A write may fail after any other: the change is there as a whole, or not at all.
TEST_P(StoreFaults, InTheMiddleLeaveNoHalves) {
  int refused = 0;
  for (int passes = 0; passes < 12; ++passes) {
    const TempDirectory directory;
    auto store = open_store(directory.database(), clock_);
    ASSERT_TRUE(store->apply({service("dns")}, {}));
    vfs_.fail_after(passes, GetParam().result);
    std::vector<Resource> given;
    for (int i = 0; i < 30; ++i) {
      const std::string name = "n" + std::to_string(i);
      given.push_back(domain(name, {{"text", std::string(900, 'x')}}));
      given.push_back(binding(name, name, "dns"));
    }
    const bool applied = store->apply(given, {}).has_value();
    refused += !applied;
    EXPECT_EQ(store->list(Kind::binding)->size(), applied ? 30u : 0u);
    vfs_.fail_with(SQLITE_OK);
    store.reset();
    store = open_store(directory.database(), clock_);
    EXPECT_EQ(store->list(Kind::domain)->size(), applied ? 30u : 0u) << passes;
    EXPECT_EQ(store->list(Kind::binding)->size(), applied ? 30u : 0u) << passes;
    EXPECT_EQ(store->desired()->decisions.size(), applied ? 30u : 0u) << passes;
  }
  EXPECT_GT(refused, 5);
}

INSTANTIATE_TEST_SUITE_P(
    All, StoreFaults,
    ::testing::Values(Fault{"Full", SQLITE_FULL, ErrorCode::exhausted, "database or disk is full"},
                      Fault{"ReadOnly", SQLITE_READONLY, ErrorCode::unavailable,
                            "readonly database"},
                      Fault{"Write", SQLITE_IOERR_WRITE, ErrorCode::unavailable, "disk I/O error"},
                      Fault{"Sync", SQLITE_IOERR_FSYNC, ErrorCode::unavailable, "disk I/O error"}),
    [](const auto& fault) { return std::string(fault.param.name); });

class StoreDamage : public ::testing::Test {
 protected:
  TempDirectory directory_;
  ManualClock clock_;

  Error refusal() {
    const auto store = Store::open(directory_.database(), clock_, decide_by_label);
    return store ? Error{} : store.error();
  }
  void overwrite(std::streamoff at, const std::string& bytes) {
    std::fstream file(directory_.database(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(at);
    file << bytes;
  }
};

TEST_F(StoreDamage, OfTheHeaderIsTold) {
  open_store(directory_.database(), clock_).reset();
  overwrite(0, "this is no database at all");
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::internal);
  EXPECT_THAT(error.message, HasSubstr("is damaged (file is not a database)"));
  EXPECT_THAT(error.message, HasSubstr("restore a copy"));
}

TEST_F(StoreDamage, OfAPageIsTold) {
  {
    const auto store = open_store(directory_.database(), clock_);
    std::vector<Resource> given;
    for (int i = 0; i < 200; ++i)
      given.push_back(domain("d" + std::to_string(i), {{"text", std::string(500, 'x')}}));
    ASSERT_TRUE(store->apply(given, {}));
  }
  const auto bytes = std::filesystem::file_size(directory_.database());
  ASSERT_GT(bytes, 100'000u);
  for (std::streamoff page = 8; page < 20; ++page) overwrite(page * 4096, std::string(64, '\xAA'));
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::internal);
  EXPECT_THAT(error.message, HasSubstr(directory_.database().string() + " is damaged ("));
}

TEST_F(StoreDamage, AnotherWriterMakesItUnavailable) {
  const auto store = open_store(directory_.database(), clock_);
  auto other = Database::open(directory_.database().string(), SQLITE_OPEN_READWRITE, "other");
  ASSERT_TRUE(other);
  {
    auto held = Transaction::begin(*other);
    ASSERT_TRUE(held);
    const auto outcome = store->apply({domain("web1")}, {});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().error.code, ErrorCode::unavailable);
    EXPECT_THAT(outcome.error().error.message, HasSubstr("database is locked"));
  }
  EXPECT_TRUE(store->apply({domain("web1")}, {}));
}

}  // namespace
}  // namespace vs::test
