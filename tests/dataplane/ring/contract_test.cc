// schemas/ring.md is the contract: its examples are built here and compared byte for byte.
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/abi/dns.h"
#include "heap_broadcast.h"
#include "heap_pool.h"
#include "heap_ring.h"

namespace vs::test {
namespace {

using Bytes = std::vector<unsigned char>;

// The hex block behind "<!-- example: NAME -->".
Bytes example(const std::string& name) {
  std::ifstream file(VS_SOURCE_DIR "/schemas/ring.md");
  std::string line;
  while (std::getline(file, line) && line != "<!-- example: " + name + " -->") {
  }
  Bytes bytes;
  while (std::getline(file, line) && line.starts_with("    ")) {
    std::istringstream words(line);
    for (std::string word; words >> word;) bytes.push_back(static_cast<unsigned char>(std::stoi(word, nullptr, 16)));
  }
  EXPECT_FALSE(bytes.empty()) << "no example " << name << " in schemas/ring.md";
  return bytes;
}

Bytes first(std::span<const std::byte> memory, std::size_t count) {
  const auto* begin = reinterpret_cast<const unsigned char*>(memory.data());
  return {begin, begin + count};
}

constexpr std::string_view kName = "a.test";
constexpr std::uint64_t kCookie = std::uint64_t{1} << 32;

struct LookupPayload {
  vs_request head{.answer_bytes_max = 4128, .timeout_ms = 5000};
  vs_dns_lookup lookup{.family = VS_DNS_ANY, .name_bytes = kName.size()};
};

TEST(RingContract, HeaderIsAsWritten) {
  const vs_region_header header = make_header(RegionShape{.request_bytes_log2 = 15, .response_bytes_log2 = 18}, 1);
  const Bytes expected = example("header");
  EXPECT_EQ(first(std::as_bytes(std::span(&header, 1)), expected.size()), expected);
}

TEST(RingContract, RequestOfTheCppRingIsAsWritten) {
  HeapRegion region({});
  auto producer = region.producer();
  const LookupPayload payload;
  ASSERT_TRUE(*producer.push(VS_DNS_LOOKUP, kCookie, {std::as_bytes(std::span(&payload, 1)), bytes_of(kName)}));
  const Bytes expected = example("request");
  EXPECT_EQ(first(region.data(region.header().request), expected.size()), expected);
}

TEST(RingContract, RequestOfTheCRingIsAsWritten) {
  HeapRegion region({});
  auto producer = region.c_producer();
  const LookupPayload payload;
  ASSERT_EQ(vs_producer_push(&producer, VS_DNS_LOOKUP, kCookie, &payload, sizeof payload, kName.data(), kName.size()), 1);
  const Bytes expected = example("request");
  EXPECT_EQ(first(region.data(region.header().request), expected.size()), expected);
}

TEST(RingContract, AnswerIsAsWritten) {
  HeapRegion region({});
  RingProducer producer(producer_memory(region.bytes(), region.header().response));
  const vs_answer head{};
  const vs_dns_addresses found{.result = VS_DNS_FOUND, .address_count = 1, .name_bytes = kName.size()};
  const vs_dns_address address{.family = VS_DNS_INET, .ttl_s = 60, .address = {10, 1, 2, 3}};
  ASSERT_TRUE(*producer.push(VS_RECORD_ANSWER, kCookie,
                             {std::as_bytes(std::span(&head, 1)), std::as_bytes(std::span(&found, 1)),
                              std::as_bytes(std::span(&address, 1)), bytes_of(kName)}));
  const Bytes expected = example("answer");
  EXPECT_EQ(first(region.data(region.header().response), expected.size()), expected);
}

TEST(RingContract, PadIsAsWrittenInBothRings) {
  for (const bool in_c : {false, true}) {
    HeapRegion region(kSmall);
    auto producer = region.producer();
    auto c_producer = region.c_producer();
    auto consumer = region.consumer();
    std::vector<std::byte> into(consumer.payload_bytes_max());
    const auto push = [&](std::size_t payload_bytes) {
      const std::vector<std::byte> payload(payload_bytes);
      if (in_c)
        ASSERT_EQ(vs_producer_push(&c_producer, VS_DNS_LOOKUP, 0, payload.data(), payload.size(), nullptr, 0), 1);
      else
        ASSERT_TRUE(*producer.push(VS_DNS_LOOKUP, 0, {payload}));
      ASSERT_TRUE(*consumer.take(into));
      consumer.release();
    };
    for (int i = 0; i < 127; ++i) push(16);  // 127 * 32 = 4064
    push(22);                                // the 48 bytes of example 2
    const Bytes expected = example("pad");
    EXPECT_EQ(first(region.data(region.header().request).subspan(4064), expected.size()), expected) << "in C: " << in_c;
    EXPECT_EQ(first(region.data(region.header().request), 4), (Bytes{38, 0, 0, 0})) << "in C: " << in_c;
  }
}

TEST(RingContract, NewIndexPagesAreAsWritten) {
  HeapRegion region(kSmall);
  [[maybe_unused]] const auto producer = region.producer();
  [[maybe_unused]] const auto consumer = region.consumer();
  EXPECT_EQ(region.prod(region.header().request).space_event, 0x7fffffffu);
  EXPECT_EQ(region.prod(region.header().request).prod, 0u);
  EXPECT_EQ(region.cons(region.header().request).cons, 0u);
  EXPECT_EQ(region.cons(region.header().request).data_event, 0u);
}

TEST(BroadcastContract, HeaderIsAsWritten) {
  const vs_broadcast_header header = make_broadcast_header({.channel = 3, .data_bytes_log2 = 16});
  const Bytes expected = example("broadcast");
  EXPECT_EQ(first(std::as_bytes(std::span(&header, 1)), expected.size()), expected);
}

// The pool of examples 5 to 7.
constexpr PoolShape kFrames{.pool = 1, .buffer_count = 8, .buffer_bytes = 300'000};

TEST(BufferContract, PoolIsAsWrittenByBothLenders) {
  const Bytes expected = example("pool");
  const vs_pool_header header = make_pool_header(kFrames);
  EXPECT_EQ(first(std::as_bytes(std::span(&header, 1)), expected.size()), expected);
  vs_pool_header c_header;
  ASSERT_EQ(vs_make_pool_header(1, 8, 300'000, &c_header), 0);
  EXPECT_EQ(first(std::as_bytes(std::span(&c_header, 1)), expected.size()), expected);
}

TEST(BufferContract, RecordsOfTheCppLenderAndBorrowerAreAsWritten) {
  HeapPool memory(kFrames);
  BufferPool pool(memory.bytes(), memory.header(), std::chrono::seconds(1));
  Borrower borrower(pool, 3);
  const auto zero = pool.loan(1);
  const auto one = pool.loan(1);
  for (int before = 0; before < 3; ++before) ASSERT_TRUE(*pool.loan(1));
  auto two = pool.loan(300'000);
  const vs_buffer buffer = *pool.lend(**two, borrower, {});
  HeapRegion there({});
  ASSERT_TRUE(*there.producer().push(VS_RECORD_BUFFER, kCookie, {std::as_bytes(std::span(&buffer, 1))}));
  const Bytes lent = example("buffer");
  EXPECT_EQ(first(there.data(there.header().request), lent.size()), lent);

  const vs_buffer_return back = return_of(buffer);
  HeapRegion here({});
  ASSERT_TRUE(*here.producer().push(VS_RECORD_RETURN, kCookie, {std::as_bytes(std::span(&back, 1))}));
  const Bytes returned = example("return");
  EXPECT_EQ(first(here.data(here.header().request), returned.size()), returned);
}

TEST(BufferContract, RecordsOfTheCLenderAndBorrowerAreAsWritten) {
  HeapPool memory(kFrames);
  vs_lender lender;
  ASSERT_EQ(vs_lender_start(&lender, memory.c_bytes(), &memory.header(), 3), 0);
  vs_loan loan;
  for (int other = 0; other < 2; ++other) ASSERT_EQ(vs_lender_loan(&lender, 1, &loan), 1);
  for (int before = 0; before < 3; ++before) {
    ASSERT_EQ(vs_lender_loan(&lender, 1, &loan), 1);
    vs_lender_drop(&lender, &loan);
  }
  ASSERT_EQ(vs_lender_loan(&lender, 300'000, &loan), 1);
  vs_buffer buffer;
  ASSERT_EQ(vs_lender_lend(&lender, &loan, &buffer), 1);
  HeapRegion there({});
  auto lending = there.c_producer();
  ASSERT_EQ(vs_producer_push(&lending, VS_RECORD_BUFFER, kCookie, &buffer, sizeof buffer, nullptr, 0), 1);
  const Bytes lent = example("buffer");
  EXPECT_EQ(first(there.data(there.header().request), lent.size()), lent);

  const vs_buffer_return back = vs_return_of(&buffer);
  HeapRegion here({});
  auto returning = here.c_producer();
  ASSERT_EQ(vs_producer_push(&returning, VS_RECORD_RETURN, kCookie, &back, sizeof back, nullptr, 0), 1);
  const Bytes returned = example("return");
  EXPECT_EQ(first(here.data(here.header().request), returned.size()), returned);
  vs_lender_stop(&lender);
}

TEST(BufferContract, NewGenerationWordsAreOne) {
  HeapPool memory(kFrames);
  const BufferPool pool(memory.bytes(), memory.header(), std::chrono::seconds(1));
  for (std::uint32_t index = 0; index < 8; ++index) EXPECT_EQ(memory.generation(index), 1u);
}

}  // namespace
}  // namespace vs::test
