// What a slow subscriber gets, by what it asked for: always in order, and with a gap where something was lost.
#include "dataplane/services/pubsub/queue.h"

#include <random>

#include <gtest/gtest.h>

#include "events.h"

namespace vs::pubsub::test {
namespace {

struct Subject {
  explicit Subject(Overflow overflow, QueueLimits limits = {.events_max = 3, .bytes_max = 1 << 20}) : queue(limits, overflow) {}
  SubscriptionQueue::Put put(const std::string& payload, const std::string& key = "", std::uint32_t expires_ms = 0) {
    return queue.put(event_of(write({.payload = payload, .key = key, .expires_ms = expires_ms}), ++sequence, 0, now));
  }
  void put_all(std::initializer_list<const char*> payloads) {
    for (const char* payload : payloads) put(payload);
  }
  SubscriptionQueue::Put put_at(int priority, const std::string& payload, const std::string& key = "") {
    const Written event{.payload = payload, .key = key, .priority = static_cast<std::uint8_t>(priority)};
    return queue.put(event_of(write(event), ++sequence, 0, now));
  }
  std::string take(std::size_t bytes = 4096) {
    std::vector<std::byte> into(bytes);
    return read_all(std::span(into).first(queue.take(into, now)));
  }

  SubscriptionQueue queue;
  std::uint64_t sequence = 0;
  Event::TimePoint now{};
};

using Put = SubscriptionQueue::Put;

TEST(SubscriptionQueue, GivesWhatWasPutInOrder) {
  Subject subject(Overflow::drop_oldest);
  subject.put_all({"a", "b", "c"});
  EXPECT_EQ(subject.take(), "a b c");
  EXPECT_TRUE(subject.queue.empty());
  EXPECT_EQ(subject.take(), "");
}

TEST(SubscriptionQueue, DropsTheOldestAndSaysHowManyBeforeWhatIsLeft) {
  Subject subject(Overflow::drop_oldest);
  subject.put_all({"a", "b", "c", "d", "e"});
  EXPECT_EQ(subject.take(), "lost:2 c d e");
  EXPECT_EQ(subject.queue.counts().lost, 2u);
}

TEST(SubscriptionQueue, DropsTheNewestAndSaysHowManyBehindWhatIsLeft) {
  Subject subject(Overflow::drop_newest);
  subject.put_all({"a", "b", "c", "d", "e"});
  EXPECT_EQ(subject.take(), "a b c lost:2");
  subject.put("f");
  EXPECT_EQ(subject.take(), "f");
}

TEST(SubscriptionQueue, AGapStandsWhereTheLossWas) {
  Subject subject(Overflow::drop_newest);
  subject.put_all({"a", "b", "c", "lost"});
  std::vector<std::byte> into(write({.payload = "a"}).size());
  EXPECT_EQ(read_all(std::span(into).first(subject.queue.take(into, subject.now))), "a");
  subject.put("d");
  EXPECT_EQ(subject.take(), "b c lost:1 d");
}

TEST(SubscriptionQueue, KeepsTheLatestOfEachKey) {
  Subject subject(Overflow::latest);
  subject.put("a1", "a");
  subject.put("b1", "b");
  subject.put("a2", "a");
  subject.put("c1", "c");
  subject.put("a3", "a");
  EXPECT_EQ(subject.queue.counts().conflated, 2u);
  EXPECT_EQ(subject.take(), "a3 b1 c1");
  subject.put("a4", "a");
  EXPECT_EQ(subject.take(), "a4");
}

TEST(SubscriptionQueue, HandsOutAHigherPriorityFirstAndKeepsTheOrderWithinOne) {
  Subject subject(Overflow::drop_oldest, {.events_max = 10, .bytes_max = 1 << 20});
  for (const auto& [payload, priority] : std::vector<std::pair<const char*, int>>{{"a", 0}, {"b", 2}, {"c", 1}, {"d", 2}, {"e", 0}, {"f", 3}})
    subject.put_at(priority, payload);
  EXPECT_EQ(subject.take(), "f b d c a e");
  EXPECT_TRUE(subject.queue.empty());
}

TEST(SubscriptionQueue, TheOldestOfTheLowestPriorityGivesWay) {
  Subject subject(Overflow::drop_oldest);
  subject.put_at(1, "a");
  subject.put_at(0, "b");
  subject.put_at(1, "c");
  subject.put_at(2, "d");  // for b
  subject.put_at(1, "e");  // for a
  EXPECT_EQ(subject.take(), "d lost:1 c e lost:1");
}

TEST(SubscriptionQueue, NoneOfAHigherPriorityGivesWay) {
  for (const Overflow overflow : {Overflow::drop_oldest, Overflow::latest}) {
    Subject subject(overflow);
    for (const char* key : {"a", "b", "c"}) subject.put_at(1, key, key);
    EXPECT_EQ(subject.put_at(0, "d", "d"), Put::lost);
    EXPECT_EQ(subject.take(), "a b c lost:1");
  }
}

TEST(SubscriptionQueue, ALaterValueOfItsPriorityTakesThePlaceOfTheOneBefore) {
  Subject subject(Overflow::latest, {.events_max = 3, .bytes_max = 1000});
  subject.put_at(0, "a0", "a");
  subject.put_at(1, "a1", "a");
  subject.put_at(0, "a00", "a");
  EXPECT_EQ(subject.queue.counts().conflated, 1u);
  EXPECT_EQ(subject.take(), "a1 a00");
  subject.put_at(1, std::string(500, 'x'), "x");
  subject.put_at(0, "low", "low");
  subject.put_at(0, std::string(600, 'y'), "low");  // there is no room for it beside one of higher priority
  EXPECT_EQ(subject.take(), std::string(500, 'x') + " lost:1");
  EXPECT_EQ(subject.queue.bytes(), 0u);
}

TEST(SubscriptionQueue, EndsWhoIsTooSlowIfAskedTo) {
  Subject subject(Overflow::disconnect_slow);
  subject.put_all({"a", "b", "c"});
  EXPECT_EQ(subject.put("d"), Put::ended);
}

TEST(SubscriptionQueue, LosesWhatExpiresAndSaysSo) {
  Subject subject(Overflow::drop_newest);
  subject.put("a", "", 10);
  subject.put("b");
  subject.put("c", "", 10);
  subject.now += std::chrono::milliseconds(10);
  EXPECT_EQ(subject.take(), "lost:1 b lost:1");
}

TEST(SubscriptionQueue, CountsBytesToo) {
  const std::size_t size = write({.payload = std::string(100, 'x')}).size();
  Subject subject(Overflow::drop_oldest, {.events_max = 100, .bytes_max = 2 * size});
  for (int n = 0; n < 5; ++n) subject.put(std::string(100, 'x'));
  EXPECT_EQ(subject.queue.events(), 2u);
  EXPECT_EQ(subject.queue.bytes(), 2 * size);
  EXPECT_EQ(subject.put(std::string(1000, 'x')), Put::lost);  // never fits: nothing gives way for it in vain
}

// Against a plain model: what comes out is in order, and events and gaps together are all that was put.
TEST(SubscriptionQueue, NothingIsLostInSilence) {
  for (const Overflow overflow : {Overflow::drop_oldest, Overflow::drop_newest}) {
    std::mt19937 random(4);
    Subject subject(overflow, {.events_max = 5, .bytes_max = 600});
    std::uint64_t seen = 0;
    std::uint64_t last = 0;
    const auto read = [&](std::size_t room) {
      std::vector<std::byte> into(room);
      std::span<const std::byte> rest = std::span(into).first(subject.queue.take(into, subject.now));
      while (!rest.empty()) {
        vs_event header;
        std::memcpy(&header, rest.data(), sizeof header);
        const bool gap = (header.flags & VS_EVENT_GAP) != 0;
        seen += gap ? header.sequence : 1;
        if (!gap) {
          ASSERT_EQ(header.sequence, seen) << "an event stands where its number says, gaps counted";
          last = header.sequence;
        }
        rest = rest.subspan(header.bytes);
      }
    };
    for (int step = 0; step < 20'000; ++step) {
      if (random() % 3 != 0) subject.put(std::string(random() % 200, 'x'), "", random() % 8 == 0 ? 3 : 0);
      if (random() % 4 == 0) read(random() % 800);
      if (random() % 5 == 0) subject.now += std::chrono::milliseconds(1);
    }
    read(1 << 16);
    EXPECT_EQ(seen, subject.sequence);
    EXPECT_GT(last, 0u);
  }
}

TEST(SubscriptionQueue, NothingIsLostInSilenceAtAnyPriority) {
  for (const Overflow overflow : {Overflow::drop_oldest, Overflow::drop_newest, Overflow::latest}) {
    std::mt19937 random(5);
    Subject subject(overflow, {.events_max = 6, .bytes_max = 900});
    std::uint64_t seen = 0;
    const auto read = [&](std::size_t room) {
      std::vector<std::byte> into(room);
      std::span<const std::byte> rest = std::span(into).first(subject.queue.take(into, subject.now));
      int priority = VS_EVENT_PRIORITIES;
      while (!rest.empty()) {
        vs_event header;
        std::memcpy(&header, rest.data(), sizeof header);
        const bool gap = (header.flags & VS_EVENT_GAP) != 0;
        seen += gap ? header.sequence : 1;
        if (!gap) {
          ASSERT_LE(header.priority, priority);
          priority = header.priority;
        }
        rest = rest.subspan(header.bytes);
      }
    };
    for (int step = 0; step < 20'000; ++step) {
      const std::string key(1, static_cast<char>('a' + random() % 4));
      if (random() % 3 != 0) subject.put_at(static_cast<int>(random() % VS_EVENT_PRIORITIES), std::string(random() % 300, 'x'), key);
      if (random() % 4 == 0) read(random() % 800);
    }
    read(1 << 16);
    EXPECT_EQ(seen + subject.queue.counts().conflated, subject.sequence);
    EXPECT_EQ(subject.queue.bytes(), 0u);
    EXPECT_EQ(subject.queue.events(), 0u);
  }
}

// ---- what a subscriber does without at a level

TEST(SubscriptionQueue, ConflatesOnlyWhileItsLevelIsAboveZero) {
  Subject subject(Overflow::drop_oldest, {.events_max = 10, .bytes_max = 1 << 20});
  subject.queue.adapts({.latest = true});
  subject.put("a1", "a");
  subject.put("a2", "a");
  subject.queue.set_level(1);
  subject.put("a3", "a");
  subject.put("b1", "b");
  subject.put("a4", "a");
  EXPECT_EQ(subject.queue.counts().conflated, 1u);
  subject.queue.set_level(0);
  subject.put("a5", "a");
  EXPECT_EQ(subject.take(), "a1 a2 a4 b1 a5");
  EXPECT_EQ(subject.queue.counts().lost, 0u);
}

TEST(SubscriptionQueue, SparesLowPrioritiesAndSaysHowMany) {
  Subject subject(Overflow::drop_oldest, {.events_max = 10, .bytes_max = 1 << 20});
  subject.queue.adapts({.fewer = true});
  subject.put_at(0, "low");
  subject.queue.set_level(2);
  subject.put_at(1, "gone");
  subject.put_at(2, "high");
  subject.queue.set_level(0);
  subject.put_at(1, "back");
  EXPECT_EQ(subject.take(), "high lost:1 back low");
  EXPECT_EQ(subject.queue.counts().spared, 1u);
  EXPECT_EQ(subject.queue.counts().lost, 0u) << "it chose to do without";
}

TEST(SubscriptionQueue, WithoutAChoiceALevelChangesNothing) {
  Subject subject(Overflow::drop_oldest, {.events_max = 10, .bytes_max = 1 << 20});
  subject.queue.set_level(3);
  subject.put("1", "a");
  subject.put("2", "a");
  EXPECT_EQ(subject.take(), "1 2");
}

TEST(SubscriptionQueue, TellsWhatWasDeliveredSinceItWasAsked) {
  Subject subject(Overflow::drop_oldest);
  subject.put_all({"a", "b", "c", "d", "e"});
  subject.take();
  const QueueStock stock = subject.queue.take_stock();
  EXPECT_EQ(stock.events, 3u);
  EXPECT_EQ(stock.lost, 2u);
  EXPECT_EQ(subject.queue.take_stock().events, 0u);
}

// Against a model of nothing but sums: whatever the levels, nothing is delivered twice or lost in silence.
TEST(SubscriptionQueue, OfAnyLevelsAccountsForEachEvent) {
  std::mt19937 random(11);
  for (int round = 0; round < 50; ++round) {
    Subject subject(Overflow::drop_oldest, {.events_max = 5, .bytes_max = 1 << 20});
    subject.queue.adapts({.latest = true, .fewer = true});
    for (int i = 0; i < 300; ++i) {
      switch (random() % 4) {
        case 0: subject.queue.set_level(random() % 4); break;
        case 1: subject.take(); break;
        default: subject.put_at(static_cast<int>(random() % 4), "x", std::string(1, static_cast<char>('a' + random() % 3)));
      }
      const QueueCounts& counts = subject.queue.counts();
      ASSERT_EQ(subject.sequence, counts.taken + counts.lost + counts.conflated + counts.spared + subject.queue.events());
    }
  }
}

}  // namespace
}  // namespace vs::pubsub::test
