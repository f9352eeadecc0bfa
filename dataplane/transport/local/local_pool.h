// The memory of a pool in a sealed memfd: made by the lender, handed to borrowers as a descriptor they can only read.
//
// Sealed so that nobody can shrink or grow it (touching it never faults), nobody can map it writable any more, and nobody can
// add a seal. Sizes are bytes. Owned by one thread. Errors: exhausted, when memory or descriptors run out; invalid, when what
// a guest sent is no such memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "dataplane/ring/borrow.h"
#include "dataplane/ring/pool.h"

namespace vs {

// A pool to lend from; the only writable mapping of it.
class LocalPool {
 public:
  static Result<LocalPool> create(PoolShape shape);
  LocalPool(LocalPool&& other) noexcept;
  LocalPool& operator=(LocalPool&& other) noexcept;
  ~LocalPool();

  [[nodiscard]] const vs_pool_header& header() const { return header_; }  // private copy
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  [[nodiscard]] int memory() const { return memory_.get(); }

 private:
  LocalPool(UniqueFd memory, std::span<std::byte> bytes, const vs_pool_header& header)
      : memory_(std::move(memory)), bytes_(bytes), header_(header) {}

  UniqueFd memory_;
  std::span<std::byte> bytes_;
  vs_pool_header header_;
};

// A pool that somebody else lends from, mapped read-only.
class LocalBorrowedPool {
 public:
  // Refuses what is not a memfd with all the seals above, is larger than `bytes_max`, or has no pool's header. The descriptor
  // is not needed any more afterwards.
  static Result<LocalBorrowedPool> attach(int memory, std::uint64_t bytes_max);
  LocalBorrowedPool(LocalBorrowedPool&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})), pool_(other.pool_) {}
  LocalBorrowedPool& operator=(LocalBorrowedPool&&) = delete;
  ~LocalBorrowedPool();

  [[nodiscard]] const BorrowedPool& pool() const { return pool_; }

 private:
  LocalBorrowedPool(std::span<const std::byte> bytes, const BorrowedPool& pool) : bytes_(bytes), pool_(pool) {}

  std::span<const std::byte> bytes_;
  BorrowedPool pool_;
};

}  // namespace vs
