#include "dataplane/transport/local/local_pool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vs {
namespace {

inline constexpr int kPoolSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

}  // namespace

Result<LocalPool> LocalPool::create(PoolShape shape) {
  const vs_pool_header header = make_pool_header(shape);
  UniqueFd memory(::memfd_create("vservice-pool", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return fail_errno(errno, "memfd_create");
  if (::ftruncate(memory.get(), static_cast<off_t>(header.bytes)) != 0) return fail_errno(errno, "size pool");
  void* mapped = ::mmap(nullptr, header.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno(errno, "map pool");
  LocalPool pool(std::move(memory), {static_cast<std::byte*>(mapped), header.bytes}, header);

  // After our own mapping, which stays writable, and before anyone else has the memory.
  if (::fcntl(pool.memory(), F_ADD_SEALS, kPoolSeals) != 0) return fail_errno(errno, "seal pool");
  std::memcpy(mapped, &header, sizeof header);
  if (::mprotect(mapped, VS_PAGE_BYTES, PROT_READ) != 0) return fail_errno(errno, "protect pool");
  return pool;
}

LocalPool::LocalPool(LocalPool&& other) noexcept
    : memory_(std::move(other.memory_)), bytes_(std::exchange(other.bytes_, {})), header_(other.header_) {}

LocalPool& LocalPool::operator=(LocalPool&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(bytes_, other.bytes_);
  std::swap(header_, other.header_);
  return *this;
}

LocalPool::~LocalPool() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

Result<LocalBorrowedPool> LocalBorrowedPool::attach(int memory, std::uint64_t bytes_max) {
  const int seals = ::fcntl(memory, F_GET_SEALS);
  if (seals < 0 || (seals & kPoolSeals) != kPoolSeals)
    return fail(ErrorCode::invalid, "pool: not memory that is sealed against shrinking, growing and writing");
  struct stat status {};
  if (::fstat(memory, &status) != 0) return fail_errno(errno, "stat pool");
  if (status.st_size < VS_PAGE_BYTES ||
      static_cast<std::uint64_t>(status.st_size) > std::min<std::uint64_t>(bytes_max, VS_POOL_BYTES_MAX))
    return fail(ErrorCode::invalid, "pool: " + std::to_string(status.st_size) + " bytes of memory, limit " +
                                        std::to_string(bytes_max));
  const auto size = static_cast<std::size_t>(status.st_size);
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, memory, 0);
  if (mapped == MAP_FAILED) return fail_errno(errno, "map pool");
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(mapped), size);
  auto pool = BorrowedPool::attach(bytes);
  if (!pool) {
    ::munmap(mapped, size);
    return fail(std::move(pool.error()));
  }
  return LocalBorrowedPool(bytes, *pool);
}

LocalBorrowedPool::~LocalBorrowedPool() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace vs
