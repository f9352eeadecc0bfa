#include "dataplane/transport/xen/ninepfs_ring.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <string>

#include "dataplane/abi/ring.h"

namespace vs {
namespace {

static_assert(offsetof(NinePfsPage, out_cons) == 64 && offsetof(NinePfsPage, ring_order) == 128 && offsetof(NinePfsPage, ref) == 132);

inline constexpr std::size_t kSizeBytes = 4;     // a message begins with its size
inline constexpr std::size_t kMessageMin = 7;

std::uint32_t load(std::uint32_t& shared) { return std::atomic_ref(shared).load(std::memory_order_acquire); }
void store(std::uint32_t& shared, std::uint32_t value) { std::atomic_ref(shared).store(value, std::memory_order_release); }

std::uint32_t size_in(const std::byte* bytes) {
  std::uint32_t size = 0;
  std::memcpy(&size, bytes, sizeof size);
  return size;
}

}  // namespace

Result<NinePfsRing> NinePfsRing::map(const std::shared_ptr<GrantMapper>& mapper, std::uint32_t domid, std::uint32_t ref) {
  auto first = GrantedPages::map(mapper, domid, std::span(&ref, 1));
  if (!first) return fail(std::move(first.error()));
  auto* page = reinterpret_cast<NinePfsPage*>(first->bytes().data());
  const std::uint32_t order = load(page->ring_order);
  if (order < 1 || order > kNinePfsOrderMax)
    return fail(ErrorCode::invalid, "ring order " + std::to_string(order) + ": not from 1 to " + std::to_string(kNinePfsOrderMax));
  std::vector<std::uint32_t> refs(std::size_t{1} << order);
  for (std::size_t i = 0; i < refs.size(); ++i) refs[i] = load(page->ref[i]);
  auto pages = GrantedPages::map(mapper, domid, refs);
  if (!pages) return fail(std::move(pages.error()));
  NinePfsRing ring(page, pages->bytes());
  ring.first_ = std::move(*first);
  ring.pages_ = std::move(*pages);
  return ring;
}

// What a backend before us left unanswered is not known any more: a ring begins where the guest has begun it.
NinePfsRing::NinePfsRing(NinePfsPage* page, std::span<std::byte> data)
    : page_(page),
      in_(data.first(data.size() / 2)),
      out_(data.subspan(data.size() / 2)),
      size_(static_cast<std::uint32_t>(data.size() / 2)),
      in_prod_(load(page->in_prod)),
      out_cons_(load(page->out_cons)) {}

void NinePfsRing::copy_out(std::uint32_t from, std::span<std::byte> into) const {
  const std::size_t at = from & (size_ - 1);
  const std::size_t first = std::min<std::size_t>(into.size(), size_ - at);
  std::memcpy(into.data(), out_.data() + at, first);
  if (first < into.size()) std::memcpy(into.data() + first, out_.data(), into.size() - first);
}

void NinePfsRing::copy_in(std::uint32_t to, std::span<const std::byte> bytes) {
  const std::size_t at = to & (size_ - 1);
  const std::size_t first = std::min<std::size_t>(bytes.size(), size_ - at);
  std::memcpy(in_.data() + at, bytes.data(), first);
  if (first < bytes.size()) std::memcpy(in_.data(), bytes.data() + first, bytes.size() - first);
}

Result<std::optional<std::span<const std::byte>>> NinePfsRing::take(std::size_t limit) {
  const std::uint32_t there = load(page_->out_prod) - out_cons_;
  if (there > size_) return fail(ErrorCode::invalid, "9pfs ring: more bytes than it holds");
  if (there < kSizeBytes) return std::optional<std::span<const std::byte>>{};
  std::byte head[kSizeBytes];
  copy_out(out_cons_, head);
  const std::uint32_t size = size_in(head);
  if (size < kMessageMin || size > limit || size > size_)
    return fail(ErrorCode::invalid, "9pfs ring: a message of " + std::to_string(size) + " bytes");
  if (there < size) return std::optional<std::span<const std::byte>>{};
  message_.resize(size);
  copy_out(out_cons_, message_);
  std::memcpy(message_.data(), head, sizeof head);  // the guest may have written another size meanwhile
  out_cons_ += size;
  return std::optional(std::span<const std::byte>(message_));
}

void NinePfsRing::publish_taken() { store(page_->out_cons, out_cons_); }

void NinePfsRing::put(std::span<const std::byte> message) { kept_.insert(kept_.end(), message.begin(), message.end()); }

Result<> NinePfsRing::flush() {
  while (kept_begin_ < kept_.size()) {
    const std::uint32_t used = in_prod_ - load(page_->in_cons);
    if (used > size_) return fail(ErrorCode::invalid, "9pfs ring: the guest has read what was never written");
    const std::uint32_t size = size_in(kept_.data() + kept_begin_);
    if (size > size_ - used) return {};
    copy_in(in_prod_, std::span<const std::byte>(kept_).subspan(kept_begin_, size));
    in_prod_ += size;
    store(page_->in_prod, in_prod_);
    kept_begin_ += size;
  }
  kept_.clear();
  kept_begin_ = 0;
  return {};
}

}  // namespace vs
