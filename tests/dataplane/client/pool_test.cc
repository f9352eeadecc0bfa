// The client's pools: a guest that lends to its backend and borrows from it; and the C lender against the C++ one.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "tests/dataplane/ring/heap_pool.h"
#include "tests/dataplane/ring/heap_ring.h"

namespace vs::test {
namespace {

class Lender : public testing::Test {
 protected:
  Lender() { EXPECT_EQ(vs_lender_start(&lender, memory.c_bytes(), &memory.header(), 2), 0); }
  ~Lender() override { vs_lender_stop(&lender); }

  // Lends a loan of `bytes` that are all `with`, and keeps nothing of it.
  vs_buffer lend(std::size_t bytes, int with) {
    vs_loan loan{};
    EXPECT_EQ(vs_lender_loan(&lender, bytes, &loan), 1);
    std::memset(loan.data, with, bytes);
    vs_buffer buffer{};
    EXPECT_EQ(vs_lender_lend(&lender, &loan, &buffer), 1);
    vs_lender_drop(&lender, &loan);
    return buffer;
  }
  int take_back(const vs_buffer& buffer) {
    const vs_buffer_return back = return_of(buffer);
    return vs_lender_take_back(&lender, &back);
  }

  HeapPool memory{kFourPages};
  vs_lender lender{};
};

TEST_F(Lender, HandsAFrameToTheBackend) {
  const vs_buffer buffer = lend(1000, 7);
  const BorrowedPool node = memory.borrowed();
  const auto view = node.view(buffer);
  ASSERT_TRUE(view && *view);
  EXPECT_EQ((*view)->size(), 1000u);
  EXPECT_TRUE(all(**view, 7));
  EXPECT_TRUE(node.still_current(buffer));
  EXPECT_EQ(take_back(buffer), 0);
  EXPECT_FALSE(node.still_current(buffer));
  EXPECT_EQ(lender.free_count, 4u);
}

TEST_F(Lender, LendsTheBackendNoMoreThanItMayHave) {
  const vs_buffer first = lend(1, 1);
  lend(1, 2);
  vs_loan loan{};
  ASSERT_EQ(vs_lender_loan(&lender, 1, &loan), 1);
  vs_buffer buffer{};
  EXPECT_EQ(vs_lender_lend(&lender, &loan, &buffer), 0);
  ASSERT_EQ(take_back(first), 0);
  EXPECT_EQ(vs_lender_lend(&lender, &loan, &buffer), 1);
  EXPECT_EQ(vs_lender_lend(&lender, &loan, &buffer), 0) << "it has this one";
}

TEST_F(Lender, HasRoomOrSaysHowItHasNone) {
  vs_loan loan{};
  EXPECT_EQ(vs_lender_loan(&lender, VS_PAGE_BYTES + 1, &loan), -EMSGSIZE);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(vs_lender_loan(&lender, VS_PAGE_BYTES, &loan), 1);
  EXPECT_EQ(vs_lender_loan(&lender, 1, &loan), 0);
}

TEST_F(Lender, HasAllItsBuffersAgainWhenTheBackendIsGone) {
  const vs_buffer first = lend(1, 1);
  lend(1, 2);
  vs_lender_end(&lender);
  EXPECT_EQ(lender.free_count, 4u);
  EXPECT_EQ(take_back(first), -EPROTO) << "of the session that is over";
}

TEST_F(Lender, DropsALoanOnce) {
  vs_loan loan{};
  ASSERT_EQ(vs_lender_loan(&lender, 1, &loan), 1);
  vs_lender_drop(&lender, &loan);
  vs_lender_drop(&lender, &loan);
  EXPECT_EQ(lender.free_count, 4u);
}

TEST_F(Lender, RuleS7EveryReturnOfWhatIsNotLentIsRefused) {
  const vs_buffer_return right = return_of(lend(1, 1));
  const std::uint32_t values[] = {0, 1, 2, 3, 4, 5, 1024, 0x7fffffff, 0x80000000, 0xffffffff};
  for (const std::uint32_t number : {3u, 0u, 4u, 0xffffffffu})
    for (const std::uint32_t buffer : values)
      for (const std::uint32_t generation : values)
        for (const std::uint32_t flags : {0u, 1u, 0x80000000u}) {
          const vs_buffer_return back{number, buffer, generation, flags};
          if (std::memcmp(&back, &right, sizeof back) == 0) continue;
          ASSERT_EQ(vs_lender_take_back(&lender, &back), -EPROTO) << number << " " << buffer << " " << generation;
        }
  EXPECT_EQ(vs_lender_take_back(&lender, &right), 0);
  EXPECT_EQ(vs_lender_take_back(&lender, &right), -EPROTO) << "twice";
}

TEST(LenderMemory, CanOnlyBeReadByWhoGetsIt) {
  vs_pool_header header;
  ASSERT_EQ(vs_make_pool_header(1, 4, 100'000, &header), 0);
  vs_lender lender;
  ASSERT_EQ(vs_lender_make(&lender, &header, 2), 0);
  EXPECT_EQ(::mmap(nullptr, header.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, lender.fd, 0), MAP_FAILED);
  EXPECT_NE(::ftruncate(lender.fd, 0), 0);
  vs_borrowed_pool pool;
  ASSERT_EQ(vs_borrow_map(&pool, lender.fd, VS_POOL_BYTES_MAX), 0);
  vs_loan loan{};
  vs_buffer buffer{};
  ASSERT_EQ(vs_lender_loan(&lender, 100'000, &loan), 1);
  std::memset(loan.data, 5, loan.bytes);
  ASSERT_EQ(vs_lender_lend(&lender, &loan, &buffer), 1);
  const void* data = nullptr;
  std::size_t bytes = 0;
  ASSERT_EQ(vs_borrow_view(&pool, &buffer, &data, &bytes), 0);
  EXPECT_TRUE(all({static_cast<const std::byte*>(data), bytes}, 5));
  vs_borrow_unmap(&pool);
  vs_lender_stop(&lender);
  EXPECT_EQ(vs_borrow_map(&pool, -1, VS_POOL_BYTES_MAX), -EPROTO);
}

TEST(LenderMemory, RuleS15WhatIsNotSealedIsNotBorrowed) {
  vs_pool_header header;
  ASSERT_EQ(vs_make_pool_header(1, 1, 1, &header), 0);
  const int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
  for (const int missing : {0, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL}) {
    const UniqueFd memory(::memfd_create("test", MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(memory.get(), static_cast<off_t>(header.bytes)), 0);
    ASSERT_EQ(::pwrite(memory.get(), &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
    ASSERT_EQ(::fcntl(memory.get(), F_ADD_SEALS, needed & ~missing), 0);
    vs_borrowed_pool pool;
    EXPECT_EQ(vs_borrow_map(&pool, memory.get(), VS_POOL_BYTES_MAX), missing == 0 ? 0 : -EPROTO) << missing;
    if (missing == 0) {
      vs_borrow_unmap(&pool);
      EXPECT_EQ(vs_borrow_map(&pool, memory.get(), header.bytes - 1), -EPROTO) << "larger than we allow";
    }
  }
}

TEST(PoolTwins, MakeTheSameHeadersAndRefuseWhatIsOutOfRange) {
  for (const std::uint32_t count : {1u, 2u, 31u, 32u, 33u, 1024u})
    for (const std::uint64_t bytes : {1u, 4095u, 4096u, 4097u, 300'000u, 4'000'000u}) {
      const vs_pool_header made = make_pool_header({.pool = 5, .buffer_count = count, .buffer_bytes = bytes});
      vs_pool_header c_made;
      ASSERT_EQ(vs_make_pool_header(5, count, bytes, &c_made), 0);
      EXPECT_EQ(std::memcmp(&made, &c_made, sizeof made), 0);
      EXPECT_TRUE(judge_pool_header(made, made.bytes));
    }
  vs_pool_header header;
  for (const std::uint32_t count : {0u, 1025u, 0xffffffffu}) EXPECT_EQ(vs_make_pool_header(1, count, 1, &header), -EINVAL);
  for (const std::uint64_t bytes : {std::uint64_t{0}, VS_POOL_BYTES_MAX, VS_POOL_BYTES_MAX + 1, ~std::uint64_t{0}})
    EXPECT_EQ(vs_make_pool_header(1, 2, bytes, &header), -EINVAL) << bytes;
}

// Both lenders, side by side.
struct Twins {
  static constexpr std::uint32_t kLentMax = 3;

  Twins() { EXPECT_EQ(vs_lender_start(&lender, in_c.c_bytes(), &in_c.header(), kLentMax), 0); }
  ~Twins() { vs_lender_stop(&lender); }

  void loan(std::size_t bytes, int value) {
    auto made = pool.loan(bytes);
    vs_loan c_made{};
    const int status = vs_lender_loan(&lender, bytes, &c_made);
    ASSERT_EQ(status == -EMSGSIZE, !made.has_value());
    if (!made) return;
    ASSERT_EQ(status == 1, made->has_value());
    if (!*made) return;
    fill((*made)->bytes(), value);
    std::memset(c_made.data, value, c_made.bytes);
    loans.push_back(std::move(**made));
    c_loans.push_back(c_made);
  }
  void lend(std::size_t which) {
    const auto buffer = pool.lend(loans[which], borrower, {});
    vs_buffer c_buffer{};
    ASSERT_EQ(vs_lender_lend(&lender, &c_loans[which], &c_buffer) == 1, buffer.has_value());
    if (!buffer) return;
    ASSERT_EQ(std::memcmp(&*buffer, &c_buffer, sizeof c_buffer), 0);
    lent.push_back(*buffer);
  }
  void drop(std::size_t which) {
    loans.erase(loans.begin() + static_cast<std::ptrdiff_t>(which));
    vs_lender_drop(&lender, &c_loans[which]);
    c_loans.erase(c_loans.begin() + static_cast<std::ptrdiff_t>(which));
  }
  void take_back(const vs_buffer_return& back) {
    const bool taken = pool.take_back(borrower, back).has_value();
    ASSERT_EQ(vs_lender_take_back(&lender, &back) == 0, taken);
  }
  void compare() {
    ASSERT_EQ(pool.buffers_free(), lender.free_count);
    ASSERT_EQ(borrower.borrowed(), lender.lent_count);
    ASSERT_EQ(std::memcmp(in_cpp.bytes().data(), in_c.bytes().data(), in_c.bytes().size()), 0);
  }

  HeapPool in_cpp{kFourPages};
  HeapPool in_c{kFourPages};
  BufferPool pool{in_cpp.bytes(), in_cpp.header(), std::chrono::hours(1)};
  Borrower borrower{pool, kLentMax};
  vs_lender lender{};
  std::vector<Loan> loans;
  std::vector<vs_loan> c_loans;
  std::vector<vs_buffer> lent;  // the right returns of some are long past
};

// The same deeds by both lenders leave the same bytes and the same answers, at every step.
TEST(PoolTwins, LeaveTheSameBytes) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 60; ++round) {
    Twins twins;
    for (int step = 0; step < 500; ++step) {
      SCOPED_TRACE(step);
      const std::size_t any = random();
      switch (random() % 4) {
        case 0: twins.loan(any % (VS_PAGE_BYTES + 10), static_cast<int>(random() % 256)); break;
        case 1: if (!twins.loans.empty()) twins.lend(any % twins.loans.size()); break;
        case 2: if (!twins.loans.empty()) twins.drop(any % twins.loans.size()); break;
        default:
          if (!twins.lent.empty() && random() % 4 != 0)
            twins.take_back(return_of(twins.lent[twins.lent.size() - 1 - any % std::min<std::size_t>(4, twins.lent.size())]));
          else
            twins.take_back({.pool = 3, .buffer = static_cast<std::uint32_t>(any % 6), .generation = 1, .flags = 0});
      }
      ASSERT_NO_FATAL_FAILURE(twins.compare());
    }
    twins.pool.end(twins.borrower);
    vs_lender_end(&twins.lender);
    ASSERT_NO_FATAL_FAILURE(twins.compare());
  }
}

// A guest thread and a backend thread; each frame is read whole before it goes back.
TEST(PoolThreads, TenThousandFramesArriveWholeAndComeBack) {
  constexpr std::uint64_t kFrames = 10'000;
  HeapRegion there(kSmall);
  HeapRegion back(kSmall);
  HeapPool memory(kFourPages);
  std::thread backend([&] {
    RingConsumer frames = there.consumer();
    RingProducer returns = back.producer();
    const BorrowedPool pool = memory.borrowed();
    std::vector<std::byte> into(frames.payload_bytes_max());
    for (std::uint64_t frame = 0; frame < kFrames;) {
      const auto taken = frames.take(into);
      frames.release();
      if (!*taken) {
        std::this_thread::yield();
        continue;
      }
      const auto buffer = read_buffer((*taken)->payload);
      const auto view = pool.view(*buffer);
      EXPECT_TRUE(view && *view && all(**view, static_cast<int>(frame % 256)));
      EXPECT_TRUE(pool.still_current(*buffer));
      const vs_buffer_return returned = return_of(*buffer);
      EXPECT_TRUE(*returns.push(VS_RECORD_RETURN, (*taken)->cookie, {std::as_bytes(std::span(&returned, 1))}));
      returns.publish();
      ++frame;
    }
  });
  vs_producer frames = there.c_producer();
  vs_consumer returns = back.c_consumer();
  vs_lender lender;
  ASSERT_EQ(vs_lender_start(&lender, memory.c_bytes(), &memory.header(), 3), 0);
  unsigned char into[512];
  std::uint64_t sent = 0;
  for (std::uint64_t returned = 0; returned < kFrames;) {
    vs_loan loan{};
    if (sent < kFrames && lender.lent_count < lender.lent_max && vs_lender_loan(&lender, 1 + sent % VS_PAGE_BYTES, &loan) == 1) {
      std::memset(loan.data, static_cast<int>(sent % 256), loan.bytes);
      vs_buffer buffer{};
      EXPECT_EQ(vs_lender_lend(&lender, &loan, &buffer), 1);
      vs_lender_drop(&lender, &loan);
      EXPECT_EQ(vs_producer_push(&frames, VS_RECORD_BUFFER, sent++, &buffer, sizeof buffer, nullptr, 0), 1);
      vs_producer_publish(&frames);
      continue;
    }
    vs_taken taken{};
    const int took = vs_consumer_take(&returns, into, &taken);
    vs_consumer_release(&returns);
    if (took != 1) {
      std::this_thread::yield();
      continue;
    }
    vs_buffer_return one{};
    EXPECT_EQ(vs_read_return(into, taken.payload_bytes, &one), 0);
    EXPECT_EQ(vs_lender_take_back(&lender, &one), 0);
    EXPECT_EQ(taken.cookie, returned++);
  }
  backend.join();
  EXPECT_EQ(lender.free_count, 4u);
  vs_lender_stop(&lender);
}

}  // namespace
}  // namespace vs::test
