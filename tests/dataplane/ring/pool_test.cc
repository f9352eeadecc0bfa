// A pool from its lender's side: who has which buffer, when it comes back, and what a borrower can see of it.
#include <chrono>

#include <gtest/gtest.h>

#include "heap_pool.h"

namespace vs::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kLease = 40ms;
constexpr BufferPool::TimePoint kStart{std::chrono::hours(1)};

class Pool : public testing::Test {
 protected:
  // A loan of `bytes`, all of value `with`.
  Loan filled(std::size_t bytes, int with) {
    auto loan = pool.loan(bytes);
    EXPECT_TRUE(loan && *loan);
    fill((*loan)->bytes(), with);
    return std::move(**loan);
  }
  // What a borrower sees of a descriptor; empty when it is gone.
  std::span<const std::byte> seen(const vs_buffer& buffer) {
    const auto view = memory.borrowed().view(buffer);
    EXPECT_TRUE(view.has_value());
    return view && *view ? **view : std::span<const std::byte>{};
  }

  HeapPool memory{kFourPages};
  BufferPool pool{memory.bytes(), memory.header(), kLease};
};

TEST_F(Pool, HandsAFrameOverWithoutMovingIt) {
  Borrower borrower(pool, 2);
  std::optional<vs_buffer> buffer;
  {
    const Loan loan = filled(1000, 7);
    buffer = pool.lend(loan, borrower, kStart);
  }
  ASSERT_TRUE(buffer);
  EXPECT_EQ(seen(*buffer).size(), 1000u);
  EXPECT_TRUE(all(seen(*buffer), 7));
  EXPECT_EQ(pool.buffers_free(), 3u);
  EXPECT_TRUE(pool.take_back(borrower, return_of(*buffer)));
  EXPECT_EQ(pool.buffers_free(), 4u);
  EXPECT_EQ(pool.counters().returned, 1u);
}

TEST_F(Pool, GivesALoanBackThatIsDropped) {
  {
    const Loan loan = filled(10, 1);
    EXPECT_EQ(pool.buffers_free(), 3u);
  }
  EXPECT_EQ(pool.buffers_free(), 4u);
}

TEST_F(Pool, RefusesALoanThatNoBufferCouldHold) {
  EXPECT_TRUE(*pool.loan(VS_PAGE_BYTES));
  const auto loan = pool.loan(VS_PAGE_BYTES + 1);
  ASSERT_FALSE(loan);
  EXPECT_EQ(loan.error().code, ErrorCode::invalid);
}

TEST_F(Pool, HasNoLoanWhenAllBuffersAreOutAndSaysSo) {
  std::vector<Loan> loans;
  for (int i = 0; i < 4; ++i) loans.push_back(filled(1, i));
  const auto none = pool.loan(1);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  EXPECT_EQ(pool.counters().refused_empty, 1u);
}

TEST_F(Pool, KeepsABufferUntilTheLastOfItsBorrowersReturnedIt) {
  Borrower first(pool, 2);
  Borrower second(pool, 2);
  auto loan = std::optional(filled(10, 1));
  const auto to_first = pool.lend(*loan, first, kStart);
  const auto to_second = pool.lend(*loan, second, kStart);
  loan.reset();
  ASSERT_TRUE(to_first && to_second);
  EXPECT_EQ(to_first->buffer, to_second->buffer);
  EXPECT_TRUE(pool.take_back(first, return_of(*to_first)));
  EXPECT_EQ(pool.buffers_free(), 3u);
  EXPECT_TRUE(all(seen(*to_second), 1));
  EXPECT_TRUE(pool.take_back(second, return_of(*to_second)));
  EXPECT_EQ(pool.buffers_free(), 4u);
}

