// What a lender can write into a pool and into a descriptor, and what both borrowers, C++ and C, make of it: the same, and
// never a byte outside the pool.
#include <cerrno>
#include <cstring>
#include <random>

#include <gtest/gtest.h>

#include "heap_pool.h"

namespace vs::test {
namespace {

class HostileLender : public testing::Test {
 protected:
  // True when both accept the descriptor; they must agree, and what they accept must lie inside its buffer.
  bool accepted(const vs_buffer& buffer) {
    const auto view = borrowed.view(buffer);
    const void* data = nullptr;
    std::size_t bytes = 0;
    const int status = vs_borrow_view(&c_borrowed, &buffer, &data, &bytes);
    EXPECT_EQ(status == -EPROTO, !view.has_value());
    if (!view) return false;
    EXPECT_EQ(status == -ESTALE, !view->has_value());
    EXPECT_EQ(borrowed.still_current(buffer), status == 0);
    EXPECT_EQ(vs_borrow_still_current(&c_borrowed, &buffer), status == 0);
    if (!*view) return true;
    EXPECT_EQ((*view)->data(), static_cast<const std::byte*>(data));
    EXPECT_EQ((*view)->size(), bytes);
    const auto whole = memory.buffer(buffer.buffer);
    EXPECT_GE((*view)->data(), whole.data());
    EXPECT_LE((*view)->data() + (*view)->size(), whole.data() + whole.size());
    return true;
  }

