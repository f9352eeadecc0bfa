// One ring twice, for the implementations in C++ and C, with everything around it poisoned: whoever
// steps out of the ring is reported at once.
//
// Made once and used again by each input: reset() gives zeroed memory. One thread.
#pragma once

#include <sanitizer/asan_interface.h>

#include <cstring>
#include <span>

#include "dataplane/ring/consumer.h"
#include "dataplane/ring/producer.h"
#include "tests/dataplane/ring/heap_ring.h"

namespace vs::fuzz {

class LonelyRing {
 public:
  LonelyRing() : region_(test::kSmall) {
    const vs_region_header& header = region_.header();
    __asan_poison_memory_region(region_.bytes().data(), VS_PAGE_BYTES);
    poison(header.response.prod_offset, VS_PAGE_BYTES);
    poison(header.response.cons_offset, VS_PAGE_BYTES);
    poison(header.response.data_offset, std::size_t{1} << header.response.data_bytes_log2);
    reset();
  }
  ~LonelyRing() { __asan_unpoison_memory_region(region_.bytes().data(), region_.bytes().size()); }
  LonelyRing(const LonelyRing&) = delete;

  void reset() {
    std::memset(&prod(), 0, VS_PAGE_BYTES);
    std::memset(&cons(), 0, VS_PAGE_BYTES);
    std::memset(data().data(), 0, data().size());
  }

  vs_prod_page& prod() { return region_.prod(region_.header().request); }
  vs_cons_page& cons() { return region_.cons(region_.header().request); }
  std::span<std::byte> data() { return region_.data(region_.header().request); }

  RingProducer producer() { return region_.producer(); }
  RingConsumer consumer() { return region_.consumer(); }
  vs_producer c_producer() { return region_.c_producer(); }
  vs_consumer c_consumer() { return region_.c_consumer(); }

 private:
  void poison(std::uint32_t offset, std::size_t bytes) {
    __asan_poison_memory_region(&region_.bytes()[offset], bytes);
  }

  test::HeapRegion region_;
};

struct TwinRing {
  LonelyRing cpp;
  LonelyRing c;

  void reset() {
    cpp.reset();
    c.reset();
  }
  // Whether both rings hold the same bytes.
  bool same_words() {
    return std::memcmp(&cpp.prod(), &c.prod(), VS_PAGE_BYTES) == 0 &&
           std::memcmp(&cpp.cons(), &c.cons(), VS_PAGE_BYTES) == 0;
  }
  bool same_data() {
    return std::memcmp(cpp.data().data(), c.data().data(), cpp.data().size()) == 0;
  }
};

}  // namespace vs::fuzz
