// The lender's side of a pool: which buffer is free, who has borrowed which, until when, and what comes back.
//
// A Loan is a buffer to fill. Lending it gives the descriptor for one Borrower's ring; the buffer is free again when the loan is
// dropped and every borrower has returned it, or its lease ran out. The truth is in private memory: of the pool nothing is
// read back, and of a return nothing is believed that the borrower's own leases do not say.
//
// Who maps a pool can read all of it, so a pool has one audience. What was written for an earlier audience is zeroed when a
// Borrower is made, before it is given the memory: free buffers whole, the others behind their loan's bytes and, once free,
// whole. What is out at that moment is the present and not hidden from a newcomer, nor is what a loan holds that is still being
// filled; where even that must be, or a borrower has lost its right while it still maps the pool, retire() the pool and
// lend from a new one.
//
// Sizes are bytes. Owned by one thread; only the bytes of a loan may be filled on another. A pool outlives its borrowers and
// loans. Nothing here allocates after construction or calls the system, and no operation depends on a buffer's size but the
// zeroing, which each byte written costs at most once.
// Errors: invalid, when a borrower returns what it has not borrowed: its session is broken (VS_BROKEN_BUFFER).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dataplane/abi/buffer.h"

namespace vs {

inline constexpr std::uint32_t kBorrowedMax = 64;  // buffers one borrower may hold, whatever it was promised

struct PoolShape {
  std::uint32_t pool;  // the pool's number
  std::uint32_t buffer_count;
  std::uint64_t buffer_bytes;  // rounded up to a page
};

// The header of a pool of this shape. The shape is ours, so it is checked, not judged.
vs_pool_header make_pool_header(PoolShape shape);

// The return that a record of type VS_RECORD_RETURN holds. invalid, when it is not one.
Result<vs_buffer_return> read_return(std::span<const std::byte> payload);

struct PoolCounters {
  std::uint64_t loans = 0;
  std::uint64_t lent = 0;              // descriptors made
  std::uint64_t returned = 0;          // in time
  std::uint64_t returned_late = 0;     // after the lease ran out: nothing was left to give back
  std::uint64_t reclaimed = 0;         // leases that ran out
  std::uint64_t refused_empty = 0;     // loans, because no buffer was free
  std::uint64_t refused_borrower = 0;  // descriptors, because the borrower had as many as it may
  std::uint64_t bytes_zeroed = 0;
};

class BufferPool;

// A buffer to fill, and then to lend to any number of borrowers. Once lent its bytes are not written any more.
class Loan {
 public:
  Loan(Loan&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), buffer_(other.buffer_), bytes_(other.bytes_) {}
  Loan& operator=(Loan&& other) noexcept;
  ~Loan() { drop(); }

  // Holds whatever an earlier loan of the same pool left there.
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  // Lends less than was asked for: an encoder knows its size when it is done.
  void trim(std::size_t bytes);
  // Gives it back; what was lent of it stays with the borrowers.
  void drop();

 private:
  friend BufferPool;
  Loan(BufferPool& pool, std::uint32_t buffer, std::span<std::byte> bytes) : pool_(&pool), buffer_(buffer), bytes_(bytes) {}

  BufferPool* pool_;
  std::uint32_t buffer_;
  std::span<std::byte> bytes_;
};

// One who maps the pool and may hold so many of its buffers: a session, a subscription. What it holds ends with it.
class Borrower {
 public:
  // Made before the memory is given away: see "audience" above. `borrowed_max` 1 .. kBorrowedMax.
  Borrower(BufferPool& pool, std::uint32_t borrowed_max);
  Borrower(const Borrower&) = delete;
  Borrower& operator=(const Borrower&) = delete;
  ~Borrower();

  // Descriptors it has not returned yet, those whose lease ran out among them.
  [[nodiscard]] std::uint32_t borrowed() const { return borrowed_; }
  [[nodiscard]] bool full() const { return borrowed_ == leases_.size(); }

 private:
  friend BufferPool;

  struct Lease {
    enum class State : std::uint8_t { none, live, over };  // over: reclaimed, but still to be returned
    State state = State::none;
    std::uint32_t buffer = 0;
    std::uint32_t generation = 0;
    std::chrono::steady_clock::time_point ends;
    Borrower* borrower = nullptr;
    Lease* before = nullptr;  // among the pool's live leases, in the order in which they end
    Lease* after = nullptr;
  };

  BufferPool& pool_;
  std::vector<Lease> leases_;  // borrowed_max of them, at the same place for life
  std::uint32_t borrowed_ = 0;
};

class BufferPool {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `memory` is zero but for its header, which is `header`; it is written by nobody else. A lease is the time a borrower has
  // from lend() on.
  BufferPool(std::span<std::byte> memory, const vs_pool_header& header, std::chrono::nanoseconds lease);
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  [[nodiscard]] const vs_pool_header& header() const { return header_; }
  [[nodiscard]] std::size_t buffers_free() const { return free_.size(); }
  [[nodiscard]] const PoolCounters& counters() const { return counters_; }

  // A buffer with room for `bytes`; nullopt when none is free. invalid, when no buffer ever has that room.
  Result<std::optional<Loan>> loan(std::size_t bytes);

  // Lends what `loan` holds. nullopt when the borrower has as many as it may, or has this one: it misses it.
  std::optional<vs_buffer> lend(const Loan& loan, Borrower& borrower, TimePoint now);

  // Whether the borrower has what `loan` holds.
  [[nodiscard]] bool has(const Borrower& borrower, const Loan& loan) const;

  // A buffer comes back. After its lease ran out that changes nothing, and is counted. invalid, when the borrower owes no
  // return of that buffer in that generation.
  Result<> take_back(Borrower& borrower, const vs_buffer_return& back);

  // Takes back what is overdue and says how much that was; who still reads it notices. At the latest at next_expiry().
  std::size_t expire(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_expiry() const;

  // Gives back at once all that the borrower has. A return that comes later is invalid.
  void end(Borrower& borrower);

  // Lends no more: every buffer is zeroed now or when it comes back. The pool may go when all buffers are free.
  void retire();

 private:
  friend Borrower;
  friend Loan;

  struct Buffer {
    std::uint32_t generation = 1;
    std::uint32_t references = 0;  // the loan and the live leases
    std::uint64_t audience = 0;    // for whom it was loaned
    std::size_t loan_bytes = 0;
    std::size_t dirty_bytes = 0;   // from the front: everything behind is zero
  };

  void admit();
  void release(std::uint32_t index);
  void finish(Borrower::Lease& lease);
  void zero_from(std::uint32_t index, std::size_t from);
  [[nodiscard]] std::span<std::byte> bytes_of(std::uint32_t index, std::size_t bytes) const;
  void publish_generation(std::uint32_t index);

  std::span<std::byte> memory_;
  vs_pool_header header_;  // private copy
  std::chrono::nanoseconds lease_;
  std::vector<Buffer> buffers_;
  std::vector<std::uint32_t> free_;  // last in, first out: it is still in the cache
  Borrower::Lease* first_ = nullptr;
  Borrower::Lease* last_ = nullptr;
  std::uint64_t audience_ = 0;
  std::uint32_t borrowers_ = 0;
  bool retired_ = false;
  PoolCounters counters_;
};

}  // namespace vs
