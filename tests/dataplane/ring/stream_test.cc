// Producers and consumers, in both languages and every combination: every message arrives once, in order, whole; nobody who
// sleeps is forgotten.
#include <cstring>
#include <deque>
#include <random>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "heap_ring.h"

namespace vs::test {
namespace {

struct Message {
  std::uint16_t type;
  std::uint64_t cookie;
  std::vector<std::byte> payload;
  friend bool operator==(const Message&, const Message&) = default;
};

// How a side is written, and whether it copies or works in place.
struct Side {
  bool in_c;
  bool in_place;
};

// One face for the implementations.
class AnyProducer {
 public:
  AnyProducer(HeapRegion& region, Side side) : side_(side), cpp_(region.producer()), c_(region.c_producer()) {}
  bool push(const Message& message) {
    const std::size_t bytes = message.payload.size();
    const std::size_t half = bytes / 2;
    if (side_.in_place) {
      void* room = nullptr;
      if (side_.in_c)
        vs_producer_reserve(&c_, bytes + half, &room);
      else
        room = cpp_.reserve(bytes + half)->data();
      if (room == nullptr) return false;
      if (bytes != 0) std::memcpy(room, message.payload.data(), bytes);
      if (side_.in_c)
        vs_producer_commit(&c_, message.type, message.cookie, bytes);
      else
        cpp_.commit(message.type, message.cookie, bytes);
      return true;
    }
    if (!side_.in_c) return *cpp_.push(message.type, message.cookie, {message.payload});
    return vs_producer_push(&c_, message.type, message.cookie, message.payload.data(), half, message.payload.data() + half,
                            bytes - half) == 1;
  }
  bool publish() { return side_.in_c ? vs_producer_publish(&c_) : cpp_.publish(); }
  void begin_batch() { side_.in_c ? vs_producer_begin_batch(&c_) : cpp_.begin_batch(); }
  bool must_wait(std::size_t bytes) {
    return side_.in_c ? vs_producer_ask(&c_, bytes) == 1 : *cpp_.ask_for_space(bytes);
  }
  // What push() needs room for.
  std::size_t room_for(std::size_t bytes) const { return side_.in_place ? bytes + bytes / 2 : bytes; }

 private:
  Side side_;
  RingProducer cpp_;
  vs_producer c_;
};

class AnyConsumer {
 public:
  AnyConsumer(HeapRegion& region, Side side)
      : side_(side), cpp_(region.consumer()), c_(region.c_consumer()), into_(cpp_.payload_bytes_max()) {}
  std::optional<Message> take() {
    if (side_.in_c) return take_in_c();
    const auto taken = side_.in_place ? cpp_.peek() : cpp_.take(into_);
    EXPECT_TRUE(taken.has_value());
    if (!taken || !*taken) return std::nullopt;
    Message message{(*taken)->type, (*taken)->cookie, {(*taken)->payload.begin(), (*taken)->payload.end()}};
    if (side_.in_place) cpp_.consume();
    return message;
  }
  bool release() { return side_.in_c ? vs_consumer_release(&c_) : cpp_.release(); }
  bool may_sleep(std::uint32_t bytes_ahead = 0) {
    return side_.in_c ? vs_consumer_ask_after(&c_, bytes_ahead) : cpp_.ask_for_data(bytes_ahead);
  }

 private:
  std::optional<Message> take_in_c() {
    vs_taken taken;
    const void* payload = into_.data();
    const int status =
        side_.in_place ? vs_consumer_peek(&c_, &payload, &taken) : vs_consumer_take(&c_, into_.data(), &taken);
    if (status != 1) return std::nullopt;
    const auto* bytes = static_cast<const std::byte*>(payload);
    Message message{taken.type, taken.cookie, {bytes, bytes + taken.payload_bytes}};
    if (side_.in_place) vs_consumer_consume(&c_);
    return message;
  }

