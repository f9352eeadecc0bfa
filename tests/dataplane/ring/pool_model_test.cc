// Random deeds against a pool and against a model that is nothing but lists: the two agree after each, so no reference leaks
// and no byte changes under a borrower whose lease lasts.
#include <chrono>
#include <deque>
#include <map>
#include <random>
#include <tuple>

#include <gtest/gtest.h>

#include "heap_pool.h"

namespace vs::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kLease = 100ms;
constexpr std::size_t kBorrowers = 5;
constexpr std::uint32_t kHeldMax = 3;
constexpr PoolShape kSixPages{.pool = 9, .buffer_count = 6, .buffer_bytes = VS_PAGE_BYTES};

// What the model knows of one descriptor that was not returned yet.
struct Lent {
  std::size_t borrower;
  vs_buffer buffer;
  BufferPool::TimePoint ends;
  bool over;
  int value;  // what the bytes are filled with
};

// A loan in the hand of the lender.
struct Held {
  Loan loan;
  std::uint32_t buffer;
  int value;
};

class PoolModel : public testing::TestWithParam<int> {
 protected:
  PoolModel() {
    for (std::size_t i = 0; i < kBorrowers; ++i) borrowers.push_back(std::make_unique<Borrower>(pool, kHeldMax));
  }

  std::size_t pick(std::size_t below) { return random() % below; }

  bool out(std::uint32_t buffer) const {
    for (const Held& one : held)
      if (one.buffer == buffer) return true;
    for (const Lent& one : lent)
      if (!one.over && one.buffer.buffer == buffer) return true;
    return false;
  }
  std::size_t buffers_out() const {
    std::size_t count = 0;
    for (std::uint32_t buffer = 0; buffer < kSixPages.buffer_count; ++buffer) count += out(buffer) ? 1 : 0;
    return count;
  }
  std::size_t owed_by(std::size_t borrower) const {
    return static_cast<std::size_t>(
        std::count_if(lent.begin(), lent.end(), [&](const Lent& one) { return one.borrower == borrower; }));
  }

  void loan() {
    const bool possible = buffers_out() < kSixPages.buffer_count;
    auto got = pool.loan(pick(VS_PAGE_BYTES + 1));
    ASSERT_TRUE(got);
    ASSERT_EQ(got->has_value(), possible);
    if (!possible) return;
    Loan& made = **got;
    const auto buffer = static_cast<std::uint32_t>((made.bytes().data() - memory.buffer(0).data()) / VS_PAGE_BYTES);
    ASSERT_FALSE(out(buffer)) << "lent twice";
    const int value = static_cast<int>(pick(256));
    fill(made.bytes(), value);
    held.push_back({std::move(made), buffer, value});
  }
  void lend() {
    if (held.empty()) return;
    Held& one = held[pick(held.size())];
    const std::size_t to = pick(kBorrowers);
    bool possible = owed_by(to) < kHeldMax;
    for (const Lent& other : lent)
      if (other.borrower == to && other.buffer.buffer == one.buffer &&
          other.buffer.generation == memory.generation(one.buffer))
        possible = false;
    const auto buffer = pool.lend(one.loan, *borrowers[to], now);
    ASSERT_EQ(buffer.has_value(), possible);
    if (buffer) lent.push_back({to, *buffer, now + kLease, false, one.value});
  }
  void drop() {
    if (!held.empty()) held.erase(held.begin() + static_cast<std::ptrdiff_t>(pick(held.size())));
  }
  void return_one() {
    if (lent.empty()) return;
    const std::size_t which = pick(lent.size());
    const Lent one = lent[which];
    const auto counted = pool.counters();
    ASSERT_TRUE(pool.take_back(*borrowers[one.borrower], return_of(one.buffer)));
    EXPECT_EQ(pool.counters().returned_late - counted.returned_late, one.over ? 1u : 0u);
    lent.erase(lent.begin() + static_cast<std::ptrdiff_t>(which));
  }
  // Nonsense, or the truth about somebody else's descriptor.
  void lie() {
    const std::size_t from = pick(kBorrowers);
    vs_buffer_return back{kSixPages.pool, static_cast<std::uint32_t>(pick(8)), static_cast<std::uint32_t>(pick(50)), 0};
    if (!lent.empty() && pick(2) == 0) back = return_of(lent[pick(lent.size())].buffer);
    for (const Lent& one : lent)
      if (one.borrower == from && one.buffer.buffer == back.buffer && one.buffer.generation == back.generation) return;
    ASSERT_FALSE(pool.take_back(*borrowers[from], back));
  }
  void expire() {
    now += std::chrono::milliseconds(pick(40));
    std::size_t due = 0;
    for (Lent& one : lent)
      if (!one.over && one.ends <= now) {
        one.over = true;
        ++due;
      }
    ASSERT_EQ(pool.expire(now), due);
  }
  void end() {
    const std::size_t which = pick(kBorrowers);
    std::erase_if(lent, [&](const Lent& one) { return one.borrower == which; });
    if (pick(2) == 0)
      pool.end(*borrowers[which]);
    else
      borrowers[which].reset(), borrowers[which] = std::make_unique<Borrower>(pool, kHeldMax);
  }

