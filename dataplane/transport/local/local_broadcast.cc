#include "dataplane/transport/local/local_broadcast.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vs {
namespace {

inline constexpr int kBroadcastSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

}  // namespace

Result<std::unique_ptr<LocalBroadcast>> LocalBroadcast::create(BroadcastShape shape) {
  const vs_broadcast_header header = make_broadcast_header(shape);
  UniqueFd memory(::memfd_create("vservice-broadcast", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return fail_errno(errno, "memfd_create");
  if (::ftruncate(memory.get(), static_cast<off_t>(header.bytes)) != 0) return fail_errno(errno, "size broadcast ring");
  void* mapped = ::mmap(nullptr, header.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno(errno, "map broadcast ring");
  std::memcpy(mapped, &header, sizeof header);
  std::unique_ptr<LocalBroadcast> ring(
      new LocalBroadcast(std::move(memory), {static_cast<std::byte*>(mapped), header.bytes}, header));
  // After our own mapping, which stays writable, and before anyone else has the memory.
  if (::fcntl(ring->memory(), F_ADD_SEALS, kBroadcastSeals) != 0) return fail_errno(errno, "seal broadcast ring");
  return ring;
}

LocalBroadcast::~LocalBroadcast() { ::munmap(bytes_.data(), bytes_.size()); }

}  // namespace vs
