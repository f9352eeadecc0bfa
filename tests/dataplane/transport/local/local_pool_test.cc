// Pools in sealed memory: what their borrowers cannot do to them, what is not accepted as one, and frames between processes.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include <gtest/gtest.h>

#include "dataplane/ring/consumer.h"
#include "dataplane/ring/producer.h"
#include "dataplane/transport/local/local_pool.h"
#include "dataplane/transport/local/local_region.h"

extern "C" {
#include "dataplane/client/pool.h"
#include "dataplane/client/ring.h"
}

namespace vs {
namespace {

using namespace std::chrono_literals;

constexpr PoolShape kShape{.pool = 1, .buffer_count = 4, .buffer_bytes = 300'000};
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

TEST(LocalPool, CannotBeChangedByWhoGetsItsDescriptor) {
  const auto pool = LocalPool::create(kShape);
  ASSERT_TRUE(pool) << pool.error().message;
  const std::size_t bytes = pool->header().bytes;
  const int memory = pool->memory();
  EXPECT_EQ(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0), MAP_FAILED);
  void* readable = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, memory, 0);
  ASSERT_NE(readable, MAP_FAILED);
  EXPECT_NE(::mprotect(readable, bytes, PROT_READ | PROT_WRITE), 0);
  ::munmap(readable, bytes);
  EXPECT_LT(::pwrite(memory, "x", 1, VS_PAGE_BYTES), 0);
  EXPECT_NE(::ftruncate(memory, 0), 0);
  EXPECT_NE(::ftruncate(memory, static_cast<off_t>(bytes * 2)), 0);
  EXPECT_NE(::fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, VS_PAGE_BYTES), 0);
  EXPECT_NE(::fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE), 0) << "no further seals either";
}

