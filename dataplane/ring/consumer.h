// Takes records off one ring, in order. The producer is not trusted: every record is copied once, and the copy judged.
//
// Sizes are bytes, positions free-running byte counts. Owned by one thread; the producer may run elsewhere.
// Own positions live here, in private memory; the shared copy is written and never read back.
// Errors: invalid, when the peer broke the layout (broken() says how); the ring is then dead and must be detached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "dataplane/ring/region.h"

namespace vs {

// One message.
struct RingRecord {
  std::uint16_t type;
  std::uint64_t cookie;
  std::span<const std::byte> payload;  // in the buffer given to take(); after peek(), in shared memory
};

class RingConsumer {
 public:
  explicit RingConsumer(ConsumerMemory memory);

  [[nodiscard]] std::size_t payload_bytes_max() const { return record_bytes_max_ - VS_RECORD_HEADER_BYTES; }

  // The oldest record where it lies: its header is copied and judged, its payload is shared memory that the producer may
  // change at any moment. For who copies it once into another place, or reads nothing out of it; others take().
  Result<std::optional<RingRecord>> peek();
  // Steps over the record that peek() showed.
  void consume();

  // Copies the oldest record's payload to the front of `into` (at least payload_bytes_max()); nullopt when the ring is empty.
  Result<std::optional<RingRecord>> take(std::span<std::byte> into);

  // Gives the space of what was taken back: once a batch. True when the producer asked to be woken.
  bool release();

  // Asks to be woken at the next record, and looks again: true when it may sleep, false when there is one already. With
  // `bytes_ahead`, asks to be woken once more than that much is published: for who would rather have many at a time, and
  // sleeps with a limit of time.
  bool ask_for_data(std::uint32_t bytes_ahead = 0);
  [[nodiscard]] bool empty() const;

  // Behind the last record taken.
  [[nodiscard]] std::uint32_t position() const { return cons_; }
  // Behind the last record published, by what the producer says: to measure by, not to believe.
  [[nodiscard]] std::uint32_t published() const;

  // Tells the peer that what it sent made no sense, for reasons that the ring cannot know.
  void give_up_for(vs_broken why) { (void)give_up(why); }
  [[nodiscard]] vs_broken broken() const { return broken_; }

 private:
  tl::unexpected<Error> give_up(vs_broken why);
  [[nodiscard]] const vs_record* record_at(std::uint32_t position) const;

  ConsumerMemory memory_;
  std::uint32_t size_;
  std::uint32_t record_bytes_max_;
  std::uint32_t cons_ = 0;      // private truth
  std::uint32_t released_ = 0;  // as of the last release
  std::uint32_t peeked_ = 0;    // bytes of the record that peek() showed
  vs_broken broken_ = VS_BROKEN_NOT;
};

}  // namespace vs
