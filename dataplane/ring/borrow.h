// The borrower's side of a pool: reads in place what the lender lent, and notices when it was taken back meanwhile.
//
// The lender is not trusted: the header is copied once and the copy judged, every descriptor is checked, and the bytes of a view
// are the lender's, who may change them at any moment: what is parsed is copied first.
// Sizes are bytes. Immutable, thread-safe. Errors: invalid, when the header or a descriptor is nonsense: the session is then
// broken (VS_BROKEN_BUFFER).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "dataplane/abi/buffer.h"

namespace vs {

// Accepts a private copy of a header: magic, major, counts and sizes in range, and header page, generations and buffers on
// page borders, apart, and inside `mapped_bytes`.
Result<> judge_pool_header(const vs_pool_header& header, std::uint64_t mapped_bytes);

// The descriptor at the front of a record of type VS_RECORD_BUFFER. invalid, when it is too short for one.
Result<vs_buffer> read_buffer(std::span<const std::byte> payload);

// What is sent back for each descriptor, once.
constexpr vs_buffer_return return_of(const vs_buffer& buffer) {
  return {.pool = buffer.pool, .buffer = buffer.buffer, .generation = buffer.generation, .flags = 0};
}

class BorrowedPool {
 public:
  // `memory` stays mapped, and cannot shrink, as long as this and its views are used.
  static Result<BorrowedPool> attach(std::span<const std::byte> memory);

  [[nodiscard]] const vs_pool_header& header() const { return header_; }  // private copy, judged

  // Where the bytes of `buffer` (a private copy) lie; nullopt when the lender has taken them back: the lease ran out.
  Result<std::optional<std::span<const std::byte>>> view(const vs_buffer& buffer) const;

  // To be asked after the bytes were used: false when the lender took the buffer back since, and they may have been others.
  [[nodiscard]] bool still_current(const vs_buffer& buffer) const;

 private:
  BorrowedPool(std::span<const std::byte> memory, const vs_pool_header& header) : memory_(memory), header_(header) {}
  [[nodiscard]] const std::uint32_t& generation_of(std::uint32_t index) const;

  std::span<const std::byte> memory_;
  vs_pool_header header_;
};

}  // namespace vs
