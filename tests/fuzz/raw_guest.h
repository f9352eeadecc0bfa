// A guest without libvservice: says hello and holds its socket, its doorbells and its region in its own hands, writable all over.
//
// One thread. Errors end the process: these are the test's own calls.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "dataplane/abi/local.h"
#include "tests/fuzz/memory.h"

extern "C" {
#include "dataplane/client/ring.h"
}

namespace vs::fuzz {

// No socket when nobody listens there.
inline UniqueFd connect_to(const std::string& path, int flags = SOCK_NONBLOCK) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strcpy(address.sun_path, path.c_str());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return {};
  return socket;
}

// Of a guest that reads no pool.
inline vs_local_hello good_hello() {
  vs_local_hello hello{.magic = VS_LOCAL_MAGIC, .major = VS_REGION_MAJOR, .generation = 1};
  std::memcpy(hello.service, "echo", 4);
  std::memcpy(hello.device, "echo", 4);
  return hello;
}

class RawGuest {
 public:
  // Over a connected socket on which hello was said, and answered by now.
  explicit RawGuest(UniqueFd socket) : socket_(std::move(socket)) { take_welcome(); }
  // Connects, says hello, and waits for the answer.
  explicit RawGuest(const std::string& path, std::span<const int> gifts = {}, std::uint32_t takes = 0, std::uint64_t ticket = 0)
      : socket_(connect_to(path)) {
    VS_CHECK(socket_);
    vs_local_hello hello = good_hello();
    hello.takes = takes;
    hello.ticket = ticket;
    send_with(socket_.get(), std::as_bytes(std::span(&hello, 1)), gifts);
    pollfd waiting{.fd = socket_.get(), .events = POLLIN};
    VS_CHECK(::poll(&waiting, 1, -1) == 1);
    take_welcome();
  }
  ~RawGuest() {
    if (!region_.empty()) ::munmap(region_.data(), region_.size());
  }
  RawGuest(const RawGuest&) = delete;

  [[nodiscard]] bool welcomed() const { return !region_.empty(); }
  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] int memory() const { return memory_.get(); }
  [[nodiscard]] int own_bell() const { return own_bell_.get(); }
  [[nodiscard]] int backends_bell() const { return backends_bell_.get(); }
  void close_socket() { socket_.reset(); }
  std::span<std::byte> region() { return region_; }
  const vs_region_header& header() const { return header_; }
  vs_producer& requests() { return requests_; }
  vs_consumer& answers() { return answers_; }
  std::span<std::byte> request_data() {
    return region_.subspan(header_.request.data_offset, std::size_t{1} << header_.request.data_bytes_log2);
  }
  vs_prod_page& prod(const vs_ring_place& place) {
    return *reinterpret_cast<vs_prod_page*>(&region_[place.prod_offset]);
  }
  vs_cons_page& cons(const vs_ring_place& place) {
    return *reinterpret_cast<vs_cons_page*>(&region_[place.cons_offset]);
  }

  void doorbell() const {
    std::uint64_t one;
    (void)!::read(own_bell_.get(), &one, sizeof one);
  }
  // Whether the backend hung up.
  [[nodiscard]] bool is_left_alone() const {
    if (!socket_) return true;
    pollfd end{.fd = socket_.get(), .events = POLLRDHUP};
    return ::poll(&end, 1, 0) == 1;
  }
  void wait_for_end() const {
    pollfd end{.fd = socket_.get(), .events = POLLRDHUP};
    while (::poll(&end, 1, -1) != 1) {
    }
  }

 private:
  static constexpr std::size_t kGifts = 3;  // it asked for no pool

  void take_welcome() {
    vs_local_welcome welcome{};
    std::array<int, kGifts + 1> gifts{};
    alignas(cmsghdr) unsigned char control[CMSG_SPACE(sizeof gifts)]{};
    iovec part{.iov_base = &welcome, .iov_len = sizeof welcome};
    msghdr message{.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    const bool whole = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) == sizeof welcome;
    const cmsghdr* item = CMSG_FIRSTHDR(&message);
    if (!whole || item == nullptr) return;
    VS_CHECK(item->cmsg_len == CMSG_LEN(kGifts * sizeof(int)));
    std::memcpy(gifts.data(), CMSG_DATA(item), kGifts * sizeof(int));
    memory_.reset(gifts[0]);
    own_bell_.reset(gifts[1]);
    backends_bell_.reset(gifts[2]);
    region_ = map_memory(memory_.get(), welcome.region_bytes);
    std::memcpy(&header_, region_.data(), sizeof header_);
    VS_CHECK(judge_header(header_, region_.size()));
    auto* bytes = reinterpret_cast<unsigned char*>(region_.data());
    vs_producer_start(&requests_, bytes, &header_.request);
    vs_consumer_start(&answers_, bytes, &header_.response);
  }

  UniqueFd socket_;
  UniqueFd memory_;
  UniqueFd own_bell_;
  UniqueFd backends_bell_;
  std::span<std::byte> region_;
  vs_region_header header_{};
  vs_producer requests_{};
  vs_consumer answers_{};
};

}  // namespace vs::fuzz
