// What is kept of handoffs, and of who owns what, over restarts and whatever goes wrong between.
#include "vsmgrd/store/handoff_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"

namespace vs::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

StoredHandoff handoff(const std::string& id, const std::string& phase) {
  return {.id = id, .role = "source", .domain = "web1", .peer = "n2", .phase = phase, .outcome = "Running", .record = R"({"a":1})",
          .lasts = std::chrono::seconds(5)};
}

TEST(HandoffTable, KeepsWhatWasSavedOverARestart) {
  const TempDirectory directory;
  ManualClock clock;
  {
    const auto store = open_store(directory.database(), clock);
    ASSERT_TRUE(store->handoffs().save(handoff("one", "begin"), {}));
    clock.advance(std::chrono::seconds(1));
    ASSERT_TRUE(store->handoffs().save(handoff("one", "commit"), {{"b1", 2, "n2"}, {"b2", 7, "n2"}}));
  }
  const auto store = open_store(directory.database(), clock);
  const auto all = store->handoffs().load();
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_THAT(all->handoffs, SizeIs(1));
  const HandoffTable::Row& row = all->handoffs.front();
  EXPECT_EQ(row.handoff.phase, "commit");
  EXPECT_EQ(row.handoff.record, R"({"a":1})");
  EXPECT_EQ(row.times.changed - row.times.started, std::chrono::seconds(1));
  EXPECT_EQ(*row.times.deadline - row.times.changed, std::chrono::seconds(5));
  EXPECT_THAT(all->standings, ElementsAre(StoredStanding{"b1", 2, "n2"}, StoredStanding{"b2", 7, "n2"}));
}

TEST(HandoffTable, TakesNoEpochThatFallsNorAnythingBesideIt) {
  const TempDirectory directory;
  const ManualClock clock;
  const auto store = open_store(directory.database(), clock);
  ASSERT_TRUE(store->handoffs().save(handoff("one", "commit"), {{"b1", 5, "n2"}}));
  const auto fallen = store->handoffs().save(handoff("one", "finish"), {{"b0", 1, "n1"}, {"b1", 4, "n1"}});
  ASSERT_FALSE(fallen);
  EXPECT_EQ(fallen.error().code, ErrorCode::conflict);
  EXPECT_THAT(fallen.error().message, HasSubstr("binding b1: its epoch is 5, and cannot become 4"));
  const auto all = store->handoffs().load();
  EXPECT_EQ(all->handoffs.front().handoff.phase, "commit");
  EXPECT_THAT(all->standings, ElementsAre(StoredStanding{"b1", 5, "n2"}));
  EXPECT_TRUE(store->handoffs().save(handoff("one", "finish"), {{"b1", 5, "n1"}})) << "the same epoch may be given back";
}

TEST(HandoffTable, ForgetsHandoffsAndNotWhoOwnsWhat) {
  const TempDirectory directory;
  const ManualClock clock;
  const auto store = open_store(directory.database(), clock);
  ASSERT_TRUE(store->handoffs().save(handoff("one", "confirm"), {{"b1", 2, "n2"}}));
  ASSERT_TRUE(store->handoffs().save(handoff("two", "check"), {}));
  ASSERT_TRUE(store->handoffs().forget({"one", "never"}));
  const auto all = store->handoffs().load();
  ASSERT_THAT(all->handoffs, SizeIs(1));
  EXPECT_EQ(all->handoffs.front().handoff.id, "two");
  EXPECT_THAT(all->standings, SizeIs(1));
  ASSERT_TRUE(store->handoffs().forget({"two"}));
  EXPECT_THAT(store->handoffs().load()->handoffs, IsEmpty());
}

}  // namespace
}  // namespace vs::test
