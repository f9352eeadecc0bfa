// The words of the index pages, whatever the peer writes there, against producers and consumers in
// C++ and in C: the same verdict from both at every step, told in `broken`, and final (rules S-2
// and S-3).
#include <fuzzer/FuzzedDataProvider.h>

#include <cerrno>
#include <vector>

#include "base/check.h"
#include "tests/fuzz/twin_ring.h"

namespace vs::fuzz {
namespace {

enum class Deed : std::uint8_t {
  push,
  publish,
  wait_for_space,
  take,
  release,
  wait_for_data,
  cons,
  prod,
  events,
  kMaxValue = events
};

inline constexpr int kDeedsMax = 400;

// A position: anywhere, or near where the other side is.
std::uint32_t position(FuzzedDataProvider& input, std::uint32_t near) {
  switch (input.ConsumeIntegralInRange<int>(0, 3)) {
    case 0: return input.ConsumeIntegral<std::uint32_t>();
    case 1: return near + 16u * input.ConsumeIntegralInRange<std::uint32_t>(0, 512);
    case 2: return near - 16u * input.ConsumeIntegralInRange<std::uint32_t>(0, 512);
    default: return near + input.ConsumeIntegralInRange<std::uint32_t>(0, 64);
  }
}

class Pair {
 public:
  explicit Pair(TwinRing& ring)
      : ring_(ring),
        producer_(ring.cpp.producer()),
        consumer_(ring.cpp.consumer()),
        c_producer_(ring.c.c_producer()),
        c_consumer_(ring.c.c_consumer()),
        into_(consumer_.payload_bytes_max()),
        c_into_(into_.size()) {}

  void act(Deed deed, FuzzedDataProvider& input) {
    switch (deed) {
      case Deed::push:
        return push(input.ConsumeIntegralInRange<std::size_t>(0, 520),
                    input.ConsumeIntegral<std::uint8_t>());
      case Deed::publish:
        VS_CHECK(producer_.publish() == vs_producer_publish(&c_producer_));
        return;
      case Deed::wait_for_space:
        return wait_for_space(input.ConsumeIntegralInRange<std::size_t>(0, 496));
      case Deed::take: return take();
      case Deed::release:
        VS_CHECK(consumer_.release() == vs_consumer_release(&c_consumer_));
        return;
      case Deed::wait_for_data:
        VS_CHECK(consumer_.ask_for_data() == vs_consumer_ask(&c_consumer_));
        return;
      case Deed::cons:
        ring_.cpp.cons().cons = ring_.c.cons().cons = position(input, ring_.cpp.prod().prod);
        return;
      case Deed::prod:
        ring_.cpp.prod().prod = ring_.c.prod().prod = position(input, ring_.cpp.cons().cons);
        return;
      case Deed::events:
        ring_.cpp.cons().data_event = ring_.c.cons().data_event =
            position(input, ring_.cpp.prod().prod);
        ring_.cpp.prod().space_event = ring_.c.prod().space_event =
            position(input, ring_.cpp.cons().cons);
        return;
    }
  }

 private:
  void push(std::size_t bytes, std::uint8_t fill) {
    const std::vector<std::byte> payload(bytes, std::byte{fill});
    const bool was_broken = producer_.broken() != VS_BROKEN_NOT;
    const auto pushed = producer_.push(VS_RECORD_SERVICE, bytes, {payload});
    const int c_pushed =
        vs_producer_push(&c_producer_, VS_RECORD_SERVICE, bytes, payload.data(), bytes, nullptr, 0);
    VS_CHECK(pushed ? c_pushed == (*pushed ? 1 : 0) : c_pushed == -EPROTO || c_pushed == -EMSGSIZE);
    VS_CHECK((c_pushed == -EMSGSIZE) == (bytes > producer_.payload_bytes_max()));
    VS_CHECK(!was_broken || !pushed);
    told(producer_.broken(), ring_.cpp.prod().broken);
    VS_CHECK(producer_.broken() == c_producer_.broken);
  }
  void wait_for_space(std::size_t bytes) {
    const auto wait = producer_.ask_for_space(bytes);
    VS_CHECK(vs_producer_ask(&c_producer_, bytes) == (wait ? (*wait ? 1 : 0) : -EPROTO));
    told(producer_.broken(), ring_.cpp.prod().broken);
  }
  void take() {
    const bool was_broken = consumer_.broken() != VS_BROKEN_NOT;
    const auto taken = consumer_.take(into_);
    vs_taken c_taken{};
    const int c_status = vs_consumer_take(&c_consumer_, c_into_.data(), &c_taken);
    VS_CHECK(c_status == (taken ? (*taken ? 1 : 0) : -EPROTO));
    VS_CHECK(!was_broken || !taken);
    VS_CHECK(consumer_.broken() == c_consumer_.broken);
    told(consumer_.broken(), ring_.cpp.cons().broken);
    if (c_status != 1) return;
    VS_CHECK((*taken)->type == c_taken.type && (*taken)->cookie == c_taken.cookie);
    VS_CHECK((*taken)->payload.size() == c_taken.payload_bytes);
    VS_CHECK(std::memcmp(into_.data(), c_into_.data(), c_taken.payload_bytes) == 0);
  }
  static void told(vs_broken why, std::uint32_t word) {
    VS_CHECK(why == VS_BROKEN_NOT || word == why);
  }

  TwinRing& ring_;
  RingProducer producer_;
  RingConsumer consumer_;
  vs_producer c_producer_;
  vs_consumer c_consumer_;
  std::vector<std::byte> into_;
  std::vector<std::byte> c_into_;
};

}  // namespace
}  // namespace vs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vs::fuzz;
  static TwinRing ring;
  ring.reset();
  FuzzedDataProvider input(data, size);
  Pair pair(ring);
  for (int done = 0; done < kDeedsMax && input.remaining_bytes() != 0; ++done) {
    pair.act(input.ConsumeEnum<Deed>(), input);
    VS_CHECK(ring.same_words());
  }
  VS_CHECK(ring.same_data());
  return 0;
}