TEST_F(Pool, LendsABorrowerNoMoreThanItMayHave) {
  Borrower borrower(pool, 2);
  const auto first = pool.lend(filled(1, 1), borrower, kStart);
  EXPECT_TRUE(pool.lend(filled(1, 2), borrower, kStart));
  EXPECT_FALSE(pool.lend(filled(1, 3), borrower, kStart));
  EXPECT_EQ(pool.counters().refused_borrower, 1u);
  EXPECT_EQ(borrower.borrowed(), 2u);
  EXPECT_EQ(pool.buffers_free(), 2u) << "the refused loan is free again";
  ASSERT_TRUE(pool.take_back(borrower, return_of(*first)));
  EXPECT_TRUE(pool.lend(filled(1, 4), borrower, kStart));
}

TEST_F(Pool, ASlowBorrowerTakesNothingFromTheOthers) {
  Borrower slow(pool, 1);
  Borrower quick(pool, 1);
  for (int frame = 0; frame < 100; ++frame) {
    const Loan loan = filled(1, frame);
    EXPECT_EQ(pool.lend(loan, slow, kStart).has_value(), frame == 0);
    const auto buffer = pool.lend(loan, quick, kStart);
    ASSERT_TRUE(buffer);
    ASSERT_TRUE(pool.take_back(quick, return_of(*buffer)));
  }
}

TEST_F(Pool, LendsALoanToABorrowerOnlyOnceAtATime) {
  Borrower borrower(pool, 4);
  const Loan loan = filled(1, 1);
  const auto buffer = pool.lend(loan, borrower, kStart);
  EXPECT_FALSE(pool.lend(loan, borrower, kStart));
  ASSERT_TRUE(pool.take_back(borrower, return_of(*buffer)));
  EXPECT_TRUE(pool.lend(loan, borrower, kStart)) << "the last frame, for who asks again";
}

TEST_F(Pool, LendsLessThanWasLoanedAfterATrim) {
  Borrower borrower(pool, 1);
  Loan loan = filled(1000, 1);
  loan.trim(10);
  EXPECT_EQ(pool.lend(loan, borrower, kStart)->bytes, 10u);
}

TEST_F(Pool, TakesABufferBackWhenItsLeaseRunsOut) {
  Borrower borrower(pool, 2);
  const auto early = pool.lend(filled(1, 1), borrower, kStart);
  const auto late = pool.lend(filled(1, 2), borrower, kStart + 10ms);
  EXPECT_EQ(pool.next_expiry(), kStart + kLease);
  EXPECT_EQ(pool.expire(kStart + kLease - 1ns), 0u);
  EXPECT_TRUE(memory.borrowed().still_current(*early));
  EXPECT_EQ(pool.expire(kStart + kLease), 1u);
  EXPECT_FALSE(memory.borrowed().still_current(*early));
  EXPECT_TRUE(memory.borrowed().still_current(*late));
  EXPECT_EQ(pool.next_expiry(), kStart + kLease + 10ms);
  EXPECT_EQ(pool.buffers_free(), 3u);
  EXPECT_EQ(pool.counters().reclaimed, 1u);
}

TEST_F(Pool, IgnoresAndCountsAReturnThatComesAfterTheLease) {
  Borrower borrower(pool, 1);
  const auto buffer = pool.lend(filled(1, 1), borrower, kStart);
  pool.expire(kStart + kLease);
  EXPECT_TRUE(pool.take_back(borrower, return_of(*buffer)));
  EXPECT_EQ(pool.counters().returned_late, 1u);
  EXPECT_EQ(pool.buffers_free(), 4u) << "once, not twice";
  EXPECT_FALSE(pool.take_back(borrower, return_of(*buffer))) << "and owed once, not twice";
}

TEST_F(Pool, LendsNothingNewToWhoOwesReturnsOfReclaimedBuffers) {
  Borrower borrower(pool, 1);
  const auto buffer = pool.lend(filled(1, 1), borrower, kStart);
  pool.expire(kStart + kLease);
  EXPECT_FALSE(pool.lend(filled(1, 2), borrower, kStart + kLease));
  ASSERT_TRUE(pool.take_back(borrower, return_of(*buffer)));
  EXPECT_TRUE(pool.lend(filled(1, 2), borrower, kStart + kLease));
}

