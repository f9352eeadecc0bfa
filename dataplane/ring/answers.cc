#include "dataplane/ring/answers.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "dataplane/ring/shared.h"

namespace vs {
namespace {

constexpr std::size_t kNone = SIZE_MAX;

std::uint64_t hash_of(std::span<const std::byte> key) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::byte byte : key) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  return hash;
}

constexpr std::size_t rounded(std::size_t bytes) { return (bytes + 7) & ~std::size_t{7}; }

std::uint64_t nanoseconds(std::chrono::nanoseconds time) { return static_cast<std::uint64_t>(time.count()); }

}  // namespace

vs_answers_header make_answers_header(std::uint32_t slots) {
  VS_CHECK(std::has_single_bit(slots) && slots >= VS_ANSWERS_WAYS && slots / VS_ANSWERS_WAYS <= 1u << VS_ANSWERS_SETS_LOG2_MAX);
  return {.magic = VS_ANSWERS_MAGIC,
          .major = VS_ANSWERS_MAJOR,
          .minor = VS_ANSWERS_MINOR,
          .bytes = VS_PAGE_BYTES + slots * VS_ANSWER_SLOT_BYTES,
          .slots_offset = VS_PAGE_BYTES,
          .sets_log2 = static_cast<std::uint32_t>(std::bit_width(slots / VS_ANSWERS_WAYS) - 1),
          .reserved = 0};
}

AnswersWriter::AnswersWriter(std::span<std::byte> memory, const vs_answers_header& header)
    : slots_(reinterpret_cast<vs_answer_slot*>(&memory[header.slots_offset]), std::size_t{VS_ANSWERS_WAYS} << header.sets_log2),
      known_(slots_.size()) {
  VS_CHECK(memory.size() >= header.bytes);
}

std::size_t AnswersWriter::find(std::uint64_t hash) const {
  const std::size_t first = hash % (known_.size() / VS_ANSWERS_WAYS) * VS_ANSWERS_WAYS;
  for (std::size_t slot = first; slot < first + VS_ANSWERS_WAYS; ++slot)
    if (known_[slot].expires_ns != 0 && known_[slot].hash == hash) return slot;
  return kNone;
}

void AnswersWriter::put(std::span<const std::byte> key, std::span<const std::byte> answer, std::chrono::nanoseconds stored,
                        std::chrono::nanoseconds expires) {
  if (key.empty() || rounded(key.size()) + answer.size() > VS_ANSWER_DATA_BYTES) return remove(key);
  const std::uint64_t hash = hash_of(key);
  std::size_t slot = find(hash);
  if (slot == kNone) {
    const auto first = known_.begin() + static_cast<std::ptrdiff_t>(hash % (known_.size() / VS_ANSWERS_WAYS) * VS_ANSWERS_WAYS);
    const auto least = std::min_element(first, first + VS_ANSWERS_WAYS,
                                        [](const Known& a, const Known& b) { return a.expires_ns < b.expires_ns; });
    slot = static_cast<std::size_t>(least - known_.begin());
  }
  vs_answer_slot filled{.sequence = 0,
                        .key_bytes = static_cast<std::uint16_t>(key.size()),
                        .answer_bytes = static_cast<std::uint16_t>(answer.size()),
                        .hash = hash,
                        .stored_ns = nanoseconds(stored),
                        .expires_ns = nanoseconds(expires),
                        .data = {}};
  std::memcpy(filled.data, key.data(), key.size());
  if (!answer.empty()) std::memcpy(filled.data + rounded(key.size()), answer.data(), answer.size());
  write(slot, filled, rounded(key.size()) + rounded(answer.size()));
}

void AnswersWriter::remove(std::span<const std::byte> key) {
  if (const std::size_t slot = find(hash_of(key)); slot != kNone) write(slot, {}, 0);
}

void AnswersWriter::clear() {
  for (std::size_t slot = 0; slot < known_.size(); ++slot)
    if (known_[slot].expires_ns != 0) write(slot, {}, 0);
}

// By whole words, which readers may be copying at that moment; the first word has the sequence in its lower half.
void AnswersWriter::write(std::size_t index, const vs_answer_slot& filled, std::size_t data_bytes) {
  vs_answer_slot& slot = slots_[index];
  Known& known = known_[index];
  shared::store_relaxed(slot.sequence, known.sequence + 1);
  shared::release_fence();  // who sees a word written after this sees the odd sequence, too
  auto* const to = reinterpret_cast<std::uint64_t*>(&slot);
  std::uint64_t words[VS_ANSWER_SLOT_BYTES / 8];
  std::memcpy(words, &filled, sizeof words);
  words[0] = (words[0] & ~std::uint64_t{UINT32_MAX}) | (known.sequence + 1);
  for (std::size_t i = 0; i < (offsetof(vs_answer_slot, data) + data_bytes) / 8; ++i) shared::store_word(to[i], words[i]);
  known = {known.sequence + 2, filled.hash, filled.expires_ns};
  shared::store_release(slot.sequence, known.sequence);
}

}  // namespace vs
