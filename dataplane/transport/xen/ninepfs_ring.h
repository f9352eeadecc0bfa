// One ring of Xen's 9pfs: two byte streams in pages that the guest grants, requests one way and answers the other.
//
// Source: Xen, docs/misc/9pfs.pandoc and xen/include/public/io/9pfs.h. The guest may write everything at any time: our own indices are
// private, its indices are copied and judged, and a message is copied before anybody looks into it. Sizes are bytes.
// Owned by the loop's thread. Errors: invalid, when the guest breaks the ring or grants too little; it is then of no more use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "dataplane/transport/xen/granted_pages.h"

namespace vs {

inline constexpr std::uint32_t kNinePfsOrderMax = 4;  // 2^order pages for both directions: 32 KiB each

// The first page of a ring, as both sides know it.
struct NinePfsPage {
  std::uint32_t in_cons, in_prod;
  std::uint8_t pad1[56];
  std::uint32_t out_cons, out_prod;
  std::uint8_t pad2[56];
  std::uint32_t ring_order;
  std::uint32_t ref[1U << kNinePfsOrderMax];
};

class NinePfsRing {
 public:
  static Result<NinePfsRing> map(const std::shared_ptr<GrantMapper>& mapper, std::uint32_t domid, std::uint32_t ref);
  // Over memory that is there already: `page`, and `data` of a power of two.
  NinePfsRing(NinePfsPage* page, std::span<std::byte> data);

  // Of a message, either way.
  [[nodiscard]] std::size_t message_bytes_max() const { return size_; }
  // Copies the next request out; nullopt when no whole one is there. `limit`: larger ones break the ring.
  Result<std::optional<std::span<const std::byte>>> take(std::size_t limit);
  // Shows the guest what was taken since: there is room again.
  void publish_taken();
  // Puts an answer in, or keeps it until there is room. Whole messages only: Linux reads one as soon as it sees its size.
  void put(std::span<const std::byte> message);
  // Puts in what was kept, as far as it has room.
  Result<> flush();
  // Bytes of answers that are kept.
  [[nodiscard]] std::size_t kept() const { return kept_.size() - kept_begin_; }

 private:
  void copy_out(std::uint32_t from, std::span<std::byte> into) const;
  void copy_in(std::uint32_t to, std::span<const std::byte> bytes);

  GrantedPages first_;
  GrantedPages pages_;
  NinePfsPage* page_ = nullptr;
  std::span<std::byte> in_;   // answers
  std::span<std::byte> out_;  // requests
  std::uint32_t size_ = 0;    // of each
  std::uint32_t in_prod_ = 0;
  std::uint32_t out_cons_ = 0;
  std::vector<std::byte> message_;
  std::vector<std::byte> kept_;
  std::size_t kept_begin_ = 0;
};

}  // namespace vs
