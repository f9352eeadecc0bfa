// Producers and consumers, in both languages and every combination: every message arrives once, in order, whole; nobody who
// sleeps is forgotten.
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

// One face for the two implementations.
class AnyProducer {
 public:
  AnyProducer(HeapRegion& region, bool in_c) : in_c_(in_c), cpp_(region.producer()), c_(region.c_producer()) {}
  bool push(const Message& message) {
    if (!in_c_) return *cpp_.push(message.type, message.cookie, {message.payload});
    const std::size_t half = message.payload.size() / 2;
    return vs_producer_push(&c_, message.type, message.cookie, message.payload.data(), half, message.payload.data() + half,
                            message.payload.size() - half) == 1;
  }
  bool publish() { return in_c_ ? vs_producer_publish(&c_) : cpp_.publish(); }
  bool must_wait(std::size_t bytes) { return in_c_ ? vs_producer_ask(&c_, bytes) == 1 : *cpp_.ask_for_space(bytes); }

 private:
  bool in_c_;
  RingProducer cpp_;
  vs_producer c_;
};

class AnyConsumer {
 public:
  AnyConsumer(HeapRegion& region, bool in_c)
      : in_c_(in_c), cpp_(region.consumer()), c_(region.c_consumer()), into_(cpp_.payload_bytes_max()) {}
  std::optional<Message> take() {
    if (!in_c_) {
      const auto taken = cpp_.take(into_);
      EXPECT_TRUE(taken.has_value());
      if (!taken || !*taken) return std::nullopt;
      return Message{(*taken)->type, (*taken)->cookie, {(*taken)->payload.begin(), (*taken)->payload.end()}};
    }
    vs_taken taken;
    if (vs_consumer_take(&c_, into_.data(), &taken) != 1) return std::nullopt;
    return Message{taken.type, taken.cookie, {into_.begin(), into_.begin() + taken.payload_bytes}};
  }
  bool release() { return in_c_ ? vs_consumer_release(&c_) : cpp_.release(); }
  bool may_sleep() { return in_c_ ? vs_consumer_ask(&c_) : cpp_.ask_for_data(); }

 private:
  bool in_c_;
  RingConsumer cpp_;
  vs_consumer c_;
  std::vector<std::byte> into_;
};

class RingStream : public testing::TestWithParam<std::tuple<bool, bool>> {};

Message random_message(std::mt19937_64& random, std::size_t payload_max) {
  Message message{static_cast<std::uint16_t>(VS_RECORD_SERVICE + random() % 100), random(), {}};
  message.payload.resize(random() % (payload_max + 1));
  for (auto& byte : message.payload) byte = static_cast<std::byte>(random());
  return message;
}

TEST_P(RingStream, RandomMessagesArriveWholeAndInOrder) {
  const auto [producer_in_c, consumer_in_c] = GetParam();
  HeapRegion region(kSmall);
  AnyProducer producer(region, producer_in_c);
  AnyConsumer consumer(region, consumer_in_c);
  std::mt19937_64 random(3);
  std::deque<Message> sent;
  for (int step = 0; step < 50'000; ++step) {
    if (random() % 2 == 0) {
      Message message = random_message(random, 496);
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

TEST_P(RingStream, AFullRingTakesTheNextMessageOnceSpaceIsGivenBack) {
  const auto [producer_in_c, consumer_in_c] = GetParam();
  HeapRegion region(kSmall);
  AnyProducer producer(region, producer_in_c);
  AnyConsumer consumer(region, consumer_in_c);
  const Message message{VS_RECORD_SERVICE, 1, std::vector<std::byte>(300)};
  int held = 0;
  while (producer.push(message)) ++held;
  EXPECT_GE(held, 10);
  producer.publish();
  EXPECT_TRUE(producer.must_wait(message.payload.size()));
  bool woken = false;
  while (!woken) {
    ASSERT_TRUE(consumer.take().has_value());
    woken = consumer.release();
  }
  EXPECT_TRUE(producer.push(message));
}

TEST_P(RingStream, DoorbellsAreAskedForOncePerSleep) {
  const auto [producer_in_c, consumer_in_c] = GetParam();
  HeapRegion region(kSmall);
  AnyProducer producer(region, producer_in_c);
  AnyConsumer consumer(region, consumer_in_c);
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
  const auto [producer_in_c, consumer_in_c] = GetParam();
  HeapRegion region(kSmall);
  constexpr std::uint64_t kMessages = 30'000;
  std::counting_semaphore<> data_bell(0);
  std::counting_semaphore<> space_bell(0);
  std::thread producing([&, in_c = producer_in_c] {
    AnyProducer producer(region, in_c);
    std::mt19937_64 random(4);
    for (std::uint64_t i = 0; i < kMessages; ++i) {
      const Message message{VS_RECORD_SERVICE, i, std::vector<std::byte>(random() % 400)};
      while (!producer.push(message)) {
        if (producer.publish()) data_bell.release();
        if (producer.must_wait(message.payload.size())) space_bell.acquire();
      }
      if (random() % 4 == 0 && producer.publish()) data_bell.release();
    }
    if (producer.publish()) data_bell.release();
  });
  AnyConsumer consumer(region, consumer_in_c);
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

INSTANTIATE_TEST_SUITE_P(CppAndC, RingStream, testing::Combine(testing::Bool(), testing::Bool()),
                         [](const auto& instance) {
                           return std::string(std::get<0>(instance.param) ? "C" : "Cpp") + "To" +
                                  (std::get<1>(instance.param) ? "C" : "Cpp");
                         });

}  // namespace
}  // namespace vs::test
