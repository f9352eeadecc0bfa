// A peer that changes shared memory between any two reads: what the rings in C++ and C say is true
// of what they read first, and each thing is read once (rules S-1 and S-9). No threads: the reads
// themselves call the peer (loads.h).
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "base/check.h"
#include "tests/fuzz/loads.h"
#include "tests/fuzz/twin_ring.h"

namespace vs::fuzz {
namespace {

// One reading of shared memory: what stood there.
struct Read {
  std::size_t offset;
  std::vector<std::byte> bytes;
};

// Records what is read, and lets the peer write before each read, as the input says.
class Peer {
 public:
  Peer(FuzzedDataProvider& input, std::span<std::byte> memory)
      : input_(input),
        memory_(memory),
        watch_(memory, [this](std::size_t offset, std::size_t bytes) { before(offset, bytes); }) {}

  std::vector<Read> reads;

 private:
  void before(std::size_t offset, std::size_t bytes) {
    const int writes = input_.ConsumeIntegralInRange<int>(0, 3);
    for (int i = 0; i < writes - 1; ++i) {  // mostly where it is read, and what could be true
      const std::size_t at =
          input_.ConsumeBool() ? offset + input_.ConsumeIntegralInRange<std::size_t>(0, 15)
                               : input_.ConsumeIntegralInRange<std::size_t>(0, memory_.size() - 1);
      memory_[std::min(at, memory_.size() - 1)] =
          static_cast<std::byte>(input_.ConsumeIntegral<std::uint8_t>());
    }
    const auto seen = memory_.subspan(offset, std::min(bytes, memory_.size() - offset));
    reads.push_back({offset, {seen.begin(), seen.end()}});
  }

