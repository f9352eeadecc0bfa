// Backends that do what they like to libvservice, each in a thread behind a real socket.
//
// For tests: what fails is an expectation of the test.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "dataplane/abi/dns.h"
#include "dataplane/abi/local.h"
#include "dataplane/ring/consumer.h"
#include "dataplane/ring/pool.h"
#include "dataplane/ring/producer.h"
#include "tests/fuzz/bells.h"
#include "tests/fuzz/memory.h"

extern "C" {
#include "dataplane/client/vservice.h"
#include "tests/temporary_directory.h"
}

namespace vs::test {

// A region that is what it should be, unless a test spoils it.
struct Region {
  explicit Region(int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) : header(make_header({}, 1)) {
    memory.reset(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(::ftruncate(memory.get(), header.bytes), 0);
    EXPECT_TRUE(seals == 0 || ::fcntl(memory.get(), F_ADD_SEALS, seals) == 0);
    void* mapped = ::mmap(nullptr, header.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
    EXPECT_NE(mapped, MAP_FAILED);
    bytes = {static_cast<std::byte*>(mapped), header.bytes};
    std::memcpy(mapped, &header, sizeof header);
  }
  ~Region() { ::munmap(bytes.data(), bytes.size()); }
  Region(const Region&) = delete;

  UniqueFd memory;
  vs_region_header header;
  std::span<std::byte> bytes;
  fuzz::Bells bells;
};

// A pool of two buffers that is what it should be, unless a test spoils it.
struct Pool {
  explicit Pool(int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL,
                vs_pool_header first = make_pool_header({.pool = 1, .buffer_count = 2, .buffer_bytes = VS_PAGE_BYTES}))
      : header(first) {
    memory.reset(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(::ftruncate(memory.get(), kBytes), 0);
    EXPECT_EQ(::pwrite(memory.get(), &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
    EXPECT_TRUE(seals == 0 || ::fcntl(memory.get(), F_ADD_SEALS, seals) == 0);
  }

  static constexpr off_t kBytes = 4 * VS_PAGE_BYTES;
  UniqueFd memory;
  vs_pool_header header;
};

inline vs_local_welcome good_welcome(const Region& region) {
  return {.magic = VS_LOCAL_MAGIC, .status = VS_STATUS_OK, .region_bytes = region.header.bytes};
}

// What should come with it, with a pool or without.
inline std::vector<int> gifts_of(const Region& region, int pool = -1) {
  std::vector<int> gifts{region.memory.get(), region.bells.from_guest.fd(), region.bells.to_guest.fd()};
  if (pool >= 0) gifts.push_back(pool);
  return gifts;
}

inline void welcome(int socket, const vs_local_welcome& message, const std::vector<int>& gifts) {
  fuzz::send_with(socket, std::as_bytes(std::span(&message, 1)), gifts);
}
inline void welcome(int socket, const Region& region, int pool = -1) {
  welcome(socket, good_welcome(region), gifts_of(region, pool));
}

// Listens where a guest looks; each connection is answered by `behave`.
class EvilBackend {
 public:
  explicit EvilBackend(std::function<void(int socket)> behave) : behave_(std::move(behave)) {
    listener_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX};
    std::strcpy(address.sun_path, (directory_.path() / "dns").c_str());
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    thread_ = std::thread([this] { run(); });
    ::setenv("VSERVICE_DIRECTORY", directory_.path().c_str(), 1);
  }
  ~EvilBackend() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

 private:
  void run() {
    while (true) {
      const UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket) return;
      vs_local_hello hello{};
      if (::recv(socket.get(), &hello, sizeof hello, 0) > 0) behave_(socket.get());
    }
  }

  std::function<void(int)> behave_;
  TemporaryDirectory directory_;
  UniqueFd listener_;
  std::thread thread_;
};

inline int open_status(int timeout_ms = 20'000) {
  vs_device* device = nullptr;
  const int status = vs_open("dns", "dns", timeout_ms, &device);
  vs_close(device);
  return status;
}

// Opens and resolves; the backend answers the one request with what `answer` puts into the ring.
inline int resolve_status(const std::function<void(RingProducer&, std::uint64_t cookie)>& answer, int pool = -1) {
  Region region;
  const EvilBackend backend([&](int socket) {
    welcome(socket, region, pool);
    RingConsumer requests(consumer_memory(region.bytes, region.header.request));
    RingProducer answers(producer_memory(region.bytes, region.header.response));
    std::vector<std::byte> into(requests.payload_bytes_max());
    while (region.bells.hear(socket)) do {
      const auto taken = requests.take(into);
      if (!taken || !*taken) continue;
      if ((*taken)->type != VS_RECORD_RETURN) answer(answers, (*taken)->cookie);
      answers.publish();
      requests.release();
      region.bells.ring();
    } while (!requests.ask_for_data());
  });
  vs_device* device = nullptr;
  EXPECT_EQ(vs_open("dns", "dns", 20'000, &device), 0);
  vs_dns_result_set* set = nullptr;
  const int status = vs_dns_resolve(device, "a.test", AF_UNSPEC, 20'000, &set);
  if (status == 0) vs_dns_free(set);
  vs_close(device);
  return status;
}

template <class... Parts>
std::vector<std::byte> bytes_of(const Parts&... parts) {
  std::vector<std::byte> bytes;
  const auto add = [&](const auto& part) {
    const auto view = std::as_bytes(std::span(&part, 1));
    bytes.insert(bytes.end(), view.begin(), view.end());
  };
  (add(parts), ...);
  return bytes;
}

}  // namespace vs::test
