// A guest that holds its socket and its region in its own hands, and never waits: for a backend on
// the same thread.
//
// One thread. `turn` runs the backend's loop once.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <optional>
#include <string>

#include "dataplane/abi/local.h"
#include "tests/fuzz/memory.h"

extern "C" {
#include "dataplane/client/ring.h"
}

namespace vs::fuzz {

inline UniqueFd connect_to(const std::string& path) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strcpy(address.sun_path, path.c_str());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return {};
  return socket;
}

inline vs_local_hello good_hello() {
  vs_local_hello hello{.magic = VS_LOCAL_MAGIC, .major = VS_REGION_MAJOR, .generation = 1};
  std::memcpy(hello.service, "echo", 4);
  std::memcpy(hello.device, "echo", 4);
  return hello;
}

class RawGuest {
 public:
  // Over a connected socket on which hello was said, and answered by now.
  explicit RawGuest(UniqueFd socket) : socket_(std::move(socket)) {
    vs_local_welcome welcome{};
    alignas(cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int))]{};
    iovec part{.iov_base = &welcome, .iov_len = sizeof welcome};
    msghdr message{.msg_iov = &part,
                   .msg_iovlen = 1,
                   .msg_control = control,
                   .msg_controllen = CMSG_LEN(sizeof(int))};
    const bool whole =
        ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) == sizeof welcome;
    const cmsghdr* item = CMSG_FIRSTHDR(&message);
    if (!whole || item == nullptr) return;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(item), sizeof fd);
    const UniqueFd memory(fd);
    region_ = map_memory(memory.get(), welcome.region_bytes);
    std::memcpy(&header_, region_.data(), sizeof header_);
    VS_CHECK(judge_header(header_, region_.size()));
    auto* bytes = reinterpret_cast<unsigned char*>(region_.data());
    vs_producer_start(&requests_, bytes, &header_.request);
    vs_consumer_start(&answers_, bytes, &header_.response);
  }
  ~RawGuest() {
    if (!region_.empty()) ::munmap(region_.data(), region_.size());
  }
  RawGuest(const RawGuest&) = delete;

  [[nodiscard]] bool welcomed() const { return !region_.empty(); }
  [[nodiscard]] int socket() const { return socket_.get(); }
  void close_socket() { socket_.reset(); }
  std::span<std::byte> region() { return region_; }
  const vs_region_header& header() const { return header_; }
  vs_producer& requests() { return requests_; }
  vs_consumer& answers() { return answers_; }
  vs_prod_page& prod(const vs_ring_place& place) {
    return *reinterpret_cast<vs_prod_page*>(&region_[place.prod_offset]);
  }
  vs_cons_page& cons(const vs_ring_place& place) {
    return *reinterpret_cast<vs_cons_page*>(&region_[place.cons_offset]);
  }

  void doorbell() { (void)::send(socket_.get(), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL); }
  // Whether the backend hung up. Takes waiting doorbells.
  bool is_left_alone() {
    char bytes[16];
    ssize_t received;
    do received = ::recv(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    while (received > 0);
    return received == 0 || errno != EAGAIN;
  }

 private:
  UniqueFd socket_;
  std::span<std::byte> region_;
  vs_region_header header_{};
  vs_producer requests_{};
  vs_consumer answers_{};
};

}  // namespace vs::fuzz
