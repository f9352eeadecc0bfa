// The writer's side of a table of answers that one guest reads (abi/answers.h); its readers are in dataplane/client/answers.h.
//
// A table forgets what it has no room for, the soonest to end first. Sizes are bytes. Owned by one thread; readers run anywhere.
// Nothing is read back from the shared memory. Errors: none.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/abi/answers.h"

namespace vs {

// The header of a table of so many slots; a power of two, of at least one set. Ours, so it is checked, not judged.
vs_answers_header make_answers_header(std::uint32_t slots);

class AnswersWriter {
 public:
  // `memory` is zero but for its header, which is `header`; it is written by nobody else.
  AnswersWriter(std::span<std::byte> memory, const vs_answers_header& header);

  // Puts an answer there until `expires`, in place of an earlier one to the same key. One that does not fit a slot is not put, and what
  // was there goes.
  void put(std::span<const std::byte> key, std::span<const std::byte> answer, std::chrono::nanoseconds stored,
           std::chrono::nanoseconds expires);
  void remove(std::span<const std::byte> key);
  void clear();

 private:
  struct Known {  // what is in a slot
    std::uint32_t sequence = 0;
    std::uint64_t hash = 0;
    std::uint64_t expires_ns = 0;  // 0: empty
  };
  std::size_t find(std::uint64_t hash) const;  // a slot with that hash, or kNone
  void write(std::size_t slot, const vs_answer_slot& filled, std::size_t data_bytes);

  std::span<vs_answer_slot> slots_;
  std::vector<Known> known_;
};

}  // namespace vs
