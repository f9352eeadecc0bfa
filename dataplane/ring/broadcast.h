// The writer's side of a broadcast ring: puts records where any number of readers find them, and waits for none of them.
//
// A record costs the same for one reader as for a thousand; who is too slow loses the oldest and can tell how many. Readers map
// the memory read-only and see everything in it: one ring, one audience (their side is dataplane/client/broadcast.h).
//
// Sizes are bytes, positions free-running byte counts. Owned by one thread; readers run anywhere. Nothing is read back from
// the shared memory. Errors: none that the world can cause; a payload that is too large is the caller's to refuse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "dataplane/abi/broadcast.h"

namespace vs {

struct BroadcastShape {
  std::uint32_t channel;
  std::uint32_t data_bytes_log2 = 20;
};

// The header of a broadcast ring of this shape. The shape is ours, so it is checked, not judged.
vs_broadcast_header make_broadcast_header(BroadcastShape shape);

class BroadcastWriter {
 public:
  // `memory` is zero but for its header, which is `header`, and its index, whose three fields are where the first record goes;
  // it is written by nobody else. Sequence numbers begin at `first_sequence`, at least 1.
  BroadcastWriter(std::span<std::byte> memory, const vs_broadcast_header& header, std::uint64_t first_sequence = 1);

  // The largest payload of a record: an eighth of the ring, less the header.
  [[nodiscard]] std::size_t payload_bytes_max() const { return size_ / VS_RECORD_PART_OF_RING - VS_RECORD_HEADER_BYTES; }

  // Puts a record behind the others, over the oldest ones where there is no room, and returns its sequence number. `type` is one
  // of a service, and the payload at most payload_bytes_max().
  std::uint64_t write(std::uint16_t type, std::initializer_list<std::span<const std::byte>> payload);

  // Of the next record.
  [[nodiscard]] std::uint64_t next_sequence() const { return sequence_; }

 private:
  void put(std::uint32_t position, const vs_record& header, std::initializer_list<std::span<const std::byte>> payload);

  std::span<std::byte> data_;
  vs_broadcast_index& index_;
  std::uint32_t size_;
  std::uint32_t tail_;  // private truth
  std::uint64_t sequence_;
};

}  // namespace vs
