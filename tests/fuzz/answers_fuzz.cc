// A table of answers whose writer writes what it likes, against the real reader in C.
//
// The input: a header as it likes, then slots; at its end the key that is looked for. Whatever comes: nothing outside the memory is
// touched, and what is found has the key that was asked for, is in time and fits.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "dataplane/ring/answers.h"

extern "C" {
#include "dataplane/client/answers.h"
}

namespace vs {
namespace {

constexpr std::uint32_t kSlots = 8;
constexpr std::size_t kKeyBytes = 8;

}  // namespace
}  // namespace vs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  using namespace vs;
  if (bytes < 1 + kKeyBytes + sizeof(std::uint64_t)) return 0;
  const bool keeps_header = data[0] % 2 == 0;
  const std::uint8_t* const key = data + 1;
  const std::size_t key_bytes = 1 + data[0] / 2 % kKeyBytes;
  std::uint64_t now = 0;
  std::memcpy(&now, key + kKeyBytes, sizeof now);
  data += 1 + kKeyBytes + sizeof now;
  bytes -= 1 + kKeyBytes + sizeof now;

  // Exactly as large as the table, so that AddressSanitizer stands behind its last byte.
  const vs_answers_header good = make_answers_header(kSlots);
  const std::unique_ptr<std::byte, decltype(&std::free)> memory(
      static_cast<std::byte*>(std::aligned_alloc(VS_PAGE_BYTES, good.bytes)), &std::free);
  std::memset(memory.get(), 0, good.bytes);
  std::memcpy(memory.get(), &good, sizeof good);
  if (keeps_header) {
    std::memcpy(memory.get() + good.slots_offset, data, std::min<std::size_t>(bytes, good.bytes - good.slots_offset));
  } else {
    std::memcpy(memory.get(), data, std::min<std::size_t>(bytes, good.bytes));
  }
  vs_mapped_answers mapped;
  if (vs_answers_attach(&mapped, memory.get(), good.bytes) != 0) return 0;
  vs_found_answer found;
  if (!vs_answers_find(&mapped, key, key_bytes, now, &found)) return 0;
  VS_CHECK(std::memcmp(found.slot.data, key, key_bytes) == 0);
  VS_CHECK(found.slot.stored_ns <= now && now < found.slot.expires_ns);
  VS_CHECK(found.answer >= found.slot.data && found.answer + found.answer_bytes <= found.slot.data + sizeof found.slot.data);
  return 0;
}
