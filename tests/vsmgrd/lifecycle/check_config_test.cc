#include "vsmgrd/lifecycle/check_config.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "tests/temporary_directory.h"
#include "vsmgrd/store/store.h"

namespace vs {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Every file below a directory with its content.
std::map<std::string, std::string> snapshot(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path()] = entry.is_regular_file() ? std::string(std::istreambuf_iterator<char>(file), {}) : "";
  }
  return files;
}

class CheckConfigTest : public testing::Test {
 protected:
  CheckConfigTest() {
    options_.state_directory = root_.path() / "state";
    options_.run_directory = root_.path() / "run";
    options_.socket = root_.path() / "run/vsmgrd.sock";
    options_.backend_program = "/bin/true";
  }

  std::unique_ptr<Store> open_store() {
    fs::create_directories(options_.state_directory);
    auto store = Store::open(options_.state_directory / kDatabaseFile, clock_, [](const Desired&, const Affected&) {
      return std::map<std::string, Decision>{};
    });
    VS_CHECK(store.has_value());
    return std::move(*store);
  }

  const SystemClock clock_;
  test::TemporaryDirectory root_;
  Options options_;
};

TEST_F(CheckConfigTest, FindsNothingWrongWithAFreshNodeAndMakesNothing) {
  EXPECT_THAT(check_config(options_).problems, IsEmpty());
  EXPECT_THAT(snapshot(root_.path()), IsEmpty());
}

TEST_F(CheckConfigTest, ListsEveryProblemAtOnce) {
  options_.state_directory = "/nowhere/at/all";
  options_.run_directory = "/dev/null";
  options_.socket = std::string(200, 's');
  options_.backend_program = root_.path() / "vsbackend";
  options_.backend_user = "nobody";
  EXPECT_THAT(check_config(options_).problems,
              ElementsAre(HasSubstr("--state-dir /nowhere/at/all: is not there"),
                          HasSubstr("--run-dir /dev/null: is no directory"), HasSubstr("at most 107 bytes"),
                          HasSubstr("--backend-program"), HasSubstr("UID:GID")));
}

TEST_F(CheckConfigTest, LeavesADatabaseThatNobodyUsesAsItIs) {
  open_store().reset();
  const auto before = snapshot(root_.path());
  const ConfigReport report = check_config(options_);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(snapshot(root_.path()), before);
}

TEST_F(CheckConfigTest, LooksAtADatabaseInUseWithoutDisturbingIt) {
  const auto store = open_store();
  const ConfigReport report = check_config(options_);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.facts, testing::Contains(HasSubstr("in use")));
  EXPECT_TRUE(store->resource_version());
}

TEST_F(CheckConfigTest, RefusesAFileThatIsNoDatabase) {
  fs::create_directories(options_.state_directory);
  std::ofstream(options_.state_directory / kDatabaseFile) << std::string(8192, 'x');
  EXPECT_THAT(check_config(options_).problems, ElementsAre(HasSubstr("vsmgrd.db")));
}

}  // namespace
}  // namespace vs
