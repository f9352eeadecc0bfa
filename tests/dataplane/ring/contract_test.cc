// schemas/ring.md is the contract: its examples are built here and compared byte for byte.
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/abi/dns.h"
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

}  // namespace
}  // namespace vs::test