  FuzzedDataProvider& input_;
  std::span<std::byte> memory_;
  Watch watch_;
};

template <class T>
T value(const Read& read) {
  T it{};
  std::memcpy(&it, read.bytes.data(), std::min(sizeof it, read.bytes.size()));
  return it;
}

// What the reads amount to, if each is believed once: commit word, header, and for a pad the same
// again; then the payload.
struct Story {
  vs_broken broken = VS_BROKEN_NOT;
  bool some = false;
  vs_record header{};
  std::uint32_t payload_bytes = 0;
  std::size_t header_offset = 0;
  std::size_t reads = 0;  // of those made
  std::uint32_t cons = 0;
};
Story story_of(const std::vector<Read>& reads, std::uint32_t cons, std::uint32_t size) {
  Story story{.cons = cons};
  for (bool padded = false;; padded = true) {
    const std::uint32_t at = story.cons % size;
    const std::uint32_t rest = size - at;
    const auto broken = [&](vs_broken why) {
      story.broken = why;
      return story;
    };
    VS_CHECK(story.reads < reads.size() && reads[story.reads].offset == at &&
             reads[story.reads].bytes.size() == 4);
    const auto commit = value<std::uint32_t>(reads[story.reads++]);
    if (commit == 0) return story;
    if (commit < 16 || commit > rest) return broken(VS_BROKEN_LENGTH);
    VS_CHECK(story.reads < reads.size() && reads[story.reads].offset == at &&
             reads[story.reads].bytes.size() == sizeof(vs_record));
    const auto header = value<vs_record>(reads[story.reads++]);
    if (header.flags != 0) return broken(VS_BROKEN_TYPE);
    if (header.type == VS_RECORD_PAD) {
      if (commit != rest || rest == size || padded) return broken(VS_BROKEN_LENGTH);
      story.cons += rest;
      continue;
    }
    if (commit > size / 8) return broken(VS_BROKEN_LENGTH);
    story.some = true;
    story.header = header;
    story.header_offset = at;
    story.payload_bytes = commit - 16;
    story.cons += record_bytes(commit);
    return story;
  }
}

// A good record or pad at each multiple of 16 or so, so that the peer need not build them itself.
void fill(FuzzedDataProvider& input, std::span<std::byte> data) {
  const auto size = static_cast<std::uint32_t>(data.size());
  for (std::uint32_t at = 0; at < size;) {
    const std::uint32_t bytes =
        std::min(size - at, input.ConsumeIntegralInRange<std::uint32_t>(16, 512));
    const bool last = size - at <= 512;
    const vs_record record{
        .commit_bytes = last ? size - at : bytes,
        .type = last ? std::uint16_t{VS_RECORD_PAD} : std::uint16_t{VS_RECORD_SERVICE}};
    std::memcpy(&data[at], &record, sizeof record);
    at += last ? size - at : record_bytes(bytes);
  }
}

struct Taken {
  bool failed = false;
  bool some = false;
  std::uint16_t type = 0;
  std::uint64_t cookie = 0;
  std::uint32_t payload_bytes = 0;
};

// Takes until nothing is there or the ring is broken; `take` says what it took into `into`.
template <class Take, class Broken>
void consume(FuzzedDataProvider& input, LonelyRing& ring, Take take, Broken broken) {
  std::vector<std::byte> into(ring.data().size() / 8);
  std::uint32_t cons = 0;
  for (int records = 0; records < 64; ++records) {
    Peer peer(input, ring.data());
    const Taken taken = take(into);
    const Story story = story_of(peer.reads, cons, static_cast<std::uint32_t>(ring.data().size()));
    VS_CHECK(broken() == story.broken && taken.failed == (story.broken != VS_BROKEN_NOT));
    VS_CHECK(taken.some == story.some);
    VS_CHECK(peer.reads.size() ==
             story.reads + (story.payload_bytes != 0 ? 1 : 0));  // nothing is read twice
    cons = story.cons;
    if (!taken.some) return;
    VS_CHECK(taken.type == story.header.type && taken.cookie == story.header.cookie);
    VS_CHECK(taken.payload_bytes == story.payload_bytes);
    if (story.payload_bytes == 0) continue;
    const Read& payload = peer.reads.back();
    VS_CHECK(payload.offset == story.header_offset + sizeof(vs_record) &&
             payload.bytes.size() == story.payload_bytes);
    VS_CHECK(std::equal(payload.bytes.begin(), payload.bytes.end(), into.begin()));
  }
}

void race_cpp_consumer(FuzzedDataProvider& input, LonelyRing& ring) {
  RingConsumer consumer = ring.consumer();
  consume(
      input, ring,
      [&](std::vector<std::byte>& into) {
        const auto taken = consumer.take(into);
        if (!taken || !*taken) return Taken{.failed = !taken};
        return Taken{false, true, (*taken)->type, (*taken)->cookie,
                     static_cast<std::uint32_t>((*taken)->payload.size())};
      },
      [&] { return consumer.broken(); });
}

void race_c_consumer(FuzzedDataProvider& input, LonelyRing& ring) {
  vs_consumer consumer = ring.c_consumer();
  consume(
      input, ring,
      [&](std::vector<std::byte>& into) {
        vs_taken taken{};
        const int status = vs_consumer_take(&consumer, into.data(), &taken);
        if (status != 1) return Taken{.failed = status < 0};
        return Taken{false, true, taken.type, taken.cookie, taken.payload_bytes};
      },
      [&] { return consumer.broken; });
}

// The one word a producer reads to know its room: what it says is judged by what it read, once a
// look.
template <class Push, class Broken>
void produce(FuzzedDataProvider& input, LonelyRing& ring, Push push, Broken broken) {
  const auto size = static_cast<std::uint32_t>(ring.data().size());
  std::uint32_t prod = 0;
  std::uint32_t cons = 0;
  for (int records = 0; records < 64 && input.remaining_bytes() != 0; ++records) {
    const std::uint32_t bytes = input.ConsumeIntegralInRange<std::uint32_t>(0, size / 8 - 16);
    if (input.ConsumeBool())
      ring.cons().cons = prod - 16 * input.ConsumeIntegralInRange<std::uint32_t>(0, 64);
    Peer peer(input, std::as_writable_bytes(std::span(&ring.cons().cons, 1)));
    const int pushed = push(bytes);
    VS_CHECK(peer.reads.size() <= 1);
    if (!peer.reads.empty()) {
      const auto seen = value<std::uint32_t>(peer.reads[0]);
      const bool possible = prod - seen <= prod - cons && seen % 16 == 0;
      VS_CHECK((broken() == VS_BROKEN_INDEX) == !possible);
      if (!possible) return;
      cons = seen;
    }
    const std::uint32_t record = record_bytes(16 + bytes);
    const std::uint32_t rest = size - prod % size;
    const std::uint32_t whole = (rest < record ? rest : 0) + record;
    VS_CHECK(pushed == (size - (prod - cons) >= whole + 16 ? 1 : 0));
    if (pushed == 1) prod += whole;
  }
}

void race_producers(FuzzedDataProvider& input, LonelyRing& ring, bool in_c) {
  const std::vector<std::byte> payload(512);
  if (in_c) {
    vs_producer producer = ring.c_producer();
    produce(
        input, ring,
        [&](std::uint32_t bytes) {
          return vs_producer_push(&producer, VS_RECORD_SERVICE, 0, payload.data(), bytes, nullptr,
                                  0);
        },
        [&] { return producer.broken; });
    return;
  }
  RingProducer producer = ring.producer();
  produce(
      input, ring,
      [&](std::uint32_t bytes) {
        const auto pushed = producer.push(VS_RECORD_SERVICE, 0, {std::span(payload).first(bytes)});
        return pushed ? (*pushed ? 1 : 0) : -EPROTO;
      },
      [&] { return producer.broken(); });
}

}  // namespace
}  // namespace vs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace vs::fuzz;
  static LonelyRing ring;
  ring.reset();
  FuzzedDataProvider input(bytes, size);
  const int side = input.ConsumeIntegralInRange<int>(0, 3);
  if (side < 2) fill(input, ring.data());
  switch (side) {
    case 0: race_cpp_consumer(input, ring); break;
    case 1: race_c_consumer(input, ring); break;
    default: race_producers(input, ring, side == 3); break;
  }
  return 0;
}
