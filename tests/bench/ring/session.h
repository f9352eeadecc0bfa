// What both sides of the VServices link have before they part: a device's socket, through which they come together as a guest and
// its backend do, and for frames a pool of the guest's.
//
// Sizes are bytes. Used by one thread on each side. Errors end the program.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "dataplane/ring/region.h"
#include "dataplane/transport/local/local_socket.h"
#include "tests/bench/ring/exchange.h"
#include "tests/bench/ring/options.h"

extern "C" {
#include "dataplane/client/pool.h"
}

namespace vs::bench {

inline constexpr std::uint32_t kRingLog2Min = 18;     // as the response ring of a session: 256 KiB
inline constexpr std::uint32_t kReleasePartOfRing = 16;  // a consumer gives space back after this part, or when it has read all
inline constexpr std::uint16_t kType = VS_RECORD_SERVICE;

inline constexpr std::uint32_t kPool = 1;
inline constexpr std::uint32_t kBuffers = 8;
inline constexpr std::uint32_t kLentMax = 4;

// The smallest ring, from 256 KiB on, whose eighth holds the record.
inline std::uint32_t ring_log2(const Options& options) {
  if (options.name == kHandoff) return kRingLog2Min;  // descriptors only
  const auto record = std::bit_ceil(static_cast<std::uint32_t>(options.payload_bytes + VS_RECORD_HEADER_BYTES));
  return std::max(kRingLog2Min, static_cast<std::uint32_t>(std::countr_zero(record * VS_RECORD_PART_OF_RING)));
}

struct Session {
  explicit Session(const Options& options)
      : path(options.scratch + "/vs-ring-" + std::to_string(::getpid())), listener(*LocalListener::open(path)) {
    if (options.name == kHandoff) make_pool(options.payload_bytes);
  }

  void make_pool(std::size_t buffer_bytes) {
    vs_pool_header header;
    if (vs_make_pool_header(kPool, kBuffers, buffer_bytes, &header) != 0 || vs_lender_make(&lender, &header, kLentMax) != 0)
      die("cannot make a pool");
    const PageRange buffers{header.buffers_offset, header.buffer_count * header.buffer_bytes};
    std::memset(lender.memory + buffers.offset, 'f', buffers.bytes);
  }

  std::string path;
  LocalListener listener;
  vs_lender lender{};  // the guest's; the backend gets its descriptor
};

inline void populate(void* memory, std::size_t bytes, int how) {
  must(::madvise(memory, bytes, how) == 0, "populate region");
}

// What to ask for in timer mode: a batch, but never more than half of the ring can hold.
inline std::uint32_t bytes_ahead(const Options& options, std::uint32_t ring_bytes) {
  const std::size_t record = record_bytes(static_cast<std::uint32_t>(options.payload_bytes + VS_RECORD_HEADER_BYTES));
  return static_cast<std::uint32_t>(std::min<std::size_t>((options.batch - 1) * record, ring_bytes / 2));
}

}  // namespace vs::bench
