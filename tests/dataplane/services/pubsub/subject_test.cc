#include "dataplane/services/pubsub/subject.h"

#include <gtest/gtest.h>

namespace vs::pubsub {
namespace {

TEST(Subjects, OfNatsHaveTheirPrefixAndDots) {
  const Subjects subjects("site.one", Subjects::Style::nats);
  EXPECT_EQ(subjects.of("room.north"), "site.one.room.north");
  EXPECT_EQ(subjects.of("room.*.>"), "site.one.room.*.>");
  EXPECT_EQ(subjects.channel("site.one.room.north"), "room.north");
}

TEST(Subjects, OfMqttHaveSlashesAndItsWildcards) {
  const Subjects subjects("site.one", Subjects::Style::mqtt);
  EXPECT_EQ(subjects.of("room.north"), "site/one/room/north");
  EXPECT_EQ(subjects.of("room.*.>"), "site/one/room/+/#");
  EXPECT_EQ(subjects.channel("site/one/room/north"), "room.north");
}

TEST(Subjects, AreNoChannelsElsewhere) {
  const Subjects nats("site", Subjects::Style::nats), mqtt("site", Subjects::Style::mqtt);
  for (const char* subject : {"", "site", "site.", "sites.a", "other.a", "site.a b", "site.a..b", "site.\xff", "$JS.API.INFO"})
    EXPECT_FALSE(nats.channel(subject)) << subject;
  for (const char* topic : {"", "site", "site/", "site//a", "site/a.b", "site/a/", "site/+", "$SYS/broker"})
    EXPECT_FALSE(mqtt.channel(topic)) << topic;
  EXPECT_FALSE(nats.channel("site." + std::string(300, 'a')));
}

TEST(Subjects, HaveAPrefixThatIsAChannelsName) {
  EXPECT_TRUE(Subjects::judge_prefix("vs.bus"));
  for (const char* prefix : {"", "a..b", "a.*", ">", "a/b", "$JS"}) EXPECT_FALSE(Subjects::judge_prefix(prefix)) << prefix;
  EXPECT_FALSE(Subjects::judge_prefix(std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c')));
}

}  // namespace
}  // namespace vs::pubsub