  Side side_;
  RingConsumer cpp_;
  vs_consumer c_;
  std::vector<std::byte> into_;
};

class RingStream : public testing::TestWithParam<std::tuple<Side, Side>> {};

Message random_message(std::mt19937_64& random, std::size_t payload_max) {
  Message message{static_cast<std::uint16_t>(VS_RECORD_SERVICE + random() % 100), random(), {}};
  message.payload.resize(random() % (payload_max + 1));
  for (auto& byte : message.payload) byte = static_cast<std::byte>(random());
  return message;
}

TEST_P(RingStream, RandomMessagesArriveWholeAndInOrder) {
  const auto [producer_side, consumer_side] = GetParam();
  HeapRegion region(kSmall);
  AnyProducer producer(region, producer_side);
  AnyConsumer consumer(region, consumer_side);
  std::mt19937_64 random(3);
  std::deque<Message> sent;
  for (int step = 0; step < 50'000; ++step) {
    if (random() % 2 == 0) {
      Message message = random_message(random, 330);
      if (producer.push(message)) sent.push_back(std::move(message));
      if (random() % 3 == 0) producer.publish();
    } else if (const auto message = consumer.take()) {
      ASSERT_FALSE(sent.empty());
      ASSERT_EQ(*message, sent.front());
      sent.pop_front();
      if (random() % 3 == 0) consumer.release();
    } else {
      ASSERT_TRUE(sent.empty());
      consumer.release();
    }
  }
}

TEST_P(RingStream, ABatchIsSeenWhenItIsPublishedOrTheProducerMustWait) {
  const auto [producer_side, consumer_side] = GetParam();
  HeapRegion region(kSmall);
  AnyProducer producer(region, producer_side);
  AnyConsumer consumer(region, consumer_side);
  std::mt19937_64 random(6);
  for (int step = 0; step < 1000; ++step) {  // often enough that batches wrap
    std::deque<Message> sent;
    producer.begin_batch();
    for (int i = 0; i < 3; ++i) {
      sent.push_back(random_message(random, 100));
      ASSERT_TRUE(producer.push(sent.back()));
    }
    ASSERT_TRUE(consumer.may_sleep());
    ASSERT_FALSE(consumer.take().has_value());
    if (step % 2 == 0)
      ASSERT_TRUE(producer.publish());
    else
      producer.must_wait(8);
    for (; !sent.empty(); sent.pop_front()) ASSERT_EQ(consumer.take(), sent.front());
    producer.publish();
    consumer.release();
  }
}

TEST_P(RingStream, ALongBatchIsSeenInParts) {
  const auto [producer_side, consumer_side] = GetParam();
  HeapRegion region(kSmall);
  AnyProducer producer(region, producer_side);
  AnyConsumer consumer(region, consumer_side);
  producer.begin_batch();
  const Message message{VS_RECORD_SERVICE, 1, std::vector<std::byte>(300)};
  int seen = 0;
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(producer.push(message));
    while (consumer.take()) ++seen;
  }
  EXPECT_EQ(seen, 8);  // 4 * 320 bytes are more than a KiB, twice
}

TEST_P(RingStream, ConsumersMayAskForManyAtATime) {
  const auto [producer_side, consumer_side] = GetParam();
  HeapRegion region(kSmall);
  AnyProducer producer(region, producer_side);
  AnyConsumer consumer(region, consumer_side);
  const Message message{VS_RECORD_SERVICE, 1, std::vector<std::byte>(16)};  // 32 bytes of the ring
  ASSERT_TRUE(consumer.may_sleep(64));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(producer.push(message));
    EXPECT_FALSE(producer.publish()) << i;
    EXPECT_TRUE(consumer.may_sleep(64)) << i;
  }
  ASSERT_TRUE(producer.push(message));
  EXPECT_TRUE(producer.publish());
  EXPECT_FALSE(consumer.may_sleep(64));
}

TEST_P(RingStream, AFullRingTakesTheNextMessageOnceSpaceIsGivenBack) {
  const auto [producer_side, consumer_side] = GetParam();
  HeapRegion region(kSmall);
  AnyProducer producer(region, producer_side);
  AnyConsumer consumer(region, consumer_side);
  const Message message{VS_RECORD_SERVICE, 1, std::vector<std::byte>(300)};
  int held = 0;
  while (producer.push(message)) ++held;
  EXPECT_GE(held, 10);
  producer.publish();
  EXPECT_TRUE(producer.must_wait(producer.room_for(message.payload.size())));
  bool woken = false;
  while (!woken) {
    ASSERT_TRUE(consumer.take().has_value());
    woken = consumer.release();
  }
  EXPECT_TRUE(producer.push(message));
}

TEST_P(RingStream, DoorbellsAreAskedForOncePerSleep) {
  const auto [producer_side, consumer_side] = GetParam();
  HeapRegion region(kSmall);
  AnyProducer producer(region, producer_side);
  AnyConsumer consumer(region, consumer_side);
  const Message message{VS_RECORD_SERVICE, 1, std::vector<std::byte>(8)};
  ASSERT_TRUE(consumer.may_sleep());
  producer.push(message);
  EXPECT_TRUE(producer.publish());   // asked
  producer.push(message);
  EXPECT_FALSE(producer.publish());  // the consumer is awake as far as we know
  EXPECT_FALSE(consumer.may_sleep());
  consumer.take();
  consumer.take();
  EXPECT_TRUE(consumer.may_sleep());
  producer.push(message);
  EXPECT_TRUE(producer.publish());
}

