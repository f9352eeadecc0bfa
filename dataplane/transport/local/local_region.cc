#include "dataplane/transport/local/local_region.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vs {
namespace {

Result<> protect(std::byte* region, PageRange pages, int protection) {
  if (::mprotect(region + pages.offset, pages.bytes, protection) != 0) return fail_errno(errno, "protect region");
  return {};
}

}  // namespace

Result<LocalRegion> LocalRegion::create(RegionShape shape, std::uint32_t generation) {
  const vs_region_header header = make_header(shape, generation);
  UniqueFd memory(::memfd_create("vservice", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return fail_errno(errno, "memfd_create");
  if (::ftruncate(memory.get(), header.bytes) != 0) return fail_errno(errno, "size region");
  if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return fail_errno(errno, "seal region");
  void* mapped = ::mmap(nullptr, header.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno(errno, "map region");
  LocalRegion region(std::move(memory), {static_cast<std::byte*>(mapped), header.bytes}, header);

  // Before anyone else has the memory: afterwards nobody writes the header.
  std::memcpy(mapped, &header, sizeof header);
  std::byte* base = region.bytes_.data();
  if (auto done = protect(base, {0, VS_PAGE_BYTES}, PROT_READ); !done) return fail(done.error());
  if (auto done = protect(base, frontend_pages(header), PROT_READ); !done) return fail(done.error());
  return region;
}

LocalRegion::LocalRegion(LocalRegion&& other) noexcept
    : memory_(std::move(other.memory_)), bytes_(std::exchange(other.bytes_, {})), header_(other.header_) {}

LocalRegion& LocalRegion::operator=(LocalRegion&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(bytes_, other.bytes_);
  std::swap(header_, other.header_);
  return *this;
}

LocalRegion::~LocalRegion() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace vs