  HeapPool memory{kFourPages};
  BufferPool pool{memory.bytes(), memory.header(), std::chrono::seconds(1)};
  BorrowedPool borrowed = memory.borrowed();
  vs_borrowed_pool c_borrowed = memory.c_borrowed();
};

// Every combination of the values at which a comparison can tip over, against arithmetic that cannot overflow.
TEST_F(HostileLender, RuleS7OffsetsAndLengthsAreJudgedWithoutOverflow) {
  const std::uint64_t page = VS_PAGE_BYTES;
  const std::uint64_t values[] = {0,          1,          page - 1,       page,           page + 1,       2 * page,
                                  0x7fffffff, 0x80000000, 0xffffffff,     0x100000000,    0x100000001,    0x7fffffffffffffff,
                                  1ull << 63, ~0ull - page, ~0ull - page + 1, ~0ull - page + 2, ~0ull - 1,    ~0ull};
  int inside = 0;
  for (const std::uint64_t offset : values)
    for (const std::uint64_t bytes : values) {
      const vs_buffer buffer{.pool = 3, .buffer = 3, .generation = 1, .flags = 0, .offset = offset, .bytes = bytes};
      const bool fits = static_cast<unsigned __int128>(offset) + bytes <= page;
      EXPECT_EQ(accepted(buffer), fits) << offset << " + " << bytes;
      inside += fits ? 1 : 0;
    }
  EXPECT_EQ(inside, 4 + 3 + 2 + 1);
}

TEST_F(HostileLender, RuleS7BuffersPoolsAndFlagsThatAreNotAreRefused) {
  for (const std::uint32_t index : {0u, 3u, 4u, 5u, 1023u, 1024u, 0x02000000u, 0x80000000u, 0xffffffffu})
    for (const std::uint32_t number : {3u, 0u, 4u, 0xffffffffu})
      for (const std::uint32_t flags : {0u, 1u, 0x80000000u}) {
        const vs_buffer buffer{.pool = number, .buffer = index, .generation = 1, .flags = flags, .offset = 0, .bytes = 16};
        EXPECT_EQ(accepted(buffer), index < 4 && number == 3 && flags == 0) << index << " " << number << " " << flags;
      }
}

TEST_F(HostileLender, RuleS7AnotherGenerationIsNotSeen) {
  for (const std::uint32_t generation : {0u, 2u, 0x7fffffffu, 0x80000001u, 0xffffffffu}) {
    const vs_buffer buffer{.pool = 3, .buffer = 0, .generation = generation, .flags = 0, .offset = 0, .bytes = 16};
    EXPECT_TRUE(accepted(buffer));
    EXPECT_FALSE(*borrowed.view(buffer)) << generation;
  }
}

TEST_F(HostileLender, StillCurrentIsSafeToAskOfAnyDescriptor) {
  for (const std::uint32_t index : {4u, 1024u, 0xffffffffu}) {
    const vs_buffer buffer{.pool = 3, .buffer = index, .generation = 1};
    EXPECT_FALSE(borrowed.still_current(buffer));
    EXPECT_FALSE(vs_borrow_still_current(&c_borrowed, &buffer));
  }
}

TEST_F(HostileLender, WritingTheHeaderAfterwardsChangesNothing) {
  std::memset(memory.bytes().data(), 0xff, VS_PAGE_BYTES);
  const vs_buffer buffer{.pool = 3, .buffer = 3, .generation = 1, .flags = 0, .offset = 0, .bytes = VS_PAGE_BYTES};
  EXPECT_TRUE(accepted(buffer));
  EXPECT_TRUE(*borrowed.view(buffer));
  EXPECT_FALSE(BorrowedPool::attach(memory.bytes()));
}

// Each field turned into each kind of nonsense: refused alike, or a pool that really is in bounds.
TEST(HostilePoolHeader, EveryFieldIsJudgedAlikeInBothLanguages) {
  const vs_pool_header good = make_pool_header(kFourPages);
  ASSERT_TRUE(judge_pool_header(good, good.bytes));
  ASSERT_EQ(vs_judge_pool_header(&good, good.bytes), 0);
  EXPECT_FALSE(judge_pool_header(good, good.bytes - 1));
  int refused = 0;
  const std::uint64_t values[] = {0,          1,          127,         4096,       4097,       8192,
                                  12288,      0x10000,    0x7fffffff,  0x80000000, 0xfffff000, 0xffffffff,
                                  1ull << 32, 1ull << 52, 0x7ffffffffffff000, 0xfffffffffffff000, 0xfffffffffffff001, ~0ull};
  for (std::size_t at = 0; at < sizeof good; at += 4)
    for (const std::size_t width : {4u, 8u})
      for (const std::uint64_t value : values) {
        if (at + width > sizeof good) continue;
        vs_pool_header header = good;
        std::memcpy(reinterpret_cast<char*>(&header) + at, &value, width);
        const bool fits = judge_pool_header(header, good.bytes).has_value();
        EXPECT_EQ(vs_judge_pool_header(&header, good.bytes) == 0, fits) << "field at " << at << " value " << value;
        refused += fits ? 0 : 1;
        if (!fits) continue;
        const auto end_of = [](std::uint64_t offset, std::uint64_t count, std::uint64_t bytes) {
          return static_cast<unsigned __int128>(offset) + static_cast<unsigned __int128>(count) * bytes;
        };
        EXPECT_LE(end_of(header.buffers_offset, header.buffer_count, header.buffer_bytes), good.bytes);
        EXPECT_LE(end_of(header.generations_offset, header.buffer_count, VS_LINE_BYTES), good.bytes);
        EXPECT_GE(header.buffers_offset, std::uint64_t{VS_PAGE_BYTES});
        EXPECT_GE(header.generations_offset, std::uint64_t{VS_PAGE_BYTES});
      }
  EXPECT_GT(refused, 200);
}

TEST(HostilePoolHeader, PartsMayNotOverlapNorTheHeaderPage) {
  const vs_pool_header good = make_pool_header(kFourPages);
  for (std::uint64_t generations = 0; generations < good.bytes; generations += VS_PAGE_BYTES) {
    vs_pool_header header = good;
    header.generations_offset = generations;
    const bool apart = generations == VS_PAGE_BYTES;  // everything behind it is buffers
    EXPECT_EQ(judge_pool_header(header, good.bytes).has_value(), apart) << generations;
    EXPECT_EQ(vs_judge_pool_header(&header, good.bytes) == 0, apart) << generations;
  }
}

TEST(HostilePoolHeader, MemoryBelowAPageIsNoPool) {
  HeapPool memory(kFourPages);
  EXPECT_FALSE(BorrowedPool::attach(memory.bytes().first(VS_PAGE_BYTES - 1)));
  vs_borrowed_pool pool;
  EXPECT_EQ(vs_borrow_attach(&pool, memory.c_bytes(), VS_PAGE_BYTES - 1), -EPROTO);
}

// Random memory and random descriptors: the two borrowers agree, and stay inside.
TEST_F(HostileLender, RandomPoolsAreJudgedAlikeInBothLanguages) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 100'000; ++round) {
    memory.generation(random() % 4) = static_cast<std::uint32_t>(random() % 3);
    vs_buffer buffer{.pool = 3,
                     .buffer = static_cast<std::uint32_t>(random() % 6),
                     .generation = static_cast<std::uint32_t>(random() % 3),
                     .flags = 0,
                     .offset = random() % (2 * VS_PAGE_BYTES),
                     .bytes = random() % (2 * VS_PAGE_BYTES)};
    if (random() % 8 == 0) reinterpret_cast<unsigned char*>(&buffer)[random() % sizeof buffer] = random() & 0xff;
    accepted(buffer);
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace vs::test
