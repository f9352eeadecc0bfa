#include "dataplane/ring/pool.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/check.h"
#include "dataplane/ring/shared.h"

namespace vs {
namespace {

constexpr std::uint64_t whole_pages(std::uint64_t bytes) {
  return (bytes + VS_PAGE_BYTES - 1) & ~std::uint64_t{VS_PAGE_BYTES - 1};
}

}  // namespace

vs_pool_header make_pool_header(PoolShape shape) {
  VS_CHECK(shape.buffer_count >= 1 && shape.buffer_count <= VS_POOL_BUFFERS_MAX);
  VS_CHECK(shape.buffer_bytes >= 1 && shape.buffer_bytes <= VS_POOL_BYTES_MAX);
  vs_pool_header header{.magic = VS_POOL_MAGIC, .major = VS_POOL_MAJOR, .minor = VS_POOL_MINOR};
  header.pool = shape.pool;
  header.buffer_count = shape.buffer_count;
  header.buffer_bytes = whole_pages(shape.buffer_bytes);
  header.generations_offset = VS_PAGE_BYTES;
  header.buffers_offset = VS_PAGE_BYTES + whole_pages(std::uint64_t{shape.buffer_count} * VS_LINE_BYTES);
  header.bytes = header.buffers_offset + shape.buffer_count * header.buffer_bytes;
  VS_CHECK(header.bytes <= VS_POOL_BYTES_MAX);
  return header;
}

Result<vs_buffer_return> read_return(std::span<const std::byte> payload) {
  vs_buffer_return back;
  if (payload.size() != sizeof back) return fail(ErrorCode::invalid, "return: " + std::to_string(payload.size()) + " bytes");
  shared::copy_once(&back, payload.data(), sizeof back);
  return back;
}

Loan& Loan::operator=(Loan&& other) noexcept {
  if (this == &other) return *this;
  drop();
  pool_ = std::exchange(other.pool_, nullptr);
  buffer_ = other.buffer_;
  bytes_ = other.bytes_;
  return *this;
}

void Loan::trim(std::size_t bytes) {
  VS_CHECK(bytes <= bytes_.size());
  bytes_ = bytes_.first(bytes);
  if (pool_ != nullptr) pool_->buffers_[buffer_].loan_bytes = bytes;
}

void Loan::drop() {
  if (pool_ != nullptr) std::exchange(pool_, nullptr)->release(buffer_);
  bytes_ = {};
}

Borrower::Borrower(BufferPool& pool, std::uint32_t borrowed_max) : pool_(pool), leases_(borrowed_max) {
  VS_CHECK(borrowed_max >= 1 && borrowed_max <= kBorrowedMax);
  for (Lease& lease : leases_) lease.borrower = this;
  pool_.admit();
}

Borrower::~Borrower() {
  pool_.end(*this);
  --pool_.borrowers_;
}

BufferPool::BufferPool(std::span<std::byte> memory, const vs_pool_header& header, std::chrono::nanoseconds lease)
    : memory_(memory), header_(header), lease_(lease), buffers_(header.buffer_count) {
  VS_CHECK(memory_.size() >= header_.bytes);
  free_.reserve(header_.buffer_count);
  for (std::uint32_t index = header_.buffer_count; index-- > 0;) {
    publish_generation(index);
    free_.push_back(index);
  }
}

BufferPool::~BufferPool() { VS_CHECK(borrowers_ == 0 && free_.size() == buffers_.size()); }

Result<std::optional<Loan>> BufferPool::loan(std::size_t bytes) {
  if (bytes > header_.buffer_bytes)
    return fail(ErrorCode::invalid, "pool " + std::to_string(header_.pool) + ": " + std::to_string(bytes) +
                                        " bytes, a buffer has " + std::to_string(header_.buffer_bytes));
  if (retired_ || free_.empty()) {
    ++counters_.refused_empty;
    return std::optional<Loan>{};
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Buffer& buffer = buffers_[index];
  buffer.references = 1;
  buffer.audience = audience_;
  buffer.loan_bytes = bytes;
  buffer.dirty_bytes = std::max(buffer.dirty_bytes, bytes);
  ++counters_.loans;
  return std::optional<Loan>(Loan(*this, index, bytes_of(index, bytes)));
}

std::optional<vs_buffer> BufferPool::lend(const Loan& loan, Borrower& borrower, TimePoint now) {
  VS_CHECK(loan.pool_ == this && &borrower.pool_ == this);
  Buffer& buffer = buffers_[loan.buffer_];
  Borrower::Lease* unused = nullptr;
  for (Borrower::Lease& lease : borrower.leases_) {
    if (lease.state == Borrower::Lease::State::none) {
      if (unused == nullptr) unused = &lease;
    } else if (lease.buffer == loan.buffer_ && lease.generation == buffer.generation) {
      unused = nullptr;
      break;
    }
  }
  if (unused == nullptr) {
    ++counters_.refused_borrower;
    return std::nullopt;
  }
  unused->state = Borrower::Lease::State::live;
  unused->buffer = loan.buffer_;
  unused->generation = buffer.generation;
  unused->ends = now + lease_;
  unused->before = last_;
  unused->after = nullptr;
  (last_ != nullptr ? last_->after : first_) = unused;
  last_ = unused;
  ++buffer.references;
  ++borrower.borrowed_;
  ++counters_.lent;
  return vs_buffer{.pool = header_.pool,
                   .buffer = loan.buffer_,
                   .generation = buffer.generation,
                   .flags = 0,
                   .offset = 0,
                   .bytes = loan.bytes_.size()};
}

bool BufferPool::has(const Borrower& borrower, const Loan& loan) const {
  VS_CHECK(loan.pool_ == this && &borrower.pool_ == this);
  const std::uint32_t generation = buffers_[loan.buffer_].generation;
  return std::any_of(borrower.leases_.begin(), borrower.leases_.end(), [&](const Borrower::Lease& lease) {
    return lease.state != Borrower::Lease::State::none && lease.buffer == loan.buffer_ && lease.generation == generation;
  });
}

Result<> BufferPool::take_back(Borrower& borrower, const vs_buffer_return& back) {
  VS_CHECK(&borrower.pool_ == this);
  if (back.pool == header_.pool && back.flags == 0) {
    for (Borrower::Lease& lease : borrower.leases_) {  // by comparison only: nothing the borrower says is an index
      if (lease.state == Borrower::Lease::State::none || lease.buffer != back.buffer || lease.generation != back.generation)
        continue;
      ++(lease.state == Borrower::Lease::State::live ? counters_.returned : counters_.returned_late);
      if (lease.state == Borrower::Lease::State::live) finish(lease);
      lease.state = Borrower::Lease::State::none;
      --borrower.borrowed_;
      return {};
    }
  }
  return fail(ErrorCode::invalid, "pool " + std::to_string(header_.pool) + ": return of buffer " +
                                      std::to_string(back.buffer) + ", generation " + std::to_string(back.generation) +
                                      ", which is not lent");
}

std::size_t BufferPool::expire(TimePoint now) {
  std::size_t reclaimed = 0;
  while (first_ != nullptr && first_->ends <= now) {
    finish(*first_);
    ++reclaimed;
  }
  counters_.reclaimed += reclaimed;
  return reclaimed;
}

std::optional<BufferPool::TimePoint> BufferPool::next_expiry() const {
  return first_ != nullptr ? std::optional(first_->ends) : std::nullopt;
}

void BufferPool::end(Borrower& borrower) {
  VS_CHECK(&borrower.pool_ == this);
  for (Borrower::Lease& lease : borrower.leases_) {
    if (lease.state == Borrower::Lease::State::live) finish(lease);
    lease.state = Borrower::Lease::State::none;
  }
  borrower.borrowed_ = 0;
}

void BufferPool::retire() {
  retired_ = true;
  ++audience_;
  for (const std::uint32_t index : free_) zero_from(index, 0);
}

// A newcomer: from here on everything that is in the pool is for it as well.
void BufferPool::admit() {
  ++borrowers_;
  ++audience_;
  for (std::uint32_t index = 0; index < buffers_.size(); ++index)
    zero_from(index, buffers_[index].references != 0 ? buffers_[index].loan_bytes : 0);
}

// One reference less. The last one ends the generation, before anyone can write the buffer again.
void BufferPool::release(std::uint32_t index) {
  Buffer& buffer = buffers_[index];
  VS_CHECK(buffer.references != 0);
  if (--buffer.references != 0) return;
  ++buffer.generation;
  publish_generation(index);
  if (buffer.audience != audience_) zero_from(index, 0);
  free_.push_back(index);
}

// A live lease ends; the borrower owes its return all the same.
void BufferPool::finish(Borrower::Lease& lease) {
  (lease.before != nullptr ? lease.before->after : first_) = lease.after;
  (lease.after != nullptr ? lease.after->before : last_) = lease.before;
  lease.state = Borrower::Lease::State::over;
  release(lease.buffer);
}

void BufferPool::zero_from(std::uint32_t index, std::size_t from) {
  Buffer& buffer = buffers_[index];
  if (buffer.dirty_bytes <= from) return;
  std::memset(bytes_of(index, buffer.dirty_bytes).data() + from, 0, buffer.dirty_bytes - from);
  counters_.bytes_zeroed += buffer.dirty_bytes - from;
  buffer.dirty_bytes = from;
}

std::span<std::byte> BufferPool::bytes_of(std::uint32_t index, std::size_t bytes) const {
  return memory_.subspan(header_.buffers_offset + index * header_.buffer_bytes, bytes);
}

void BufferPool::publish_generation(std::uint32_t index) {
  auto* words = reinterpret_cast<vs_buffer_generation*>(&memory_[header_.generations_offset]);
  shared::store_relaxed(words[index].generation, buffers_[index].generation);
  shared::release_fence();  // who sees a byte written after this sees the number, too
}

}  // namespace vs
