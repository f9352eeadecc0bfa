// What a peer can write, and what must come of it: an error that both sides can see, never a crash, never a wrong answer
// (rules S-1 to S-4 and S-8; fuzz.ring_index, fuzz.record, fuzz.racing and fuzz.attach look for more).
#include <atomic>
#include <cerrno>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/dataplane/ring/heap_ring.h"

namespace vs::test {
namespace {

// A ring whose first record is at offset 0, to be spoiled.
struct Spoiled {
  HeapRegion region{kSmall};
  vs_record* record(std::size_t offset = 0) {
    return reinterpret_cast<vs_record*>(&region.data(region.header().request)[offset]);
  }
  // What both consumers make of it; they must agree.
  vs_broken verdict() {
    auto consumer = region.consumer();
    std::vector<std::byte> into(consumer.payload_bytes_max());
    const auto taken = consumer.take(into);
    vs_cons_page& page = region.cons(region.header().request);
    EXPECT_EQ(page.broken, consumer.broken());
    page.broken = 0;
    auto c_consumer = region.c_consumer();
    vs_taken c_taken;
    const int c_status = vs_consumer_take(&c_consumer, into.data(), &c_taken);
    EXPECT_EQ(c_status < 0, !taken.has_value());
    EXPECT_EQ(page.broken, consumer.broken());
    return consumer.broken();
  }
};

TEST(RuleS4, LengthsThatCannotBeBreakTheRing) {
  for (const std::uint32_t bytes : {1u, 15u, 513u, 4096u, 4097u, 0x7fffffffu, 0xffffffffu}) {
    Spoiled ring;
    ring.record()->commit_bytes = bytes;
    ring.record()->type = VS_RECORD_SERVICE;
    EXPECT_EQ(ring.verdict(), VS_BROKEN_LENGTH) << bytes;
  }
}

TEST(RuleS4, PadsThatAreNotTheRestBreakTheRing) {
  for (const std::uint32_t bytes : {16u, 512u, 4096u}) {  // 4096: a whole ring of nothing
    Spoiled ring;
    ring.record()->commit_bytes = bytes;
    ring.record()->type = VS_RECORD_PAD;
    EXPECT_EQ(ring.verdict(), VS_BROKEN_LENGTH) << bytes;
  }
}

TEST(RuleS4, UnknownFlagsBreakTheRing) {
  Spoiled ring;
  ring.record()->commit_bytes = 32;
  ring.record()->type = VS_RECORD_SERVICE;
  ring.record()->flags = 0x8000;
  EXPECT_EQ(ring.verdict(), VS_BROKEN_TYPE);
}

TEST(RuleS4, ABrokenRingStaysBroken) {
  Spoiled ring;
  ring.record()->commit_bytes = 3;
  auto consumer = ring.region.consumer();
  std::vector<std::byte> into(consumer.payload_bytes_max());
  EXPECT_FALSE(consumer.take(into));
  ring.record()->commit_bytes = 32;
  ring.record()->type = VS_RECORD_SERVICE;
  EXPECT_FALSE(consumer.take(into));

  auto c_consumer = ring.region.c_consumer();
  vs_taken taken;
  ring.record()->commit_bytes = 3;
  EXPECT_EQ(vs_consumer_take(&c_consumer, into.data(), &taken), -EPROTO);
  ring.record()->commit_bytes = 32;
  EXPECT_EQ(vs_consumer_take(&c_consumer, into.data(), &taken), -EPROTO);
}

TEST(RuleS2, ABrokenRingStaysBrokenForItsProducersToo) {
  HeapRegion region(kSmall);
  auto producer = region.producer();
  const std::vector<std::byte> payload(480);
  while (*producer.push(VS_RECORD_SERVICE, 0, {payload})) {
  }
  std::uint32_t& cons = region.cons(region.header().request).cons;
  cons = 8;
  EXPECT_FALSE(producer.ask_for_space(480));
  cons = 512;  // repaired: nobody believes it
  EXPECT_FALSE(producer.ask_for_space(480));
  EXPECT_FALSE(producer.push(VS_RECORD_SERVICE, 0, {payload}));

  HeapRegion c_region(kSmall);
  auto c_producer = c_region.c_producer();
  while (vs_producer_push(&c_producer, VS_RECORD_SERVICE, 0, payload.data(), 480, nullptr, 0) == 1) {
  }
  std::uint32_t& c_cons = c_region.cons(c_region.header().request).cons;
  c_cons = 8;
  EXPECT_EQ(vs_producer_ask(&c_producer, 480), -EPROTO);
  c_cons = 512;
  EXPECT_EQ(vs_producer_ask(&c_producer, 480), -EPROTO);
  EXPECT_EQ(vs_producer_push(&c_producer, VS_RECORD_SERVICE, 0, payload.data(), 480, nullptr, 0), -EPROTO);
}

// Two valid records in turns in the same place, as fast as another core can: each one taken is one of the two, never a bit of
// both. (fuzz.racing does the same at every single read.)
TEST(RuleS1, ARecordThatChangesWhileItIsReadIsJudgedAsOneCopy) {
  HeapRegion region(kSmall);
  auto* record = reinterpret_cast<vs_record*>(region.data(region.header().request).data());
  record->type = VS_RECORD_SERVICE;
  std::atomic<bool> over{false};
  std::thread mutator([&] {
    for (std::uint32_t turn = 0; !over; ++turn) {
      std::atomic_ref(record->commit_bytes).store(turn % 2 == 0 ? 16 : 512, std::memory_order_relaxed);
      std::atomic_ref(record->type).store(turn % 3 == 0 ? VS_RECORD_PAD : VS_RECORD_SERVICE, std::memory_order_relaxed);
    }
  });
  std::vector<std::byte> into(496);
  for (int round = 0; round < 200'000; ++round) {
    RingConsumer consumer = region.consumer();
    const auto taken = consumer.take(into);
    if (taken && *taken) {
      EXPECT_EQ((*taken)->type, VS_RECORD_SERVICE);
      EXPECT_TRUE((*taken)->payload.empty() || (*taken)->payload.size() == 496) << (*taken)->payload.size();
    } else if (!taken) {
      EXPECT_EQ(consumer.broken(), VS_BROKEN_LENGTH);  // a pad that is not the rest
    }
    vs_consumer c_consumer = region.c_consumer();
    vs_taken c_taken{};
    if (vs_consumer_take(&c_consumer, into.data(), &c_taken) == 1) {
      EXPECT_EQ(c_taken.type, VS_RECORD_SERVICE);
      EXPECT_TRUE(c_taken.payload_bytes == 0 || c_taken.payload_bytes == 496) << c_taken.payload_bytes;
    }
  }
  over = true;
  mutator.join();
}

TEST(RuleS2, AnIndexTooFarAwayBreaksTheRing) {
  for (const std::uint32_t cons : {4096u, 0x80000000u, 0xfffffff0u, 8u}) {
    HeapRegion region(kSmall);
    auto producer = region.producer();
    const std::vector<std::byte> payload(480);
    while (*producer.push(VS_RECORD_SERVICE, 0, {payload})) {
    }
    region.cons(region.header().request).cons = cons;
    EXPECT_FALSE(producer.push(VS_RECORD_SERVICE, 0, {payload})) << cons;
    EXPECT_EQ(producer.broken(), VS_BROKEN_INDEX);
    EXPECT_EQ(region.prod(region.header().request).broken, static_cast<std::uint32_t>(VS_BROKEN_INDEX));

    HeapRegion c_region(kSmall);
    auto c_producer = c_region.c_producer();
    int put = 1;
    while (put == 1) put = vs_producer_push(&c_producer, VS_RECORD_SERVICE, 0, payload.data(), payload.size(), nullptr, 0);
    ASSERT_EQ(put, 0);
    c_region.cons(c_region.header().request).cons = cons;
    put = vs_producer_push(&c_producer, VS_RECORD_SERVICE, 0, payload.data(), payload.size(), nullptr, 0);
    EXPECT_EQ(put, -EPROTO) << cons;
  }
}

TEST(RuleS3, RewritingOnesOwnSharedIndexChangesNothing) {
  HeapRegion region(kSmall);
  auto producer = region.producer();
  auto consumer = region.consumer();
  std::vector<std::byte> into(consumer.payload_bytes_max());
  std::mt19937 random(1);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    ASSERT_TRUE(*producer.push(VS_RECORD_SERVICE, i, {bytes_of("hello")}));
    producer.publish();
    region.prod(region.header().request).prod = random();         // not ours to believe
    const std::uint32_t kept = region.cons(region.header().request).cons;
    const auto taken = consumer.take(into);
    ASSERT_TRUE(taken && *taken);
    EXPECT_EQ((*taken)->cookie, i);
    region.cons(region.header().request).cons = kept;
    consumer.release();
  }
}

// Every byte of the ring is the peer's: whatever stands there, both consumers end with the same verdict, in bounds.
TEST(RuleS4, RandomRingsAreJudgedAlikeInBothLanguages) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 3000; ++round) {
    HeapRegion region(kSmall);
    auto data = region.data(region.header().request);
    if (round % 2 == 0) {
      for (auto& byte : data) byte = static_cast<std::byte>(random());
    } else {  // a valid stream with a few bits turned
      auto producer = region.producer();
      const std::vector<std::byte> payload(random() % 200, static_cast<std::byte>(round));
      while (*producer.push(static_cast<std::uint16_t>(VS_RECORD_SERVICE + random() % 3), random(), {payload})) {
      }
      for (int flips = 0; flips < 4; ++flips)
        data[random() % data.size()] ^= static_cast<std::byte>(1u << random() % 8);
    }
    auto consumer = region.consumer();
    auto c_consumer = region.c_consumer();
    std::vector<std::byte> into(consumer.payload_bytes_max());
    std::vector<std::byte> c_into(into.size());
    for (int records = 0; records < 1000; ++records) {
      const auto taken = consumer.take(into);
      vs_taken c_taken{};
      const int c_status = vs_consumer_take(&c_consumer, c_into.data(), &c_taken);
      ASSERT_EQ(c_status < 0, !taken.has_value());
      if (!taken) break;
      ASSERT_EQ(c_status == 1, taken->has_value());
      if (!*taken) break;
      ASSERT_EQ(c_taken.type, (*taken)->type);
      ASSERT_EQ(c_taken.cookie, (*taken)->cookie);
      ASSERT_EQ(c_taken.payload_bytes, (*taken)->payload.size());
      ASSERT_TRUE(std::equal(into.begin(), into.begin() + c_taken.payload_bytes, c_into.begin()));
    }
  }
}

// Each field of the header turned into each kind of nonsense: refused alike, or a region that really is in bounds.
TEST(RuleS8, EveryFieldIsJudgedAlikeInBothLanguages) {
  const vs_region_header good = make_header(kSmall, 1);
  ASSERT_TRUE(judge_header(good, good.bytes));
  ASSERT_EQ(vs_judge_header(&good, good.bytes), 0);
  int refused = 0;
  for (std::size_t at = 0; at < 56; at += 4) {
    for (const std::uint32_t value : {0u, 1u, 4096u, 8192u, 0x10000u, 0x7fffffffu, 0x80000000u, 0xfffff000u, 0xffffffffu, 31u}) {
      vs_region_header header = good;
      std::memcpy(reinterpret_cast<char*>(&header) + at, &value, sizeof value);
      const bool accepted = judge_header(header, good.bytes).has_value();
      EXPECT_EQ(vs_judge_header(&header, good.bytes) == 0, accepted) << "field at " << at << " value " << value;
      refused += accepted ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 80);
  EXPECT_FALSE(judge_header(good, good.bytes - 1));
  EXPECT_NE(vs_judge_header(&good, good.bytes - 1), 0);
}

}  // namespace
}  // namespace vs::test
