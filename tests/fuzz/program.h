// A fuzzer's input as a program: operations and their operands, taken off the front. What is not there is zero.
//
// A view of the input; owned by one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace vs::fuzz {

class Program {
 public:
  explicit Program(std::span<const std::uint8_t> bytes) : rest_(bytes) {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  template <class T>
  T next() {
    T value{};
    const std::size_t bytes = std::min(sizeof value, rest_.size());
    if (bytes != 0) std::memcpy(&value, rest_.data(), bytes);
    rest_ = rest_.subspan(bytes);
    return value;
  }
  // As a private copy of its own size, so that AddressSanitizer stands behind its last byte.
  std::vector<std::byte> bytes(std::size_t count) {
    const auto taken = std::as_bytes(rest_.first(std::min(count, rest_.size())));
    rest_ = rest_.subspan(taken.size());
    return {taken.begin(), taken.end()};
  }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace vs::fuzz
