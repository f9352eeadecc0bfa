#include "tests/fuzz/loads.h"

#include <cstdint>
#include <utility>

#include "base/check.h"

namespace vs::fuzz {
namespace {

std::span<const std::byte> watched;
Watch::Before told;
bool telling = false;

void saw(const void* from, std::size_t bytes) {
  const auto* at = static_cast<const std::byte*>(from);
  if (watched.empty() || telling || at < watched.data() || at >= watched.data() + watched.size())
    return;
  telling = true;
  told(static_cast<std::size_t>(at - watched.data()), bytes);
  telling = false;
}

}  // namespace

Watch::Watch(std::span<const std::byte> memory, Before before) {
  VS_CHECK(watched.empty());
  watched = memory;
  told = std::move(before);
}
Watch::~Watch() {
  watched = {};
  told = nullptr;
}

}  // namespace vs::fuzz

extern "C" {

void __sanitizer_cov_load1(const std::uint8_t* from) { vs::fuzz::saw(from, 1); }
void __sanitizer_cov_load2(const std::uint16_t* from) { vs::fuzz::saw(from, 2); }
void __sanitizer_cov_load4(const std::uint32_t* from) { vs::fuzz::saw(from, 4); }
void __sanitizer_cov_load8(const std::uint64_t* from) { vs::fuzz::saw(from, 8); }
void __sanitizer_cov_load16(const void* from) { vs::fuzz::saw(from, 16); }

void* __real___asan_memcpy(void* to, const void* from, std::size_t bytes);
void* __wrap___asan_memcpy(void* to, const void* from, std::size_t bytes) {
  if (bytes != 0) vs::fuzz::saw(from, bytes);
  return __real___asan_memcpy(to, from, bytes);
}

}  // extern "C"