TEST_F(Pool, TellsTheGenerationsOfABufferApartInReturns) {
  Borrower borrower(pool, 3);
  const auto old = pool.lend(filled(1, 1), borrower, kStart);
  pool.expire(kStart + kLease);
  const auto fresh = pool.lend(filled(1, 2), borrower, kStart + kLease);
  ASSERT_EQ(old->buffer, fresh->buffer);
  EXPECT_TRUE(pool.take_back(borrower, return_of(*old)));
  EXPECT_TRUE(all(seen(*fresh), 2)) << "the late return took nothing away";
  EXPECT_EQ(pool.buffers_free(), 3u);
  EXPECT_TRUE(pool.take_back(borrower, return_of(*fresh)));
}

TEST_F(Pool, AReaderNoticesThatItsBufferWasTakenAndWrittenAgain) {
  Borrower borrower(pool, 1);
  const auto buffer = pool.lend(filled(100, 1), borrower, kStart);
  const auto reading = seen(*buffer);
  EXPECT_TRUE(all(reading, 1));
  pool.expire(kStart + kLease);
  const Loan next = filled(100, 2);
  EXPECT_TRUE(all(reading, 2)) << "the same place";
  EXPECT_FALSE(memory.borrowed().still_current(*buffer));
  EXPECT_FALSE(*memory.borrowed().view(*buffer)) << "nor can it be seen again";
}

TEST_F(Pool, ABorrowersEndGivesBackAllItHad) {
  Borrower staying(pool, 4);
  {
    Borrower going(pool, 4);
    for (int i = 0; i < 3; ++i) {
      const Loan loan = filled(1, i);
      ASSERT_TRUE(pool.lend(loan, going, kStart));
      if (i == 0) {
        ASSERT_TRUE(pool.lend(loan, staying, kStart));
      }
    }
    EXPECT_EQ(pool.buffers_free(), 1u);
  }
  EXPECT_EQ(pool.buffers_free(), 3u);
  EXPECT_EQ(pool.expire(kStart + kLease), 1u) << "no lease of who went";
}

TEST_F(Pool, CannotBeAskedForMoreOnceRetired) {
  Borrower borrower(pool, 1);
  const auto buffer = pool.lend(filled(100, 0xCC), borrower, kStart);
  pool.retire();
  EXPECT_FALSE(*pool.loan(1));
  EXPECT_TRUE(all(seen(*buffer), 0xCC)) << "what is lent stays until it comes back";
  ASSERT_TRUE(pool.take_back(borrower, return_of(*buffer)));
  EXPECT_TRUE(all(memory.buffer(buffer->buffer), 0));
}

TEST_F(Pool, ZeroesNothingWhileItsAudienceStaysTheSame) {
  Borrower borrower(pool, 1);
  for (int frame = 0; frame < 100; ++frame) {
    const auto buffer = pool.lend(filled(VS_PAGE_BYTES, frame), borrower, kStart);
    ASSERT_TRUE(pool.take_back(borrower, return_of(*buffer)));
  }
  EXPECT_EQ(pool.counters().bytes_zeroed, 0u);
}

// S-13: whoever joins sees the present, and nothing of what was lent before it came.
TEST_F(Pool, RuleS13ANewcomerFindsNoByteOfEarlierLoans) {
  constexpr int kCanary = 0xCA;
  Borrower old(pool, 4);
  for (int round = 0; round < 2; ++round) {
    std::vector<vs_buffer> out;
    for (int i = 0; i < 4; ++i) out.push_back(*pool.lend(filled(VS_PAGE_BYTES, kCanary), old, kStart));
    for (const vs_buffer& buffer : out) ASSERT_TRUE(pool.take_back(old, return_of(buffer)));
  }
  const auto present = pool.lend(filled(100, 1), old, kStart);  // shorter than what lay there
  Loan trimmed = filled(VS_PAGE_BYTES, 2);
  trimmed.trim(50);

  Borrower newcomer(pool, 1);
  for (std::uint32_t index = 0; index < 4; ++index)
    for (const std::byte byte : memory.buffer(index)) ASSERT_NE(byte, std::byte{kCanary}) << "in buffer " << index;
  EXPECT_TRUE(all(seen(*present), 1));
  EXPECT_TRUE(all(memory.buffer(present->buffer).subspan(100), 0)) << "behind the payload";
  EXPECT_TRUE(all(trimmed.bytes(), 2));

  ASSERT_TRUE(pool.take_back(old, return_of(*present)));
  EXPECT_TRUE(all(memory.buffer(present->buffer), 0)) << "what was made for the earlier audience goes when it is back";
}

