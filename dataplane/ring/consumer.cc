#include "dataplane/ring/consumer.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "dataplane/ring/shared.h"

namespace vs {
namespace {

constexpr std::size_t kCacheLineBytes = 64;

}  // namespace

RingConsumer::RingConsumer(ConsumerMemory memory)
    : memory_(memory),
      size_(static_cast<std::uint32_t>(memory.data.size())),
      record_bytes_max_(size_ / VS_RECORD_PART_OF_RING) {
  VS_CHECK(size_ != 0 && (size_ & (size_ - 1)) == 0);
}

Result<std::optional<RingRecord>> RingConsumer::peek() {
  if (broken_ != VS_BROKEN_NOT) return give_up(broken_);
  for (int padded = 0; padded < 2; ++padded) {
    const vs_record* shared_record = record_at(cons_);
    // A short record often goes on in the next line: asked for now, it comes with this one and not after it.
    shared::prefetch(reinterpret_cast<const std::byte*>(shared_record) + kCacheLineBytes);
    const std::uint32_t bytes = shared::load_acquire(shared_record->commit_bytes);  // loaded once, judged, used
    if (bytes == 0) return std::optional<RingRecord>{};
    const std::uint32_t to_end = size_ - (cons_ & (size_ - 1));
    if (bytes < VS_RECORD_HEADER_BYTES || bytes > to_end) return give_up(VS_BROKEN_LENGTH);
    vs_record header;
    shared::copy_once(&header, shared_record, sizeof header);
    if (header.flags != 0) return give_up(VS_BROKEN_TYPE);
    if (header.type == VS_RECORD_PAD) {
      // Only the end of the ring is padded, and never by a whole ring.
      if (bytes != to_end || to_end == size_ || padded != 0) return give_up(VS_BROKEN_LENGTH);
      cons_ += to_end;
      continue;
    }
    if (bytes > record_bytes_max_) return give_up(VS_BROKEN_LENGTH);
    peeked_ = record_bytes(bytes);
    const auto* payload = reinterpret_cast<const std::byte*>(shared_record + 1);
    return std::optional<RingRecord>{RingRecord{header.type, header.cookie, {payload, bytes - VS_RECORD_HEADER_BYTES}}};
  }
  return give_up(VS_BROKEN_LENGTH);
}

void RingConsumer::consume() {
  VS_CHECK(peeked_ != 0);
  cons_ += std::exchange(peeked_, 0);
}

Result<std::optional<RingRecord>> RingConsumer::take(std::span<std::byte> into) {
  auto seen = peek();
  if (!seen || !*seen) return seen;
  RingRecord& record = **seen;
  VS_CHECK(into.size() >= record.payload.size());
  shared::copy_once(into.data(), record.payload.data(), record.payload.size());
  record.payload = into.first(record.payload.size());
  consume();
  return seen;
}

bool RingConsumer::release() {
  if (cons_ == released_) return false;
  const std::uint32_t before = std::exchange(released_, cons_);
  shared::store_release(memory_.own->cons, cons_);
  shared::full_fence();
  const std::uint32_t event = shared::load_relaxed(memory_.peer->space_event);
  return cons_ - event - 1 < cons_ - before;
}

bool RingConsumer::ask_for_data(std::uint32_t bytes_ahead) {
  shared::store_relaxed(memory_.own->data_event, cons_ + bytes_ahead);
  shared::full_fence();  // ask, then look: the producer publishes, then reads what we asked
  if (bytes_ahead == 0) return empty();
  // A producer that lies here is slept on for as long as the caller's limit.
  return published() - cons_ <= bytes_ahead;
}

std::uint32_t RingConsumer::published() const { return shared::load_acquire(memory_.peer->prod); }

bool RingConsumer::empty() const { return shared::load_acquire(record_at(cons_)->commit_bytes) == 0; }

tl::unexpected<Error> RingConsumer::give_up(vs_broken why) {
  broken_ = why;
  shared::store_release(memory_.own->broken, why);
  return fail(ErrorCode::invalid, "ring: the producer broke the layout, reason " + std::to_string(why));
}

const vs_record* RingConsumer::record_at(std::uint32_t position) const {
  return reinterpret_cast<const vs_record*>(&memory_.data[position & (size_ - 1)]);
}

}  // namespace vs
