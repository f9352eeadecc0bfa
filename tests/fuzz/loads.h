// Sees each read that instrumented code makes of watched memory, before it happens, and may change
// that memory first: what a peer on another core could do at the worst moment, at every moment, and
// the same each time.
//
// Code is instrumented by -fsanitize-coverage=trace-loads, and its copies by way of
// AddressSanitizer's memcpy. One thread.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace vs::fuzz {

// `before(offset, bytes)` is called while the Watch lives.
class Watch {
 public:
  using Before = std::function<void(std::size_t offset, std::size_t bytes)>;
  Watch(std::span<const std::byte> memory, Before before);
  ~Watch();
  Watch(const Watch&) = delete;
};

}  // namespace vs::fuzz
