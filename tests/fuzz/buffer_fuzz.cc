// Descriptors and returns that a hostile peer makes up, against the real lender in C++ and the real borrower in C.
//
// The input is a program: an operation a byte, its operands behind it. Whatever comes: no byte outside the pool is touched, no
// buffer is lost or free twice, and the borrowers in C and C++ agree.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/check.h"
#include "dataplane/ring/borrow.h"
#include "dataplane/ring/pool.h"
#include "tests/fuzz/program.h"

extern "C" {
#include "dataplane/client/pool.h"
}

namespace vs {
namespace {

constexpr PoolShape kShape{.pool = 1, .buffer_count = 3, .buffer_bytes = VS_PAGE_BYTES};
constexpr std::size_t kOperationsMax = 512;
constexpr auto kLease = std::chrono::milliseconds(10);

using Input = fuzz::Program;

// Exactly as large as the pool, so that AddressSanitizer stands behind its last byte.
struct Memory {
  explicit Memory(std::size_t size)
      : bytes(static_cast<std::byte*>(std::aligned_alloc(VS_PAGE_BYTES, size)), &std::free), size(size) {
    std::memset(bytes.get(), 0, size);
  }
  std::span<std::byte> span() { return {bytes.get(), size}; }

  std::unique_ptr<std::byte, decltype(&std::free)> bytes;
  std::size_t size;
};

// Looks at the bytes of a descriptor as both borrowers see them.
void read(const BorrowedPool& pool, const vs_borrowed_pool& c_pool, const vs_buffer& buffer) {
  const auto view = pool.view(buffer);
  const void* data = nullptr;
  std::size_t bytes = 0;
  const int status = vs_borrow_view(&c_pool, &buffer, &data, &bytes);
  VS_CHECK((status == -EPROTO) == !view.has_value());
  VS_CHECK((status == 0) == (view && view->has_value()));
  VS_CHECK(vs_borrow_still_current(&c_pool, &buffer) == pool.still_current(buffer));
  if (status != 0) return;
  VS_CHECK(view->value().data() == data && view->value().size() == bytes);
  unsigned sum = 0;
  for (std::size_t at = 0; at < bytes; ++at) sum += static_cast<const unsigned char*>(data)[at];
  volatile unsigned used = sum;
  (void)used;
}

// A pool with eight bytes of its header, and a descriptor, from the input.
void attach_to_anything(Input& input) {
  const vs_pool_header good = make_pool_header(kShape);
  Memory memory(good.bytes);
  vs_pool_header header = good;
  const std::size_t at = input.next<std::uint8_t>() % sizeof header;
  const auto value = input.next<std::uint64_t>();
  std::memcpy(reinterpret_cast<std::byte*>(&header) + at, &value, std::min(sizeof value, sizeof header - at));
  std::memcpy(memory.bytes.get(), &header, sizeof header);
  const auto pool = BorrowedPool::attach(memory.span());
  vs_borrowed_pool c_pool;
  const int status = vs_borrow_attach(&c_pool, reinterpret_cast<unsigned char*>(memory.bytes.get()), memory.size);
  VS_CHECK((status == 0) == pool.has_value());
  if (pool) read(*pool, c_pool, input.next<vs_buffer>());
}

class Machine {
 public:
  explicit Machine(Input& input) : input_(input) {
    std::memcpy(memory_.bytes.get(), &header_, sizeof header_);
    pool_.emplace(memory_.span(), header_, kLease);
    for (auto& borrower : borrowers_) borrower = std::make_unique<Borrower>(*pool_, 2);
    borrowed_.emplace(*BorrowedPool::attach(memory_.span()));
    VS_CHECK(vs_borrow_attach(&c_borrowed_, reinterpret_cast<unsigned char*>(memory_.bytes.get()), memory_.size) == 0);
  }
  ~Machine() {
    loans_.clear();
    for (auto& borrower : borrowers_) borrower.reset();
    VS_CHECK(pool_->buffers_free() == kShape.buffer_count);
  }

  void run() {
    for (std::size_t done = 0; done < kOperationsMax && !input_.empty(); ++done) step();
  }

 private:
  Borrower& any_borrower() { return *borrowers_[input_.next<std::uint8_t>() % 2]; }

  void step() {
    switch (input_.next<std::uint8_t>() % 10) {
      case 0:
        if (auto loan = pool_->loan(input_.next<std::uint16_t>()); loan && *loan) {
          std::memset((*loan)->bytes().data(), 1, (*loan)->bytes().size());
          loans_.push_back(std::move(**loan));
        }
        break;
      case 1:
        if (loans_.empty()) break;
        if (const auto buffer = pool_->lend(loans_.back(), any_borrower(), now_)) {
          read(*borrowed_, c_borrowed_, *buffer);
          last_ = *buffer;
        }
        break;
      case 2:
        if (!loans_.empty()) loans_.pop_back();
        break;
      case 3: (void)pool_->take_back(any_borrower(), vs_return_of(&last_)); break;
      case 4: (void)pool_->take_back(any_borrower(), input_.next<vs_buffer_return>()); break;
      case 5: read(*borrowed_, c_borrowed_, input_.next<vs_buffer>()); break;
      case 6: {  // the right descriptor, but for one word
        vs_buffer buffer = last_;
        const std::size_t at = std::size_t{8} * (input_.next<std::uint8_t>() % 4);
        const auto value = input_.next<std::uint64_t>();
        std::memcpy(reinterpret_cast<std::byte*>(&buffer) + at, &value, sizeof value);
        read(*borrowed_, c_borrowed_, buffer);
        break;
      }
      case 7:
        now_ += std::chrono::milliseconds(input_.next<std::uint8_t>());
        pool_->expire(now_);
        break;
      case 8: {  // what stands in the pool changes; what the lender knows does not
        const std::size_t at = input_.next<std::uint16_t>() % (2 * VS_PAGE_BYTES - 4) & ~std::size_t{3};
        const auto value = input_.next<std::uint32_t>();
        std::memcpy(memory_.bytes.get() + at, &value, sizeof value);
        break;
      }
      default: {
        auto& borrower = borrowers_[input_.next<std::uint8_t>() % 2];
        borrower.reset();
        borrower = std::make_unique<Borrower>(*pool_, 2);
      }
    }
    VS_CHECK(pool_->buffers_free() <= kShape.buffer_count);
  }

  Input& input_;
  vs_pool_header header_ = make_pool_header(kShape);
  Memory memory_{header_.bytes};
  std::optional<BufferPool> pool_;
  std::unique_ptr<Borrower> borrowers_[2];
  std::vector<Loan> loans_;
  std::optional<BorrowedPool> borrowed_;
  vs_borrowed_pool c_borrowed_{};
  vs_buffer last_{};
  BufferPool::TimePoint now_{std::chrono::hours(1)};
};

}  // namespace
}  // namespace vs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  vs::Input input({data, size});
  if (input.next<std::uint8_t>() % 4 == 0)
    vs::attach_to_anything(input);
  else
    vs::Machine(input).run();
  return 0;
}
