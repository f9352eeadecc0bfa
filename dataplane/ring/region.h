// Where the pages of a region lie, and whether a region that somebody else made is one.
//
// Sizes and offsets are bytes. Pure functions, thread-safe. Errors: invalid, naming the field that is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "dataplane/abi/region.h"

namespace vs {

// What a record of `bytes`, header included, takes up in a ring.
constexpr std::uint32_t record_bytes(std::uint32_t bytes) {
  return (bytes + VS_RECORD_ALIGN - 1) & ~std::uint32_t{VS_RECORD_ALIGN - 1};
}

struct RegionShape {
  std::uint32_t request_bytes_log2 = 15;   // 32 KiB: records to 4 KiB
  std::uint32_t response_bytes_log2 = 18;  // 256 KiB: records to 32 KiB
  vs_wait_mode wait = VS_WAIT_ADAPTIVE;
  std::uint32_t batch_messages = 16;  // of VS_WAIT_TIMER
  std::uint32_t batch_us = 50;        // of VS_WAIT_TIMER
  std::uint64_t ticket = 0;           // by which its session is named to be renewed; 0: it cannot be
};

// What a region of this shape takes up.
std::uint32_t region_bytes(RegionShape shape);

// The header of a region of this shape. The shape is ours, so it is checked, not judged.
vs_region_header make_header(RegionShape shape, std::uint32_t generation);

// Accepts a private copy of a header: magic, major, sizes in range, every part inside `mapped_bytes`, on page borders and
// apart from every other part.
Result<> judge_header(const vs_region_header& header, std::size_t mapped_bytes);

// One side's pages are adjacent, so that each side needs one writable range.
struct PageRange {
  std::size_t offset;
  std::size_t bytes;
};
PageRange backend_pages(const vs_region_header& header);
PageRange frontend_pages(const vs_region_header& header);

// What a producer or a consumer works on. `data.size()` is a power of two.
struct ProducerMemory {
  vs_prod_page* own;
  const vs_cons_page* peer;
  std::span<std::byte> data;
};
struct ConsumerMemory {
  vs_cons_page* own;
  const vs_prod_page* peer;
  std::span<const std::byte> data;
};
ProducerMemory producer_memory(std::span<std::byte> region, const vs_ring_place& place);
ConsumerMemory consumer_memory(std::span<std::byte> region, const vs_ring_place& place);

}  // namespace vs
