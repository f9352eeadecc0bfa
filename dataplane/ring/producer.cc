#include "dataplane/ring/producer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "dataplane/ring/shared.h"

namespace vs {
namespace {

// Half the number space behind: no index reaches it within 2 GiB of traffic; later a needless wake-up is harmless.
constexpr std::uint32_t never(std::uint32_t position) { return position - 1 - (std::uint32_t{1} << 31); }

// How much of a batch is written before the consumer sees it: more gains nothing, and keeps it waiting.
constexpr std::uint32_t kHiddenBytesMax = 1024;

}  // namespace

RingProducer::RingProducer(ProducerMemory memory)
    : memory_(memory),
      size_(static_cast<std::uint32_t>(memory.data.size())),
      record_bytes_max_(size_ / VS_RECORD_PART_OF_RING) {
  VS_CHECK(size_ != 0 && (size_ & (size_ - 1)) == 0);
  shared::store_relaxed(memory_.own->space_event, never(0));
}

Result<std::span<std::byte>> RingProducer::reserve(std::size_t payload_bytes) {
  if (broken_ != VS_BROKEN_NOT) return give_up(broken_);
  VS_CHECK(payload_bytes <= payload_bytes_max());
  const std::uint32_t wanted = bytes_wanted(payload_bytes);
  if (size_ - (prod_ - cons_) < wanted) {  // the last look may be old: look again only when it says full
    const auto free = bytes_free();
    if (!free) return fail(free.error());
    if (*free < wanted) return std::span<std::byte>{};
  }
  const std::uint32_t record = record_bytes(static_cast<std::uint32_t>(VS_RECORD_HEADER_BYTES + payload_bytes));
  if (const std::uint32_t to_end = bytes_to_end(); to_end < record) put(VS_RECORD_PAD, 0, to_end);
  return memory_.data.subspan((prod_ & (size_ - 1)) + VS_RECORD_HEADER_BYTES, payload_bytes);
}

void RingProducer::commit(std::uint16_t type, std::uint64_t cookie, std::size_t payload_bytes) {
  put(type, cookie, static_cast<std::uint32_t>(VS_RECORD_HEADER_BYTES + payload_bytes));
}

void RingProducer::put(std::uint16_t type, std::uint64_t cookie, std::uint32_t bytes) {
  vs_record* record = record_at(prod_);
  const std::uint32_t next = prod_ + record_bytes(bytes);
  shared::store_relaxed(record_at(next)->commit_bytes, 0);  // before the consumer can get there
  record->type = type;
  record->flags = 0;
  record->cookie = cookie;
  if (batch_ && hidden_commit_ == 0) {
    hidden_ = prod_;
    hidden_commit_ = bytes;
  } else {
    shared::store_release(record->commit_bytes, bytes);  // in a batch: behind the first, where the consumer is not yet
  }
  prod_ = next;
  if (next - hidden_ >= kHiddenBytesMax) show();
}

void RingProducer::show() {
  if (hidden_commit_ != 0) shared::store_release(record_at(hidden_)->commit_bytes, std::exchange(hidden_commit_, 0));
}

Result<bool> RingProducer::push(std::uint16_t type, std::uint64_t cookie,
                                std::initializer_list<std::span<const std::byte>> payload) {
  std::size_t bytes = 0;
  for (const auto part : payload) bytes += part.size();
  if (bytes > payload_bytes_max()) return fail(ErrorCode::invalid, "ring: record larger than an eighth of the ring");
  auto room = reserve(bytes);
  if (!room) return fail(std::move(room.error()));
  if (room->data() == nullptr) return false;
  std::byte* to = room->data();
  for (const auto part : payload) {
    if (!part.empty()) std::memcpy(to, part.data(), part.size());
    to += part.size();
  }
  commit(type, cookie, bytes);
  return true;
}

void RingProducer::offer_renewal(bool offered) { shared::store_release(memory_.own->renewal, offered ? 1 : 0); }

void RingProducer::show_migrating(std::uint32_t within_ms) { shared::store_release(memory_.own->migrating, within_ms); }

bool RingProducer::publish() {
  if (prod_ == published_) return false;
  show();
  batch_ = false;
  const std::uint32_t before = std::exchange(published_, prod_);
  shared::store_release(memory_.own->prod, prod_);
  shared::full_fence();  // the consumer asks, then looks; we publish, then read what it asked: one of us sees the other
  const std::uint32_t event = shared::load_relaxed(memory_.peer->data_event);
  return prod_ - event - 1 < prod_ - before;
}

Result<bool> RingProducer::ask_for_space(std::size_t payload_bytes) {
  show();  // who waits for the consumer to read hides nothing from it
  const std::uint32_t wanted = bytes_wanted(payload_bytes);
  // Enough is free once cons has reached prod + wanted - size: one byte before that is the event to pass.
  shared::store_relaxed(memory_.own->space_event, prod_ + wanted - size_ - 1);
  shared::full_fence();
  const auto free = bytes_free();
  if (!free) return fail(free.error());
  return *free < wanted;
}

Result<std::uint32_t> RingProducer::bytes_free() {
  if (broken_ != VS_BROKEN_NOT) return give_up(broken_);
  const std::uint32_t cons = shared::load_acquire(memory_.peer->cons);
  // Forward from what was seen last, and not past what was produced.
  if (prod_ - cons > prod_ - cons_ || cons % VS_RECORD_ALIGN != 0) return give_up(VS_BROKEN_INDEX);
  cons_ = cons;
  return size_ - (prod_ - cons_);
}

void RingProducer::show_level(std::uint32_t level) { shared::store_release(memory_.own->level, level); }

std::uint32_t RingProducer::bytes_waiting() const {
  return std::min(prod_ - shared::load_relaxed(memory_.peer->cons), size_);
}

tl::unexpected<Error> RingProducer::give_up(vs_broken why) {
  broken_ = why;
  shared::store_release(memory_.own->broken, why);
  return fail(ErrorCode::invalid, "ring: the consumer's index is out of bounds");
}

vs_record* RingProducer::record_at(std::uint32_t position) {
  return reinterpret_cast<vs_record*>(&memory_.data[position & (size_ - 1)]);
}

// The record, the header after it that is zeroed ahead of the consumer, and a pad when it does not fit before the end.
std::uint32_t RingProducer::bytes_wanted(std::size_t payload_bytes) const {
  const std::uint32_t record = record_bytes(static_cast<std::uint32_t>(VS_RECORD_HEADER_BYTES + payload_bytes));
  const std::uint32_t to_end = bytes_to_end();
  return (to_end < record ? to_end : 0) + record + VS_RECORD_HEADER_BYTES;
}

}  // namespace vs
