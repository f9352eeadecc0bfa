// Records as a hostile producer writes them: the consumers in C++ and in C, copying and in place,
// say what schemas/ring.md says, in bounds (rule S-4).
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/check.h"
#include "tests/fuzz/twin_ring.h"

namespace vs::fuzz {
namespace {

// The contract once more, as plainly as it can be said: what a reader at `at` must find.
struct Verdict {
  vs_broken broken = VS_BROKEN_NOT;
  bool some = false;
  std::uint32_t at = 0;  // of the record found
  std::uint32_t payload = 0;
  std::uint32_t next = 0;  // where the reader stands then
};
Verdict judge(std::span<const std::byte> ring, std::uint32_t at) {
  const auto size = static_cast<std::uint32_t>(ring.size());
  for (bool padded = false;; padded = true) {
    vs_record record;
    std::memcpy(&record, &ring[at], sizeof record);
    const std::uint32_t rest = size - at;
    if (record.commit_bytes == 0) return {.next = at};
    if (record.commit_bytes < 16 || record.commit_bytes > rest) return {.broken = VS_BROKEN_LENGTH};
    if (record.flags != 0) return {.broken = VS_BROKEN_TYPE};
    if (record.type != VS_RECORD_PAD) {
      if (record.commit_bytes > size / 8) return {.broken = VS_BROKEN_LENGTH};
      return {.some = true,
              .at = at,
              .payload = record.commit_bytes - 16,
              .next = (at + (record.commit_bytes + 15) / 16 * 16) % size};
    }
    if (record.commit_bytes != rest || at == 0 || padded) return {.broken = VS_BROKEN_LENGTH};
    at = 0;
  }
}

std::uint32_t some_length(FuzzedDataProvider& input, std::uint32_t rest) {
  switch (input.ConsumeIntegralInRange<int>(0, 5)) {
    case 0: return input.ConsumeIntegral<std::uint32_t>();
    case 1: return rest;
    case 2: return rest + input.ConsumeIntegralInRange<std::uint32_t>(0, 32) - 16;
    case 3: return 512 + input.ConsumeIntegralInRange<std::uint32_t>(0, 32) - 16;
    default: return input.ConsumeIntegralInRange<std::uint32_t>(0, 512);
  }
}

// Lays records out one behind the other, each field right or wrong as the input says.
void write_records(FuzzedDataProvider& input, std::span<std::byte> data, std::uint32_t at) {
  const auto size = static_cast<std::uint32_t>(data.size());
  for (int written = 0; written < 64 && input.remaining_bytes() != 0; ++written) {
    const std::uint32_t rest = size - at;
    vs_record record{};
    record.commit_bytes = some_length(input, rest);
    record.type = input.ConsumeBool() ? std::uint16_t{VS_RECORD_SERVICE}
                                      : input.PickValueInArray<std::uint16_t>(
                                            {VS_RECORD_PAD, VS_RECORD_ANSWER, 0, 3, 0xffff});
    record.flags =
        input.ConsumeIntegralInRange<int>(0, 15) == 0 ? input.ConsumeIntegral<std::uint16_t>() : 0;
    record.cookie = input.ConsumeIntegral<std::uint32_t>();
    std::memcpy(&data[at], &record, sizeof record);
    const std::uint32_t step = (record.commit_bytes + 15) / 16 * 16;
    const std::vector<std::uint8_t> payload =
        input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange<std::size_t>(0, 24));
    std::copy_n(payload.begin(), std::min<std::size_t>(payload.size(), rest - sizeof record),
                reinterpret_cast<std::uint8_t*>(data.data()) + at + sizeof record);
    at = step == 0 || step > rest ? 0 : (at + step) % size;
  }
}

struct Readers {
  RingConsumer consumer;
  vs_consumer c_consumer;
  std::vector<std::byte> into = std::vector<std::byte>(consumer.payload_bytes_max());
  std::vector<std::byte> c_into = into;

  // Takes one record with both, and holds both against `expected`. False at the end.
  bool take(TwinRing& ring, const Verdict& expected, bool in_place) {
    const auto taken = in_place ? consumer.peek() : consumer.take(into);
    vs_taken c_taken{};
    const void* c_payload = c_into.data();
    const int c_status = in_place ? vs_consumer_peek(&c_consumer, &c_payload, &c_taken)
                                  : vs_consumer_take(&c_consumer, c_into.data(), &c_taken);
    VS_CHECK(taken.has_value() == (expected.broken == VS_BROKEN_NOT));
    VS_CHECK(c_status == (taken ? (expected.some ? 1 : 0) : -EPROTO));
    VS_CHECK(consumer.broken() == expected.broken && c_consumer.broken == expected.broken);
    VS_CHECK(ring.cpp.cons().broken == expected.broken && ring.c.cons().broken == expected.broken);
    if (!taken || !*taken) {
      VS_CHECK(!taken || !expected.some);
      return false;
    }
    const auto data = ring.cpp.data();
    vs_record written;
    std::memcpy(&written, &data[expected.at], sizeof written);
    const RingRecord& record = **taken;
    VS_CHECK(record.type == written.type && c_taken.type == written.type);
    VS_CHECK(record.cookie == written.cookie && c_taken.cookie == written.cookie);
    VS_CHECK(record.payload.size() == expected.payload &&
             c_taken.payload_bytes == expected.payload);
    const std::byte* payload =
        data.data() + expected.at + sizeof written;  // a record may end where the ring does
    VS_CHECK(std::equal(record.payload.begin(), record.payload.end(), payload));
    VS_CHECK(std::memcmp(c_payload, payload, expected.payload) == 0);
    if (in_place) {
      consumer.consume();
      vs_consumer_consume(&c_consumer);
    }
    return true;
  }
};

}  // namespace
}  // namespace vs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace vs;
  using namespace vs::fuzz;
  static TwinRing ring;
  ring.reset();
  FuzzedDataProvider input(bytes, size);
  Readers readers{ring.cpp.consumer(), ring.c.c_consumer()};
  std::uint32_t at = 0;
  for (int rounds = 0; rounds < 4 && (rounds == 0 || input.remaining_bytes() != 0); ++rounds) {
    write_records(input, ring.cpp.data(), at);
    if (input.ConsumeIntegralInRange<int>(0, 7) == 0) {  // or any bytes at all
      const auto rubbish = input.ConsumeBytes<std::uint8_t>(ring.cpp.data().size() - at);
      std::copy(rubbish.begin(), rubbish.end(),
                reinterpret_cast<std::uint8_t*>(&ring.cpp.data()[at]));
    }
    std::memcpy(ring.c.data().data(), ring.cpp.data().data(), ring.cpp.data().size());
    for (int taken = 0; taken < 300; ++taken) {  // a full ring may be valid all around
      const Verdict expected = judge(ring.cpp.data(), at);
      const bool more = readers.take(ring, expected, input.ConsumeBool());
      if (expected.broken != VS_BROKEN_NOT) return 0;
      at = expected.next;
      if (!more) break;
    }
    VS_CHECK(readers.consumer.release() == vs_consumer_release(&readers.c_consumer));
    VS_CHECK(ring.same_words());
  }
  return 0;
}