  void compare() {
    ASSERT_EQ(pool.buffers_free(), kSixPages.buffer_count - buffers_out());
    for (std::size_t i = 0; i < kBorrowers; ++i) ASSERT_EQ(borrowers[i]->borrowed(), owed_by(i));
    const BorrowedPool reader = memory.borrowed();
    for (const Lent& one : lent) {
      const auto view = reader.view(one.buffer);
      ASSERT_TRUE(view);
      if (!one.over) {
        ASSERT_TRUE(*view);
        ASSERT_TRUE(all(**view, one.value));
        ASSERT_TRUE(reader.still_current(one.buffer));
      } else if (!out(one.buffer.buffer)) {
        ASSERT_FALSE(*view) << "of a buffer that is free again";
      }
    }
    std::optional<BufferPool::TimePoint> next;
    for (const Lent& one : lent)
      if (!one.over && (!next || one.ends < *next)) next = one.ends;
    ASSERT_EQ(pool.next_expiry(), next);
  }

  HeapPool memory{kSixPages};
  BufferPool pool{memory.bytes(), memory.header(), kLease};
  std::vector<std::unique_ptr<Borrower>> borrowers;
  std::vector<Held> held;
  std::vector<Lent> lent;
  BufferPool::TimePoint now{1h};
  std::mt19937_64 random{static_cast<std::uint64_t>(GetParam())};
};

TEST_P(PoolModel, AgreesWithThePoolAfterEveryDeed) {
  for (int step = 0; step < 4000 && !HasFatalFailure(); ++step) {
    SCOPED_TRACE(step);
    switch (pick(16)) {
      case 0: case 1: case 2: loan(); break;
      case 3: case 4: case 5: case 6: lend(); break;
      case 7: case 8: drop(); break;
      case 9: case 10: case 11: return_one(); break;
      case 12: case 13: lie(); break;
      case 14: expire(); break;
      default:
        if (pick(8) == 0) end();
        break;
    }
    ASSERT_NO_FATAL_FAILURE(compare());
  }
  held.clear();
  borrowers.clear();
  EXPECT_EQ(pool.buffers_free(), kSixPages.buffer_count);
  EXPECT_FALSE(pool.next_expiry());
  const PoolCounters& counted = pool.counters();
  EXPECT_GT(counted.lent, 200u);
  EXPECT_GT(counted.returned, 50u);
  EXPECT_GT(counted.reclaimed, 20u);
  EXPECT_GT(counted.returned_late, 10u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PoolModel, testing::Range(1, 13));

}  // namespace
}  // namespace vs::test
