// The memory of a pool on the heap, with both ends on it: C++ and C.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include <gtest/gtest.h>

#include "dataplane/ring/borrow.h"
#include "dataplane/ring/pool.h"

extern "C" {
#include "dataplane/client/pool.h"
}

namespace vs::test {

class HeapPool {
 public:
  explicit HeapPool(PoolShape shape)
      : header_(make_pool_header(shape)),
        memory_(static_cast<std::byte*>(std::aligned_alloc(VS_PAGE_BYTES, header_.bytes))) {
    std::memset(memory_.get(), 0, header_.bytes);
    std::memcpy(memory_.get(), &header_, sizeof header_);
  }

  std::span<std::byte> bytes() { return {memory_.get(), header_.bytes}; }
  unsigned char* c_bytes() { return reinterpret_cast<unsigned char*>(memory_.get()); }
  const vs_pool_header& header() const { return header_; }
  std::span<std::byte> buffer(std::uint32_t index) {
    return bytes().subspan(header_.buffers_offset + index * header_.buffer_bytes, header_.buffer_bytes);
  }
  std::uint32_t& generation(std::uint32_t index) {
    return reinterpret_cast<vs_buffer_generation*>(&bytes()[header_.generations_offset])[index].generation;
  }

  BorrowedPool borrowed() { return *BorrowedPool::attach(bytes()); }
  vs_borrowed_pool c_borrowed() {
    vs_borrowed_pool pool;
    EXPECT_EQ(vs_borrow_attach(&pool, c_bytes(), header_.bytes), 0);
    return pool;
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };

  vs_pool_header header_;
  std::unique_ptr<std::byte, Free> memory_;
};

inline constexpr PoolShape kFourPages{.pool = 3, .buffer_count = 4, .buffer_bytes = VS_PAGE_BYTES};

inline void fill(std::span<std::byte> bytes, int with) {
  if (!bytes.empty()) std::memset(bytes.data(), with, bytes.size());
}
inline bool all(std::span<const std::byte> bytes, int value) {
  if (bytes.empty()) return true;
  return bytes[0] == static_cast<std::byte>(value) && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace vs::test