TEST_F(Pool, RuleS13ZeroesEachWrittenByteOnceHoweverOftenAudiencesChange) {
  filled(VS_PAGE_BYTES, 1);
  for (int i = 0; i < 1000; ++i) Borrower(pool, 1);
  EXPECT_EQ(pool.counters().bytes_zeroed, std::uint64_t{VS_PAGE_BYTES});
}

// S-7: the return is compared with what the borrower owes; nothing else it could say finds anything.
TEST_F(Pool, RuleS7EveryReturnOfWhatIsNotLentIsRefused) {
  Borrower borrower(pool, 4);
  Borrower other(pool, 4);
  const auto mine = pool.lend(filled(1, 1), borrower, kStart);
  const auto others = pool.lend(filled(1, 2), other, kStart);
  const vs_buffer_return right = return_of(*mine);
  const std::uint32_t values[] = {0, 1, 2, 3, 4, 5, 1023, 1024, 0x7fffffff, 0x80000000, 0xffffffff};
  int refused = 0;
  for (const std::uint32_t number : {3u, 0u, 2u, 4u, 0xffffffffu})
    for (const std::uint32_t buffer : values)
      for (const std::uint32_t generation : values)
        for (const std::uint32_t flags : {0u, 1u, 0x80000000u}) {
          const vs_buffer_return back{number, buffer, generation, flags};
          if (number == right.pool && buffer == right.buffer && generation == right.generation && flags == 0) continue;
          const auto taken = pool.take_back(borrower, back);
          ASSERT_FALSE(taken) << number << " " << buffer << " " << generation << " " << flags;
          EXPECT_EQ(taken.error().code, ErrorCode::invalid);
          ++refused;
        }
  EXPECT_EQ(refused, 5 * 11 * 11 * 3 - 1);
  EXPECT_FALSE(pool.take_back(borrower, return_of(*others))) << "lent, but to somebody else";
  EXPECT_EQ(pool.buffers_free(), 2u);
  EXPECT_TRUE(pool.take_back(borrower, right));
  EXPECT_FALSE(pool.take_back(borrower, right)) << "twice";
}

TEST_F(Pool, RuleS7ReturnsOfTheWrongSizeAreNone) {
  const std::array<std::byte, 64> payload{};
  for (std::size_t bytes = 0; bytes <= payload.size(); ++bytes) {
    EXPECT_EQ(read_return(std::span(payload).first(bytes)).has_value(), bytes == sizeof(vs_buffer_return)) << bytes;
    EXPECT_EQ(read_buffer(std::span(payload).first(bytes)).has_value(), bytes >= sizeof(vs_buffer)) << bytes;
  }
}

// The lender's own words are written, never read back.
TEST_F(Pool, BelievesNothingThatStandsInThePool) {
  Borrower borrower(pool, 4);
  const auto buffer = pool.lend(filled(1, 1), borrower, kStart);
  std::memset(memory.bytes().data(), 0xff, memory.bytes().size());
  EXPECT_TRUE(pool.take_back(borrower, return_of(*buffer)));
  const auto next = pool.lend(filled(10, 1), borrower, kStart);
  EXPECT_EQ(next->generation, 2u);
  EXPECT_EQ(pool.buffers_free(), 3u);
}

}  // namespace
}  // namespace vs::test