// Sleeps are real: a doorbell that is not rung hangs the test.
TEST_P(RingStream, NoWakeUpIsLostBetweenThreads) {
  const auto [producer_side, consumer_side] = GetParam();
  HeapRegion region(kSmall);
  constexpr std::uint64_t kMessages = 30'000;
  std::counting_semaphore<> data_bell(0);
  std::counting_semaphore<> space_bell(0);
  std::thread producing([&, side = producer_side] {
    AnyProducer producer(region, side);
    std::mt19937_64 random(4);
    for (std::uint64_t i = 0; i < kMessages; ++i) {
      const Message message{VS_RECORD_SERVICE, i, std::vector<std::byte>(random() % 330)};
      while (!producer.push(message)) {
        if (producer.publish()) data_bell.release();
        if (producer.must_wait(producer.room_for(message.payload.size()))) space_bell.acquire();
      }
      if (random() % 4 == 0 && producer.publish()) data_bell.release();
      if (random() % 8 == 0) producer.begin_batch();
    }
    if (producer.publish()) data_bell.release();
  });
  AnyConsumer consumer(region, consumer_side);
  for (std::uint64_t expected = 0; expected < kMessages;) {
    if (const auto message = consumer.take()) {
      ASSERT_EQ(message->cookie, expected++);
      continue;
    }
    if (consumer.release()) space_bell.release();
    if (consumer.may_sleep()) data_bell.acquire();
  }
  if (consumer.release()) space_bell.release();
  producing.join();
}

std::string name_of(Side side) { return std::string(side.in_c ? "C" : "Cpp") + (side.in_place ? "InPlace" : ""); }

const auto kSides = testing::Values(Side{false, false}, Side{false, true}, Side{true, false}, Side{true, true});
INSTANTIATE_TEST_SUITE_P(CppAndC, RingStream, testing::Combine(kSides, kSides), [](const auto& instance) {
  return name_of(std::get<0>(instance.param)) + "To" + name_of(std::get<1>(instance.param));
});

// What a producer wrote into room that it did not commit must not be taken for the next record, wherever headers are zeroed ahead.
TEST(RingTwins, TakeNothingForARecordThatWasReservedAndNotCommitted) {
  for (const bool in_c : {false, true}) {
    std::mt19937_64 random(11);
    HeapRegion region(kSmall);
    RingProducer producer = region.producer();
    vs_producer c_producer = region.c_producer();
    RingConsumer consumer = region.consumer();
    std::vector<std::byte> into(consumer.payload_bytes_max());
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      const std::size_t tries = 1 + random() % 3;
      std::size_t reserved = 0;
      for (std::size_t turn = 0; turn < tries; ++turn) {  // a second reserve takes the first one's place
        reserved = random() % 400;
        void* room = nullptr;
        if (in_c)
          ASSERT_EQ(vs_producer_reserve(&c_producer, reserved, &room), 1);
        else
          room = (*producer.reserve(reserved)).data();
        std::memset(room, 0xff, reserved);
      }
      const std::size_t committed = random() % (reserved + 1);
      if (in_c) {
        vs_producer_commit(&c_producer, VS_RECORD_SERVICE, i, committed);
        vs_producer_publish(&c_producer);
      } else {
        producer.commit(VS_RECORD_SERVICE, i, committed);
        producer.publish();
      }
      const auto taken = consumer.take(into);
      ASSERT_TRUE(taken && *taken) << i;
      ASSERT_EQ((*taken)->cookie, i);
      ASSERT_EQ((*taken)->payload.size(), committed);
      const auto next = consumer.take(into);
      ASSERT_TRUE(next) << next.error().message;
      ASSERT_FALSE(*next) << i;
      consumer.release();
    }
  }
}

// The same deeds by both implementations leave the same bytes and the same answers, at every step.
TEST(RingTwins, LeaveTheSameBytes) {
  HeapRegion in_cpp(kSmall);
  HeapRegion in_c(kSmall);
  AnyProducer cpp_producer(in_cpp, {false, false});
  AnyProducer c_producer(in_c, {true, false});
  AnyConsumer cpp_consumer(in_cpp, {false, false});
  AnyConsumer c_consumer(in_c, {true, false});
  std::mt19937_64 random(5);
  for (int step = 0; step < 30'000; ++step) {
    switch (random() % 6) {
      case 0:
      case 1: {
        const Message message = random_message(random, 496);
        ASSERT_EQ(cpp_producer.push(message), c_producer.push(message));
        break;
      }
      case 2:
        ASSERT_EQ(cpp_producer.publish(), c_producer.publish());
        if (random() % 3 == 0) {
          cpp_producer.begin_batch();
          c_producer.begin_batch();
        }
        break;
      case 3: {
        const std::size_t bytes = random() % 497;
        ASSERT_EQ(cpp_producer.must_wait(bytes), c_producer.must_wait(bytes));
        break;
      }
      case 4: ASSERT_EQ(cpp_consumer.take(), c_consumer.take()); break;
      default: ASSERT_EQ(cpp_consumer.release(), c_consumer.release()); break;
    }
    if (random() % 7 == 0) {
      ASSERT_EQ(cpp_consumer.may_sleep(), c_consumer.may_sleep());
    }
    ASSERT_EQ(std::memcmp(in_cpp.bytes().data(), in_c.bytes().data(), in_cpp.bytes().size()), 0) << "step " << step;
  }
}

}  // namespace
}  // namespace vs::test
