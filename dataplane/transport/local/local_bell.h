// A doorbell of the local transport: an eventfd in semaphore mode, filled to the brim when it is made (abi/local.h). To ring is to
// take one out, which never waits; to listen is to wait for edges of kBellEvents, without reading or writing.
//
// Why not a pipe: who holds its other end can fault while it reads or writes, which holds the pipe's lock, and then write() and
// even close() on our end wait for it, whatever O_NONBLOCK says. Why not a counter that is written: who shares it can clear
// O_NONBLOCK and fill it (S-16). Taking one out of 2^64 has neither: to empty it would take centuries.
//
// Owned by one thread. Errors: exhausted, when descriptors or memory run out.
#pragma once

#include <sys/epoll.h>

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace vs {

inline constexpr std::uint32_t kBellEvents = EPOLLOUT | EPOLLET;

class LocalBell {
 public:
  static Result<LocalBell> make();

  [[nodiscard]] int fd() const { return fd_.get(); }
  void ring() const;

 private:
  explicit LocalBell(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace vs
