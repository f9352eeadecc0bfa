// The doorbells of one session, as a backend has them.
//
// One thread. Errors end the process.
#pragma once

#include "base/check.h"
#include "base/unique_fd.h"
#include "dataplane/transport/local/local_bell.h"

namespace vs::fuzz {

struct Bells {
  Bells() {
    epoll_event event{.events = kBellEvents, .data = {.fd = from_guest.fd()}};
    VS_CHECK(epoll && ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, from_guest.fd(), &event) == 0);
  }

  void ring() const { to_guest.ring(); }
  // Waits until the guest rings: false when it hung up `socket` instead.
  bool hear(int socket) const {
    epoll_event event{.events = EPOLLRDHUP, .data = {.fd = socket}};
    ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket, &event);  // of one that is in there nothing changes
    while (::epoll_wait(epoll.get(), &event, 1, -1) != 1) {
    }
    return event.data.fd != socket;
  }
  // Whether it rang since.
  bool rang() const {
    epoll_event event;
    return ::epoll_wait(epoll.get(), &event, 1, 0) == 1;
  }

  LocalBell from_guest = *LocalBell::make();
  LocalBell to_guest = *LocalBell::make();
  UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
};

}  // namespace vs::fuzz
