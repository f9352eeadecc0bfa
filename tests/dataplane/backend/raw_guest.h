// A guest without libvservice: says hello and holds its region by itself.
//
// For tests: what fails is an expectation of the test. One thread.
#pragma once

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "dataplane/abi/local.h"
#include "dataplane/abi/region.h"

namespace vs::test {

inline UniqueFd connect_raw(const std::string& path) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strcpy(address.sun_path, path.c_str());
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return socket;
}

// Reads no pool.
inline vs_local_hello good_hello() {
  vs_local_hello hello{.magic = VS_LOCAL_MAGIC, .major = VS_REGION_MAJOR, .generation = 1};
  std::memcpy(hello.service, "echo", 4);
  std::memcpy(hello.device, "echo", 4);
  return hello;
}

// A guest that holds its region in its own hands, writable all over.
struct RawGuest {
  explicit RawGuest(const std::string& path) : socket(connect_raw(path)) {
    const auto hello = good_hello();
    EXPECT_EQ(::send(socket.get(), &hello, sizeof hello, MSG_NOSIGNAL), static_cast<ssize_t>(sizeof hello));
    vs_local_welcome welcome{};
    alignas(cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int))]{};
    iovec part{.iov_base = &welcome, .iov_len = sizeof welcome};
    msghdr message{.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    EXPECT_EQ(::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC), static_cast<ssize_t>(sizeof welcome));
    EXPECT_EQ(welcome.status, static_cast<std::uint32_t>(VS_STATUS_OK));
    EXPECT_EQ(CMSG_FIRSTHDR(&message)->cmsg_len, CMSG_LEN(sizeof(int))) << "it asked for no other memory";
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    memory.reset(fd);
    void* mapped = ::mmap(nullptr, welcome.region_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    EXPECT_NE(mapped, MAP_FAILED);
    region = {static_cast<std::byte*>(mapped), welcome.region_bytes};
    std::memcpy(&header, mapped, sizeof header);
  }
  ~RawGuest() { ::munmap(region.data(), region.size()); }

  void doorbell() { ::send(socket.get(), "", 1, MSG_NOSIGNAL | MSG_DONTWAIT); }
  // Blocks until the backend hangs up.
  void wait_for_end() {
    char bytes[64];
    while (::recv(socket.get(), bytes, sizeof bytes, 0) > 0) {
    }
  }
  std::span<std::byte> requests() { return region.subspan(header.request.data_offset, 1u << header.request.data_bytes_log2); }

  UniqueFd socket;
  UniqueFd memory;
  std::span<std::byte> region;
  vs_region_header header;
};

}  // namespace vs::test
