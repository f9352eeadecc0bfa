#include "dataplane/services/pubsub/coverage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/channel_name.h"

namespace vs::pubsub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Patterns, MeetInWhatBothMatch) {
  EXPECT_EQ(meet("a.*.c", "a.b.*"), "a.b.c");
  EXPECT_EQ(meet("a.>", "*.b.c"), "a.b.c");
  EXPECT_EQ(meet("a.>", "a.*.>"), "a.*.>");
  EXPECT_EQ(meet(">", "a"), "a");
  EXPECT_EQ(meet("a.>", "a"), std::nullopt);
  EXPECT_EQ(meet("a.*", "b.*"), std::nullopt);
  EXPECT_EQ(meet("a.*", "a.b.c"), std::nullopt);
}

TEST(Patterns, JoinInWhatOneMatches) {
  EXPECT_EQ(join("a.*", "*.b"), "*.*");
  EXPECT_EQ(join("a.b", "a.>"), "a.>");
  EXPECT_EQ(join("a.b.*", "a.>"), "a.>");
  EXPECT_EQ(join("a.b", "a.b.c"), "a.>");
}

TEST(Patterns, JoinMatchesEveryNameOfBoth) {
  const std::vector<std::string> patterns{"a", "a.b", "a.*", "*.b", "a.>", ">", "*.*.c", "a.b.c", "a.*.c", "b.>"};
  const std::vector<std::string> names{"a", "b", "a.b", "a.c", "b.b", "a.b.c", "a.x.c", "b.b.c", "a.b.c.d"};
  for (const auto& one : patterns)
    for (const auto& other : patterns)
      for (const auto& name : names) {
        const auto met = meet(one, other);
        EXPECT_EQ(met && matches(*met, name), matches(one, name) && matches(other, name)) << one << " " << other << " " << name;
        if (overlap(one, other) && (matches(one, name) || matches(other, name)))
          EXPECT_TRUE(matches(join(one, other), name)) << one << " " << other << " " << name;
      }
}

TEST(Patterns, AreLeftWithoutOverlap) {
  EXPECT_THAT(without_overlap({"a.*", "a.b", "*.b", "c.d"}), ElementsAre("*.*"));
  EXPECT_THAT(without_overlap({"a.*", "a.b", "c.d"}), ElementsAre("a.*", "c.d"));
}

TEST(Coverage, AsksOnceForWhatManyWant) {
  Coverage coverage({">"});
  EXPECT_THAT(coverage.add("a.*").begin, ElementsAre("a.*"));
  EXPECT_THAT(coverage.add("a.*").begin, IsEmpty());
  EXPECT_THAT(coverage.remove("a.*").end, IsEmpty());
  EXPECT_THAT(coverage.remove("a.*").end, ElementsAre("a.*"));
  EXPECT_THAT(coverage.wanted(), IsEmpty());
}

TEST(Coverage, AsksForTheWiderInThePlaceOfTheNarrower) {
  Coverage coverage({">"});
  (void)coverage.add("a.b");
  const auto wider = coverage.add("a.>");
  EXPECT_THAT(wider.begin, ElementsAre("a.>"));
  EXPECT_THAT(wider.end, ElementsAre("a.b"));
  EXPECT_TRUE(coverage.wants("a.b.c"));
  const auto narrower = coverage.remove("a.>");
  EXPECT_THAT(narrower.begin, ElementsAre("a.b"));
  EXPECT_THAT(narrower.end, ElementsAre("a.>"));
}

TEST(Coverage, AsksForNothingThatIsNotShared) {
  Coverage coverage({"room.>", "hall"});
  EXPECT_THAT(coverage.add(">").begin, ElementsAre("hall", "room.>"));
  EXPECT_THAT(coverage.add("cellar.*").begin, IsEmpty());
  EXPECT_FALSE(coverage.wants("cellar.x"));
}

TEST(Coverage, LeavesOutWhatComesAnotherWay) {
  Coverage coverage({">"}, {"order.>"});
  EXPECT_THAT(coverage.add("order.*").begin, IsEmpty());
  EXPECT_TRUE(coverage.wants_apart());
  EXPECT_THAT(coverage.add(">").begin, ElementsAre(">"));
  (void)coverage.remove("order.*");
  (void)coverage.remove(">");
  EXPECT_FALSE(coverage.wants_apart());
}

TEST(Coverage, AsksForAllWhenTooManyPatternsWouldBeWeighed) {
  Coverage coverage({"room.>"});
  for (std::size_t i = 0; i <= kPatternsWeighedMax; ++i) (void)coverage.add("room.x" + std::to_string(i));
  EXPECT_THAT(coverage.wanted(), ElementsAre("room.>"));
  (void)coverage.remove("room.x0");
  EXPECT_EQ(coverage.wanted().size(), kPatternsWeighedMax);
}

}  // namespace
}  // namespace vs::pubsub
