// Words that the peer may read or write at any moment, and copies out of memory that it may change under us.
//
// Thread-safe by construction: each function is one atomic access or one copy that the compiler cannot repeat.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace vs::shared {

// Mappings of the peer's pages are read-only; an atomic load of 32 bits is a plain load and never writes.
inline std::uint32_t load_acquire(const std::uint32_t& word) {
  return std::atomic_ref(const_cast<std::uint32_t&>(word)).load(std::memory_order_acquire);
}
inline std::uint32_t load_relaxed(const std::uint32_t& word) {
  return std::atomic_ref(const_cast<std::uint32_t&>(word)).load(std::memory_order_relaxed);
}
inline void store_release(std::uint32_t& word, std::uint32_t value) {
  std::atomic_ref(word).store(value, std::memory_order_release);
}
inline void store_relaxed(std::uint32_t& word, std::uint32_t value) {
  std::atomic_ref(word).store(value, std::memory_order_relaxed);
}
// A word of a payload that others may be reading (broadcast): no order, but never torn.
inline void store_word(std::uint64_t& word, std::uint64_t value) {
  std::atomic_ref(word).store(value, std::memory_order_relaxed);
}
// Has the line at `address` fetched meanwhile; harmless wherever it points.
inline void prefetch(const void* address) { __builtin_prefetch(address); }
inline void full_fence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
inline void release_fence() { std::atomic_thread_fence(std::memory_order_release); }
inline void acquire_fence() { std::atomic_thread_fence(std::memory_order_acquire); }

// Copies once. The barrier keeps the compiler from reading `from` again where it later reads `to` (XSA-155).
inline void copy_once(void* to, const void* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
  asm volatile("" : : "r"(to), "r"(from) : "memory");
}

}  // namespace vs::shared
