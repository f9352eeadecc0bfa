// A region on the heap, with both ends of one ring on it: C++ and C, in every combination.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "dataplane/ring/consumer.h"
#include "dataplane/ring/producer.h"

extern "C" {
#include "dataplane/client/ring.h"
}

namespace vs::test {

class HeapRegion {
 public:
  explicit HeapRegion(RegionShape shape, std::uint32_t generation = 1)
      : header_(make_header(shape, generation)),
        memory_(static_cast<std::byte*>(std::aligned_alloc(VS_PAGE_BYTES, header_.bytes))) {
    std::memset(memory_.get(), 0, header_.bytes);
    std::memcpy(memory_.get(), &header_, sizeof header_);
  }

  std::span<std::byte> bytes() { return {memory_.get(), header_.bytes}; }
  unsigned char* c_bytes() { return reinterpret_cast<unsigned char*>(memory_.get()); }
  const vs_region_header& header() const { return header_; }

  std::span<std::byte> data(const vs_ring_place& place) {
    return bytes().subspan(place.data_offset, std::size_t{1} << place.data_bytes_log2);
  }
  vs_prod_page& prod(const vs_ring_place& place) {
    return *reinterpret_cast<vs_prod_page*>(memory_.get() + place.prod_offset);
  }
  vs_cons_page& cons(const vs_ring_place& place) {
    return *reinterpret_cast<vs_cons_page*>(memory_.get() + place.cons_offset);
  }

  RingProducer producer() { return RingProducer(producer_memory(bytes(), header_.request)); }
  RingConsumer consumer() { return RingConsumer(consumer_memory(bytes(), header_.request)); }
  vs_producer c_producer() {
    vs_producer producer;
    vs_producer_start(&producer, c_bytes(), &header_.request);
    return producer;
  }
  vs_consumer c_consumer() {
    vs_consumer consumer;
    vs_consumer_start(&consumer, c_bytes(), &header_.request);
    return consumer;
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };

  vs_region_header header_;
  std::unique_ptr<std::byte, Free> memory_;
};

inline constexpr RegionShape kSmall{.request_bytes_log2 = 12, .response_bytes_log2 = 12};

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace vs::test
