#include "dataplane/ring/borrow.h"

#include <string>

#include "dataplane/ring/shared.h"

namespace vs {

Result<> judge_pool_header(const vs_pool_header& header, std::uint64_t mapped_bytes) {
  if (header.magic != VS_POOL_MAGIC) return fail(ErrorCode::invalid, "pool: wrong magic");
  if (header.major != VS_POOL_MAJOR)
    return fail(ErrorCode::invalid, "pool: major version " + std::to_string(header.major) + ", this is " +
                                        std::to_string(VS_POOL_MAJOR));
  if (header.bytes > VS_POOL_BYTES_MAX || header.bytes > mapped_bytes)
    return fail(ErrorCode::invalid, "pool: larger than its memory");
  if (header.buffer_count == 0 || header.buffer_count > VS_POOL_BUFFERS_MAX)
    return fail(ErrorCode::invalid, "pool: buffer count out of range");
  if (header.buffer_bytes == 0 || header.buffer_bytes > header.bytes || header.buffer_bytes % VS_PAGE_BYTES != 0)
    return fail(ErrorCode::invalid, "pool: buffer size out of range");

  // At most 2^10 of at most 2^32 bytes each: no product overflows 64 bits, and offsets are bounded before they are added.
  const std::uint64_t generations = header.generations_offset;
  const std::uint64_t generations_bytes = std::uint64_t{header.buffer_count} * VS_LINE_BYTES;
  const std::uint64_t buffers = header.buffers_offset;
  const std::uint64_t buffers_bytes = header.buffer_count * header.buffer_bytes;
  if (generations % VS_PAGE_BYTES != 0 || buffers % VS_PAGE_BYTES != 0)
    return fail(ErrorCode::invalid, "pool: a part is not on a page border");
  if (generations > header.bytes || generations_bytes > header.bytes - generations || buffers > header.bytes ||
      buffers_bytes > header.bytes - buffers)
    return fail(ErrorCode::invalid, "pool: a part ends past the pool");
  if (generations < VS_PAGE_BYTES || buffers < VS_PAGE_BYTES ||
      (generations < buffers + buffers_bytes && buffers < generations + generations_bytes))
    return fail(ErrorCode::invalid, "pool: two parts overlap");
  return {};
}

Result<vs_buffer> read_buffer(std::span<const std::byte> payload) {
  vs_buffer buffer;
  if (payload.size() < sizeof buffer) return fail(ErrorCode::invalid, "descriptor: " + std::to_string(payload.size()) + " bytes");
  shared::copy_once(&buffer, payload.data(), sizeof buffer);
  return buffer;
}

Result<BorrowedPool> BorrowedPool::attach(std::span<const std::byte> memory) {
  vs_pool_header header;
  if (memory.size() < VS_PAGE_BYTES) return fail(ErrorCode::invalid, "pool: smaller than a page");
  shared::copy_once(&header, memory.data(), sizeof header);
  if (auto judged = judge_pool_header(header, memory.size()); !judged) return fail(std::move(judged.error()));
  return BorrowedPool(memory, header);
}

Result<std::optional<std::span<const std::byte>>> BorrowedPool::view(const vs_buffer& buffer) const {
  if (buffer.pool != header_.pool || buffer.buffer >= header_.buffer_count || buffer.flags != 0 ||
      buffer.offset > header_.buffer_bytes || buffer.bytes > header_.buffer_bytes - buffer.offset)
    return fail(ErrorCode::invalid, "pool " + std::to_string(header_.pool) + ": a descriptor that names no part of it");
  if (shared::load_acquire(generation_of(buffer.buffer)) != buffer.generation)
    return std::optional<std::span<const std::byte>>{};
  return std::optional(
      memory_.subspan(header_.buffers_offset + buffer.buffer * header_.buffer_bytes + buffer.offset, buffer.bytes));
}

bool BorrowedPool::still_current(const vs_buffer& buffer) const {
  if (buffer.buffer >= header_.buffer_count) return false;
  shared::acquire_fence();  // the bytes were read before the number is
  return shared::load_relaxed(generation_of(buffer.buffer)) == buffer.generation;
}

const std::uint32_t& BorrowedPool::generation_of(std::uint32_t index) const {
  const auto* words = reinterpret_cast<const vs_buffer_generation*>(&memory_[header_.generations_offset]);
  return words[index].generation;
}

}  // namespace vs
