#include "tests/bench/ring/waiting.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace vs::bench {

void Bell::ring() {
  const char any = 0;
  must(::send(socket_, &any, sizeof any, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof any || errno == EAGAIN, "ring the doorbell");
}

void Bell::wait() {
  char any[64];
  if (::recv(socket_, any, sizeof any, 0) == 0) die("the other side is gone");
}

void Bell::wait_for(std::chrono::nanoseconds time) {
  pollfd watched{.fd = socket_, .events = POLLIN, .revents = 0};
  const timespec at_most{.tv_sec = 0, .tv_nsec = static_cast<long>(time.count())};
  if (::ppoll(&watched, 1, &at_most, nullptr) == 1) wait();
}

}  // namespace vs::bench
