#include "vsmgrd/store/writer.h"

#include <future>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"

namespace vs {
namespace {

using ::testing::ElementsAre;

class WriterTest : public ::testing::Test {
 protected:
  WriterTest() {
    auto database =
        Database::open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, "the test's");
    EXPECT_TRUE(database) << database.error().message;
    database_.emplace(std::move(*database));
    EXPECT_TRUE(database_->run("CREATE TABLE t (n INTEGER)"));
  }

  // Eight works wait while another holds the writer, so that they can be one group: how many of
  // them had each seen committed, by what after_commit kept in memory?
  std::vector<int> commits_seen_by(Writer::Sharing sharing) {
    Writer writer(clock_, hooks_);
    std::vector<int> seen;
    int committed = 0;
    const Writer::Work work = [&](Turn& turn) -> Result<> {
      seen.push_back(committed);
      turn.after_commit.emplace_back([&] { ++committed; });
      return turn.database.run("INSERT INTO t VALUES (1)");
    };
    std::promise<void> begun;
    std::promise<void> go_on;
    std::thread holder([&] {
      EXPECT_TRUE(writer.run([&]() -> Result<> {
        begun.set_value();
        go_on.get_future().wait();
        return {};
      }));
    });
    begun.get_future().wait();
    std::vector<std::thread> writers;
    for (int i = 0; i < 8; ++i) writers.emplace_back([&] { EXPECT_TRUE(writer.write(work, sharing)); });
    while (writer.waiting() < writers.size()) std::this_thread::yield();
    go_on.set_value();
    for (std::thread& thread : writers) thread.join();
    holder.join();
    EXPECT_EQ(committed, 8);
    return seen;
  }

  SystemClock clock_;
  std::optional<Database> database_;
  Writer::Hooks hooks_{.database = [this]() -> Result<Database*> { return &*database_; }};
};

// What decides on memory that after_commit sets must find there what was committed before it: a
// revoked token would live again, or a cancelled operation go on.
TEST_F(WriterTest, DoesWorkThatAsksForItAfterTheCommitOfTheWorkBefore) {
  EXPECT_THAT(commits_seen_by(Writer::Sharing::alone), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST_F(WriterTest, CommitsWhatWaitsTogetherAtOnce) {
  EXPECT_THAT(commits_seen_by(Writer::Sharing::grouped), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0));
}

TEST_F(WriterTest, UndoesADryRun) {
  Writer writer(clock_, hooks_);
  ASSERT_TRUE(writer.write([](Turn& turn) { return turn.database.run("INSERT INTO t VALUES (1)"); },
                           Writer::Sharing::dry_run));
  EXPECT_EQ(database_->integer("SELECT count(*) FROM t").value_or(-1), 0);
}

}  // namespace
}  // namespace vs
