// Puts records into one ring, in order. The consumer is not trusted: its index is checked each time it is read.
//
// Sizes are bytes, positions free-running byte counts. Owned by one thread; the consumer may run elsewhere.
// Own positions live here, in private memory; the shared copy is written and never read back.
// Errors: invalid, when the peer broke the layout (broken() says how); the ring is then dead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "base/result.h"
#include "dataplane/ring/region.h"

namespace vs {

class RingProducer {
 public:
  explicit RingProducer(ProducerMemory memory);

  // The largest payload of a record: an eighth of the ring, less the header.
  [[nodiscard]] std::size_t payload_bytes_max() const { return record_bytes_max_ - VS_RECORD_HEADER_BYTES; }

  // Reserves room for a record with `payload_bytes` of payload, to be filled in place; empty span when the ring is full.
  // A second reserve without commit takes the first one's place.
  Result<std::span<std::byte>> reserve(std::size_t payload_bytes);
  // Commits what was reserved; at most as much as was reserved. The consumer may see it at once.
  void commit(std::uint16_t type, std::uint64_t cookie, std::size_t payload_bytes);

  // Reserve, copy and commit. False when the ring is full.
  Result<bool> push(std::uint16_t type, std::uint64_t cookie,
                    std::initializer_list<std::span<const std::byte>> payload);

  // From here to publish() the consumer sees records several at a time, not each when it is committed: the commit word of the
  // first comes last. Until then it looks at that one word, and takes no lines away that are being written. For many small
  // records.
  void begin_batch() { batch_ = true; }

  // Publishes what was committed since the last call: once a batch. True when the consumer asked to be woken.
  bool publish();
  [[nodiscard]] bool unpublished() const { return prod_ != published_; }

  // Asks to be woken when `payload_bytes` fit, and looks again: true when it must wait, false when there is room now.
  Result<bool> ask_for_space(std::size_t payload_bytes);

  // Of a backend's answers: at which level the guest is served (vs_prod_page, level).
  void show_level(std::uint32_t level);
  // Tells the peer whether the region is to be renewed (abi/region.h).
  void offer_renewal(bool offered);
  // Tells it within how many milliseconds another node is to serve it, or with 0 that none is (vs_prod_page, migrating).
  void show_migrating(std::uint32_t within_ms);

  [[nodiscard]] vs_broken broken() const { return broken_; }
  // What the consumer says it has not consumed yet: to measure by, not to believe. It takes the consumer's line.
  [[nodiscard]] std::uint32_t bytes_waiting() const;

 private:
  void put(std::uint16_t type, std::uint64_t cookie, std::uint32_t bytes);
  void show();

  Result<std::uint32_t> bytes_free();
  tl::unexpected<Error> give_up(vs_broken why);
  vs_record* record_at(std::uint32_t position);
  [[nodiscard]] std::uint32_t bytes_wanted(std::size_t payload_bytes) const;
  [[nodiscard]] std::uint32_t bytes_to_end() const { return size_ - (prod_ & (size_ - 1)); }

  ProducerMemory memory_;
  std::uint32_t size_;
  std::uint32_t record_bytes_max_;
  std::uint32_t prod_ = 0;       // private truth
  std::uint32_t published_ = 0;  // as of the last publish
  std::uint32_t cons_ = 0;       // last seen of the peer, checked
  bool batch_ = false;
  std::uint32_t hidden_ = 0;         // where the first record of a batch lies whose commit word is not stored yet
  std::uint32_t hidden_commit_ = 0;  // that word; 0: there is none
  vs_broken broken_ = VS_BROKEN_NOT;
};

}  // namespace vs
