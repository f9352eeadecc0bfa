#include "dataplane/ring/broadcast.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "dataplane/ring/region.h"
#include "dataplane/ring/shared.h"

namespace vs {
namespace {

// Stores bytes by whole words, which readers may be copying at that moment: each word is theirs old or new, never a mixture.
class WordWriter {
 public:
  explicit WordWriter(std::byte* to) : to_(reinterpret_cast<std::uint64_t*>(to)) {}
  ~WordWriter() {
    if (filled_ != 0) store();
  }

  void write(std::span<const std::byte> bytes) {
    while (filled_ != 0 && !bytes.empty()) bytes = bytes.subspan(fill(bytes));
    for (; bytes.size() >= sizeof word_; bytes = bytes.subspan(sizeof word_)) {
      std::uint64_t whole;
      std::memcpy(&whole, bytes.data(), sizeof whole);
      shared::store_word(*to_++, whole);
    }
    if (!bytes.empty()) fill(bytes);
  }

 private:
  std::size_t fill(std::span<const std::byte> bytes) {
    const std::size_t count = std::min(bytes.size(), sizeof word_ - filled_);
    std::memcpy(reinterpret_cast<std::byte*>(&word_) + filled_, bytes.data(), count);
    filled_ += count;
    if (filled_ == sizeof word_) store();
    return count;
  }
  void store() {
    shared::store_word(*to_++, word_);
    filled_ = 0;
    word_ = 0;
  }

  std::uint64_t* to_;
  std::uint64_t word_ = 0;
  std::size_t filled_ = 0;
};

}  // namespace

vs_broadcast_header make_broadcast_header(BroadcastShape shape) {
  VS_CHECK(shape.data_bytes_log2 >= VS_RING_BYTES_LOG2_MIN && shape.data_bytes_log2 <= VS_RING_BYTES_LOG2_MAX);
  return {.magic = VS_BROADCAST_MAGIC,
          .major = VS_BROADCAST_MAJOR,
          .minor = VS_BROADCAST_MINOR,
          .bytes = 2 * VS_PAGE_BYTES + (std::uint32_t{1} << shape.data_bytes_log2),
          .channel = shape.channel,
          .index_offset = VS_PAGE_BYTES,
          .data_offset = 2 * VS_PAGE_BYTES,
          .data_bytes_log2 = shape.data_bytes_log2,
          .reserved = 0};
}

BroadcastWriter::BroadcastWriter(std::span<std::byte> memory, const vs_broadcast_header& header, std::uint64_t first_sequence)
    : data_(memory.subspan(header.data_offset, std::size_t{1} << header.data_bytes_log2)),
      index_(*reinterpret_cast<vs_broadcast_index*>(&memory[header.index_offset])),
      size_(std::uint32_t{1} << header.data_bytes_log2),
      tail_(shared::load_relaxed(index_.tail)),
      sequence_(first_sequence) {
  VS_CHECK(memory.size() >= header.bytes && first_sequence >= 1 && record_bytes(tail_) == tail_);
}

std::uint64_t BroadcastWriter::write(std::uint16_t type, std::initializer_list<std::span<const std::byte>> payload) {
  std::size_t payload_bytes = 0;
  for (const auto part : payload) payload_bytes += part.size();
  VS_CHECK(type >= VS_RECORD_SERVICE && payload_bytes <= payload_bytes_max());
  const auto bytes = static_cast<std::uint32_t>(VS_RECORD_HEADER_BYTES + payload_bytes);
  const std::uint32_t to_end = size_ - (tail_ & (size_ - 1));
  const std::uint32_t pad = to_end < record_bytes(bytes) ? to_end : 0;
  const std::uint32_t at = tail_ + pad;
  const std::uint32_t end = at + record_bytes(bytes);

  shared::store_relaxed(index_.tail_intent, end);
  shared::release_fence();  // who sees a word written after this sees the intent, too
  if (pad != 0) put(tail_, {.commit_bytes = pad, .type = VS_RECORD_PAD, .flags = 0, .cookie = 0}, {});
  put(at, {.commit_bytes = bytes, .type = type, .flags = 0, .cookie = sequence_}, payload);
  shared::store_release(index_.latest, at);
  shared::store_release(index_.tail, end);
  tail_ = end;
  return sequence_++;
}

void BroadcastWriter::put(std::uint32_t position, const vs_record& header,
                          std::initializer_list<std::span<const std::byte>> payload) {
  WordWriter words(&data_[position & (size_ - 1)]);
  words.write(std::as_bytes(std::span(&header, 1)));
  for (const auto part : payload) words.write(part);
}

}  // namespace vs