TEST(LocalPool, StaysWritableForItsLender) {
  const auto memory = LocalPool::create(kShape);
  ASSERT_TRUE(memory);
  BufferPool pool(memory->bytes(), memory->header(), 1s);
  Borrower borrower(pool, 1);
  const auto reader = LocalBorrowedPool::attach(memory->memory(), VS_POOL_BYTES_MAX);
  ASSERT_TRUE(reader) << reader.error().message;
  auto loan = pool.loan(300'000);
  std::memset((*loan)->bytes().data(), 9, 300'000);
  const auto buffer = pool.lend(**loan, borrower, {});
  const auto view = reader->pool().view(*buffer);
  ASSERT_TRUE(view && *view);
  EXPECT_EQ((*view)->size(), 300'000u);
  EXPECT_EQ((*view)->back(), std::byte{9});
}

TEST(LocalPool, HasItsHeaderReadOnlyEvenHere) {
  const auto pool = LocalPool::create(kShape);
  ASSERT_TRUE(pool);
  EXPECT_DEATH(*reinterpret_cast<volatile char*>(pool->bytes().data()) = 1, "");
}

// Memory with a pool's header and these seals.
UniqueFd sealed(int seals, const vs_pool_header& header, std::uint64_t bytes) {
  UniqueFd memory(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(::ftruncate(memory.get(), static_cast<off_t>(bytes)), 0);
  EXPECT_EQ(::pwrite(memory.get(), &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
  EXPECT_EQ(::fcntl(memory.get(), F_ADD_SEALS, seals), 0);
  return memory;
}

bool attaches(int memory, std::uint64_t bytes_max = VS_POOL_BYTES_MAX) {
  const auto pool = LocalBorrowedPool::attach(memory, bytes_max);
  vs_borrowed_pool c_pool;
  const bool in_c = vs_borrow_map(&c_pool, memory, bytes_max) == 0;
  if (in_c) vs_borrow_unmap(&c_pool);
  EXPECT_EQ(pool.has_value(), in_c);
  EXPECT_TRUE(pool || pool.error().code == ErrorCode::invalid) << pool.error().message;
  return pool.has_value();
}

TEST(LocalBorrowedPool, RuleS15TakesOnlyMemoryThatCanNeitherShrinkNorGrowNorBeWritten) {
  const vs_pool_header header = make_pool_header(kShape);
  EXPECT_TRUE(attaches(sealed(kSeals, header, header.bytes).get()));
  for (const int missing : {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL})
    EXPECT_FALSE(attaches(sealed(kSeals & ~missing, header, header.bytes).get())) << missing;
}

TEST(LocalBorrowedPool, RuleS15TakesNoOtherKindOfDescriptor) {
  const vs_pool_header header = make_pool_header(kShape);
  std::string name = "/tmp/vs-pool-XXXXXX";
  const UniqueFd file(::mkstemp(name.data()));
  std::filesystem::remove(name);
  ASSERT_EQ(::ftruncate(file.get(), static_cast<off_t>(header.bytes)), 0);
  ASSERT_EQ(::pwrite(file.get(), &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
  EXPECT_FALSE(attaches(file.get()));
  const UniqueFd zeros(::open("/dev/zero", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(attaches(zeros.get()));
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_FALSE(attaches(ends[0]));
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_FALSE(attaches(-1));
}

TEST(LocalBorrowedPool, TakesNoPoolThatIsLargerThanItsMemoryOrThanAllowed) {
  const vs_pool_header header = make_pool_header(kShape);
  EXPECT_FALSE(attaches(sealed(kSeals, header, header.bytes - 1).get()));
  EXPECT_FALSE(attaches(sealed(kSeals, header, VS_PAGE_BYTES).get()));
  EXPECT_FALSE(attaches(sealed(kSeals, header, sizeof header).get()));
  const UniqueFd right = sealed(kSeals, header, header.bytes);
  EXPECT_TRUE(attaches(right.get(), header.bytes));
  EXPECT_FALSE(attaches(right.get(), header.bytes - 1));
}

TEST(LocalBorrowedPool, ReadsWhatAGuestLendsOutOfItsOwnMemory) {
  vs_pool_header header;
  ASSERT_EQ(vs_make_pool_header(7, 2, 100'000, &header), 0);
  vs_lender guests;
  ASSERT_EQ(vs_lender_make(&guests, &header, 1), 0);
  const auto node = LocalBorrowedPool::attach(guests.fd, header.bytes);
  ASSERT_TRUE(node) << node.error().message;
  vs_loan loan{};
  vs_buffer buffer{};
  ASSERT_EQ(vs_lender_loan(&guests, 100'000, &loan), 1);
  std::memset(loan.data, 6, loan.bytes);
  ASSERT_EQ(vs_lender_lend(&guests, &loan, &buffer), 1);
  vs_lender_stop(&guests);  // a guest that goes takes nothing away from under the node
  const auto view = node->pool().view(buffer);
  ASSERT_TRUE(view && *view);
  EXPECT_EQ((*view)->size(), 100'000u);
  EXPECT_EQ((*view)->front(), std::byte{6});
  EXPECT_EQ((*view)->back(), std::byte{6});
}

// S-21: who lost its right keeps its mapping; what comes later is in another pool, and of what was lent nothing stays.
TEST(LocalPool, RuleS21ARetiredPoolHoldsNothingForWhoStillMapsIt) {
  const auto old_memory = LocalPool::create(kShape);
  const auto new_memory = LocalPool::create({.pool = 2, .buffer_count = 4, .buffer_bytes = 300'000});
  ASSERT_TRUE(old_memory && new_memory);
  BufferPool old_pool(old_memory->bytes(), old_memory->header(), 1s);
  BufferPool new_pool(new_memory->bytes(), new_memory->header(), 1s);
  const auto revoked = LocalBorrowedPool::attach(old_memory->memory(), VS_POOL_BYTES_MAX);
  ASSERT_TRUE(revoked);
  const auto lend = [](BufferPool& pool, Borrower& borrower) {
    auto loan = pool.loan(300'000);
    std::memset((*loan)->bytes().data(), 0xAB, 300'000);
    return *pool.lend(**loan, borrower, {});
  };
  Borrower staying(old_pool, 2);
  Borrower staying_here(new_pool, 2);
  vs_buffer last{};
  {
    Borrower leaving(old_pool, 2);
    lend(old_pool, leaving);
    last = lend(old_pool, staying);
  }
  old_pool.retire();
  lend(new_pool, staying_here);
  ASSERT_TRUE(old_pool.take_back(staying, return_of(last)));
  EXPECT_EQ(old_pool.buffers_free(), 4u);
  const std::byte* seen = old_memory->bytes().data() + old_memory->header().buffers_offset;
  for (std::size_t at = 0; at < 4 * old_memory->header().buffer_bytes; ++at) ASSERT_EQ(seen[at], std::byte{0}) << at;
}

// ---- two processes ----

constexpr std::size_t kFrameBytesMax = 16'384;

std::size_t frame_bytes(std::uint64_t frame) { return 8 * (1 + frame * 2654435761u % (kFrameBytesMax / 8)); }

void draw(std::uint64_t frame, std::span<std::byte> into) {
  for (std::uint64_t at = 0; at < into.size() / 8; ++at) {
    const std::uint64_t word = frame * 0x9e3779b97f4a7c15u + at;
    std::memcpy(&into[at * 8], &word, 8);
  }
}

bool is_drawn(std::uint64_t frame, const void* data, std::size_t bytes) {
  if (bytes != frame_bytes(frame)) return false;
  for (std::uint64_t at = 0; at < bytes / 8; ++at) {
    std::uint64_t word = 0;
    std::memcpy(&word, static_cast<const std::byte*>(data) + at * 8, 8);
    if (word != frame * 0x9e3779b97f4a7c15u + at) return false;
  }
  return true;
}

void ring(int doorbell) { [[maybe_unused]] const ssize_t sent = ::send(doorbell, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL); }
bool wait_for(int doorbell) {
  char any[16];
  return ::recv(doorbell, any, sizeof any, 0) > 0;
}

// The guest, in C and in a process of its own: 0, or what went wrong. While the leases last, every frame must be whole; when
// they do not, a frame that is not must be known not to be current.
int guest(int region_memory, const vs_region_header& header, int pool_memory, int doorbell, std::uint64_t frames_max,
          bool leases_last) {
  void* region = ::mmap(nullptr, header.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, region_memory, 0);
  if (region == MAP_FAILED) return 1;
  vs_consumer frames;
  vs_producer returns;
  vs_consumer_start(&frames, static_cast<unsigned char*>(region), &header.response);
  vs_producer_start(&returns, static_cast<unsigned char*>(region), &header.request);
  vs_borrowed_pool pool;
  if (vs_borrow_map(&pool, pool_memory, VS_POOL_BYTES_MAX) != 0) return 2;
  std::vector<unsigned char> into(vs_record_payload_max(frames.size));
  for (std::uint64_t frame = 0; frame < frames_max;) {
    vs_taken taken;
    const int took = vs_consumer_take(&frames, into.data(), &taken);
    if (took < 0) return 3;
    vs_consumer_release(&frames);
    if (took == 0) {
      if (vs_consumer_ask(&frames) && !wait_for(doorbell)) return 4;
      continue;
    }
    vs_buffer buffer;
    if (taken.type != VS_RECORD_BUFFER || vs_read_buffer(into.data(), taken.payload_bytes, &buffer) != 0) return 5;
    const void* data = nullptr;
    std::size_t bytes = 0;
    const int seen = vs_borrow_view(&pool, &buffer, &data, &bytes);
    if (seen != 0 && (seen != -ESTALE || leases_last)) return 6;
    const bool whole = seen == 0 && is_drawn(frame, data, bytes);
    const bool current = vs_borrow_still_current(&pool, &buffer);
    if (current != whole && (current || leases_last)) return 7;
    if (leases_last && !current) return 8;
    const vs_buffer_return back = vs_return_of(&buffer);
    if (vs_producer_push(&returns, VS_RECORD_RETURN, taken.cookie, &back, sizeof back, nullptr, 0) != 1) return 9;
    if (vs_producer_publish(&returns)) ring(doorbell);
    ++frame;
  }
  return 0;
}

// The node, and a guest beside it.
class LocalPoolProcesses : public testing::Test {
 protected:
  void start(std::uint64_t frames, bool leases_last) {
    ASSERT_TRUE(region && memory);
    int doorbells[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, doorbells), 0);
    child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(doorbells[0]);
      ::_exit(guest(region->memory(), region->header(), memory->memory(), doorbells[1], frames, leases_last));
    }
    ::close(doorbells[1]);
    doorbell = UniqueFd(doorbells[0]);
  }
  void join() {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the guest's step " << WEXITSTATUS(status);
  }

  void lend(std::uint64_t frame) {
    auto loan = pool.loan(frame_bytes(frame));
    ASSERT_TRUE(loan && *loan);
    draw(frame, (*loan)->bytes());
    const auto buffer = pool.lend(**loan, borrower, now);
    ASSERT_TRUE(buffer);
    ASSERT_TRUE(*frames.push(VS_RECORD_BUFFER, frame, {std::as_bytes(std::span(&*buffer, 1))}));
    if (frames.publish()) ring(doorbell.get());
  }
  // Takes one return, and sleeps until there is one.
  void take_back() {
    for (;;) {
      const auto taken = returns.take(into);
      ASSERT_TRUE(taken);
      returns.release();
      if (*taken) {
        ASSERT_EQ((*taken)->cookie, returned++);
        const auto back = read_return((*taken)->payload);
        ASSERT_TRUE(back && pool.take_back(borrower, *back));
        return;
      }
      if (returns.ask_for_data()) {
        ASSERT_TRUE(wait_for(doorbell.get())) << "the guest is gone, after " << returned;
      }
    }
  }

  static constexpr auto kLease = 1ms;
  Result<LocalRegion> region = LocalRegion::create(RegionShape{.request_bytes_log2 = 12, .response_bytes_log2 = 12}, 1);
  Result<LocalPool> memory = LocalPool::create({.pool = 1, .buffer_count = 5, .buffer_bytes = kFrameBytesMax});
  BufferPool pool{memory->bytes(), memory->header(), kLease};
  Borrower borrower{pool, 3};
  RingProducer frames{producer_memory(region->bytes(), region->header().response)};
  RingConsumer returns{consumer_memory(region->bytes(), region->header().request)};
  std::vector<std::byte> into = std::vector<std::byte>(returns.payload_bytes_max());
  std::uint64_t returned = 0;
  BufferPool::TimePoint now{1h};
  UniqueFd doorbell;
  pid_t child = -1;
};

TEST_F(LocalPoolProcesses, HandTenThousandFramesOver) {
  constexpr std::uint64_t kFrames = 10'000;
  ASSERT_NO_FATAL_FAILURE(start(kFrames, true));
  for (std::uint64_t sent = 0; returned < kFrames;) {
    if (sent < kFrames && borrower.borrowed() < 3)
      ASSERT_NO_FATAL_FAILURE(lend(sent++));
    else
      ASSERT_NO_FATAL_FAILURE(take_back());
  }
  join();
  EXPECT_EQ(pool.buffers_free(), 5u);
  EXPECT_EQ(pool.counters().returned, kFrames);
}

// Every lease runs out, some before the guest looks and some while it reads; the buffer is scribbled over at once.
TEST_F(LocalPoolProcesses, NeverTakeAReclaimedFrameForTheFrame) {
  constexpr std::uint64_t kFrames = 5'000;
  ASSERT_NO_FATAL_FAILURE(start(kFrames, false));
  for (std::uint64_t sent = 0; sent < kFrames; ++sent) {
    ASSERT_NO_FATAL_FAILURE(lend(sent));
    for (std::uint64_t pause = sent * 2654435761u % 4096; pause > 0; --pause) asm volatile("");
    now += kLease;
    pool.expire(now);
    auto scribble = pool.loan(kFrameBytesMax);  // last in, first out: the buffer that was reclaimed
    ASSERT_TRUE(scribble && *scribble);
    std::memset((*scribble)->bytes().data(), 0xff, kFrameBytesMax);
    while (borrower.borrowed() == 3) ASSERT_NO_FATAL_FAILURE(take_back());
  }
  while (returned < kFrames) ASSERT_NO_FATAL_FAILURE(take_back());
  join();
  EXPECT_EQ(pool.counters().reclaimed, kFrames);
  EXPECT_EQ(pool.counters().returned_late, kFrames);
  EXPECT_EQ(pool.buffers_free(), 5u);
}

}  // namespace
}  // namespace vs
