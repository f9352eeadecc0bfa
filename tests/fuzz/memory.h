// Memory that is shared by descriptor, as a backend would make it: or as it should not be.
//
// One thread. Errors end the process: these are the target's own calls.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <span>

#include "base/check.h"
#include "base/unique_fd.h"
#include "dataplane/ring/region.h"

namespace vs::fuzz {

inline constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

inline UniqueFd make_memory(std::size_t bytes, int seals) {
  UniqueFd memory(::memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  VS_CHECK(memory && ::ftruncate(memory.get(), static_cast<off_t>(bytes)) == 0);
  VS_CHECK(seals == 0 || ::fcntl(memory.get(), F_ADD_SEALS, seals) == 0);
  return memory;
}

inline std::span<std::byte> map_memory(int memory, std::size_t bytes) {
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  VS_CHECK(mapped != MAP_FAILED);
  return {static_cast<std::byte*>(mapped), bytes};
}

// Sends `bytes` with as many descriptors as there are.
inline void send_with(int socket, std::span<const std::byte> bytes,
                      std::span<const int> descriptors) {
  constexpr std::size_t kDescriptorsMax = 8;
  VS_CHECK(descriptors.size() <= kDescriptorsMax);
  alignas(cmsghdr) unsigned char control[CMSG_SPACE(kDescriptorsMax * sizeof(int))]{};
  iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  msghdr message{.msg_iov = &part, .msg_iovlen = 1};
  if (!descriptors.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(item), descriptors.data(), descriptors.size_bytes());
  }
  (void)::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace vs::fuzz
