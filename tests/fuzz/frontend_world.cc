#include "tests/fuzz/frontend_world.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"

namespace vs::fuzz {
namespace {

World* the_world = nullptr;

inline constexpr std::int64_t kCallMs =
    1;  // each call takes that long, so that nothing goes on for ever
inline constexpr int kClockCallsPerMs = 8;  // of a library that looks at the clock and waits for nothing
inline constexpr std::int64_t kWaitMs = 1000;  // a wait in vain: the library never asks for longer

}  // namespace

World::World() {
  VS_CHECK(the_world == nullptr);
  the_world = this;
}
World::~World() { the_world = nullptr; }
World* World::current() { return the_world; }

int World::connect(int socket) {
  int ends[2];
  VS_CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
  VS_CHECK(::dup3(ends[0], socket, O_CLOEXEC) == socket);
  ::close(ends[0]);
  peer_.reset(ends[1]);
  ++connections_;
  passes(kCallMs);
  connected();
  return 0;
}

int open_descriptors() {
  constexpr int kDescriptors = 64;
  std::array<pollfd, kDescriptors> descriptors{};
  for (int fd = 0; fd < kDescriptors; ++fd) descriptors[fd].fd = fd;
  VS_CHECK(::poll(descriptors.data(), kDescriptors, 0) >= 0);
  return static_cast<int>(
      std::count_if(descriptors.begin(), descriptors.end(),
                    [](const pollfd& one) { return (one.revents & POLLNVAL) == 0; }));
}

}  // namespace vs::fuzz

using vs::fuzz::World;

extern "C" {

int __real_connect(int socket, const sockaddr* address, socklen_t bytes);
ssize_t __real_send(int socket, const void* data, size_t bytes, int flags);
ssize_t __real_recvmsg(int socket, msghdr* message, int flags);
int __real_setsockopt(int socket, int level, int name, const void* value, socklen_t bytes);
int __real_nanosleep(const timespec* wanted, timespec* left);
int __real_clock_gettime(clockid_t clock, timespec* now);
int __real_epoll_wait(int epoll, epoll_event* events, int count_max, int timeout_ms);
ssize_t __real_preadv2(int fd, const iovec* parts, int count, off_t offset, int flags);
int __real_poll(pollfd* descriptors, nfds_t count, int timeout_ms);

int __wrap_connect(int socket, const sockaddr* address, socklen_t bytes) {
  if (World* world = World::current()) return world->connect(socket);
  return __real_connect(socket, address, bytes);
}

ssize_t __wrap_send(int socket, const void* data, size_t bytes, int flags) {
  World* world = World::current();
  const ssize_t sent = __real_send(socket, data, bytes, flags);
  if (world == nullptr || socket == world->peer()) return sent;
  const int saved = errno;
  world->passes(vs::fuzz::kCallMs);
  if (sent >= 0) world->sent();
  errno = saved;
  return sent;
}

// Waits, which is to say: the backend acts; when there still is nothing, the time is over.
static void waits(World& world) {
  world.passes(vs::fuzz::kCallMs);
  world.receives();
}
static ssize_t nothing_came(World& world, ssize_t received) {
  if (received < 0 && errno == EAGAIN) world.passes(vs::fuzz::kWaitMs);
  return received;
}

// Sleeps.
int __wrap_epoll_wait(int epoll, epoll_event* events, int count_max, int timeout_ms) {
  World* world = World::current();
  if (world == nullptr || timeout_ms == 0) return __real_epoll_wait(epoll, events, count_max, timeout_ms);
  waits(*world);
  const int count = __real_epoll_wait(epoll, events, count_max, 0);
  if (count == 0) world->passes(vs::fuzz::kWaitMs);
  return count;
}

// Rings.
ssize_t __wrap_preadv2(int fd, const iovec* parts, int count, off_t offset, int flags) {
  World* world = World::current();
  const ssize_t taken = __real_preadv2(fd, parts, count, offset, flags);
  if (world == nullptr) return taken;
  const int saved = errno;
  world->passes(vs::fuzz::kCallMs);
  if (taken >= 0) world->sent();
  errno = saved;
  return taken;
}

int __wrap_poll(pollfd* descriptors, nfds_t count, int timeout_ms) {
  World* world = World::current();
  if (world == nullptr || count != 1) return __real_poll(descriptors, count, timeout_ms);
  waits(*world);
  return __real_poll(descriptors, count, 0);
}

ssize_t __wrap_recvmsg(int socket, msghdr* message, int flags) {
  World* world = World::current();
  if (world == nullptr || socket == world->peer()) return __real_recvmsg(socket, message, flags);
  waits(*world);
  return nothing_came(*world, __real_recvmsg(socket, message, flags | MSG_DONTWAIT));
}

int __wrap_setsockopt(int socket, int level, int name, const void* value, socklen_t bytes) {
  return World::current() != nullptr ? 0 : __real_setsockopt(socket, level, name, value, bytes);
}

int __wrap_nanosleep(const timespec* wanted, timespec* left) {
  World* world = World::current();
  if (world == nullptr) return __real_nanosleep(wanted, left);
  world->passes(wanted->tv_sec * 1000 + wanted->tv_nsec / 1'000'000);
  return 0;
}

int __wrap_clock_gettime(clockid_t clock, timespec* now) {
  World* world = World::current();
  if (world == nullptr || clock != CLOCK_MONOTONIC) return __real_clock_gettime(clock, now);
  world->looks_at_the_clock(vs::fuzz::kClockCallsPerMs);
  *now = {.tv_sec = world->now_ms() / 1000, .tv_nsec = world->now_ms() % 1000 * 1'000'000};
  return 0;
}

}  // extern "C"
