#include "dataplane/ring/region.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/check.h"

namespace vs {
namespace {

constexpr std::uint64_t ring_bytes(const vs_ring_place& place) { return std::uint64_t{1} << place.data_bytes_log2; }

bool size_in_range(std::uint32_t log2) { return log2 >= VS_RING_BYTES_LOG2_MIN && log2 <= VS_RING_BYTES_LOG2_MAX; }

struct Part {
  std::uint64_t offset;
  std::uint64_t bytes;
};

Result<> judge_parts(const vs_region_header& header) {
  std::array<Part, 7> parts{{{0, VS_PAGE_BYTES},
                             {header.request.prod_offset, VS_PAGE_BYTES},
                             {header.request.cons_offset, VS_PAGE_BYTES},
                             {header.request.data_offset, ring_bytes(header.request)},
                             {header.response.prod_offset, VS_PAGE_BYTES},
                             {header.response.cons_offset, VS_PAGE_BYTES},
                             {header.response.data_offset, ring_bytes(header.response)}}};
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.offset < b.offset; });
  std::uint64_t end = 0;
  for (const Part& part : parts) {
    if (part.offset % VS_PAGE_BYTES != 0) return fail(ErrorCode::invalid, "region: a part is not on a page border");
    if (part.offset < end) return fail(ErrorCode::invalid, "region: two parts overlap");
    end = part.offset + part.bytes;  // 32-bit offset and at most 2^30: no overflow in 64 bits
  }
  if (end > header.bytes) return fail(ErrorCode::invalid, "region: a part ends past the region");
  return {};
}

}  // namespace

vs_region_header make_header(RegionShape shape, std::uint32_t generation) {
  VS_CHECK(size_in_range(shape.request_bytes_log2) && size_in_range(shape.response_bytes_log2));
  vs_region_header header{};
  header.magic = VS_REGION_MAGIC;
  header.major = VS_REGION_MAJOR;
  header.minor = VS_REGION_MINOR;
  header.generation = generation;
  header.wait_mode = shape.wait;
  header.batch_messages = shape.batch_messages;
  header.batch_us = shape.batch_us;
  header.ticket = shape.ticket;
  std::uint32_t next = VS_PAGE_BYTES;
  const auto place = [&next](std::uint32_t bytes) { return std::exchange(next, next + bytes); };
  header.request.data_bytes_log2 = shape.request_bytes_log2;
  header.response.data_bytes_log2 = shape.response_bytes_log2;
  header.request.cons_offset = place(VS_PAGE_BYTES);  // the backend's pages
  header.response.prod_offset = place(VS_PAGE_BYTES);
  header.response.data_offset = place(1u << shape.response_bytes_log2);
  header.response.cons_offset = place(VS_PAGE_BYTES);  // the frontend's pages
  header.request.prod_offset = place(VS_PAGE_BYTES);
  header.request.data_offset = place(1u << shape.request_bytes_log2);
  header.bytes = next;
  VS_CHECK(header.bytes == region_bytes(shape));
  return header;
}

std::uint32_t region_bytes(RegionShape shape) {
  return 5 * VS_PAGE_BYTES + (1u << shape.request_bytes_log2) + (1u << shape.response_bytes_log2);
}

Result<> judge_header(const vs_region_header& header, std::size_t mapped_bytes) {
  if (header.magic != VS_REGION_MAGIC) return fail(ErrorCode::invalid, "region: wrong magic");
  if (header.major != VS_REGION_MAJOR)
    return fail(ErrorCode::invalid, "region: major version " + std::to_string(header.major) + ", this is " +
                                        std::to_string(VS_REGION_MAJOR));
  if (header.bytes > VS_REGION_BYTES_MAX || header.bytes > mapped_bytes)
    return fail(ErrorCode::invalid, "region: larger than its memory");
  if (!size_in_range(header.request.data_bytes_log2) || !size_in_range(header.response.data_bytes_log2))
    return fail(ErrorCode::invalid, "region: ring size out of range");
  return judge_parts(header);
}

PageRange backend_pages(const vs_region_header& header) {
  const std::size_t begin = header.request.cons_offset;
  return {begin, header.response.cons_offset - begin};
}

PageRange frontend_pages(const vs_region_header& header) {
  const std::size_t begin = header.response.cons_offset;
  return {begin, header.bytes - begin};
}

ProducerMemory producer_memory(std::span<std::byte> region, const vs_ring_place& place) {
  return {reinterpret_cast<vs_prod_page*>(&region[place.prod_offset]),
          reinterpret_cast<const vs_cons_page*>(&region[place.cons_offset]),
          region.subspan(place.data_offset, ring_bytes(place))};
}

ConsumerMemory consumer_memory(std::span<std::byte> region, const vs_ring_place& place) {
  return {reinterpret_cast<vs_cons_page*>(&region[place.cons_offset]),
          reinterpret_cast<const vs_prod_page*>(&region[place.prod_offset]),
          region.subspan(place.data_offset, ring_bytes(place))};
}

}  // namespace vs
