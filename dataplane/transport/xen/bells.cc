#include "dataplane/transport/xen/bells.h"

#include <fcntl.h>

#include <cerrno>
#include <string>

extern "C" {
#include <xenevtchn.h>
}

namespace vs {
namespace {

inline constexpr int kBellsPerTakeMax = 64;  // then the loop looks around

}  // namespace

Result<std::unique_ptr<Bells>> Bells::open() {
  xenevtchn_handle* handle = ::xenevtchn_open(nullptr, 0);
  if (handle == nullptr) return fail_errno(errno, "open /dev/xen/evtchn");
  const int fd = ::xenevtchn_fd(handle);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  return std::unique_ptr<Bells>(new Bells(handle));
}

Bells::~Bells() { ::xenevtchn_close(handle_); }

Result<> Bells::attach(EventLoop& loop) {
  auto watched = loop.watch(::xenevtchn_fd(handle_), EPOLLIN, [this](std::uint32_t) { take(); });
  if (watched) loop_ = &loop;
  return watched;
}

void Bells::detach() {
  if (loop_ != nullptr) loop_->unwatch(::xenevtchn_fd(handle_));
  loop_ = nullptr;
}

Result<std::uint32_t> Bells::bind(std::uint32_t domid, std::uint32_t remote_port) {
  const int port = ::xenevtchn_bind_interdomain(handle_, domid, remote_port);
  if (port >= 0) return static_cast<std::uint32_t>(port);
  return fail(errno == ENOSPC ? ErrorCode::exhausted : ErrorCode::unavailable,
              "event channel " + std::to_string(remote_port) + " of domain " + std::to_string(domid) + ": not open to us");
}

void Bells::unbind(std::uint32_t port) { ::xenevtchn_unbind(handle_, port); }

void Bells::ring(std::uint32_t port) { ::xenevtchn_notify(handle_, port); }

void Bells::listen(std::uint32_t port, OnRing on_ring) {
  listeners_[port] = std::make_shared<OnRing>(std::move(on_ring));
  let_ring(port);  // what came before was dropped, the port masked
}

void Bells::ignore(std::uint32_t port) { listeners_.erase(port); }

void Bells::let_ring(std::uint32_t port) { ::xenevtchn_unmask(handle_, port); }

void Bells::take() {
  for (int taken = 0; taken < kBellsPerTakeMax; ++taken) {
    const int port = ::xenevtchn_pending(handle_);
    if (port < 0) return;
    const auto found = listeners_.find(static_cast<std::uint32_t>(port));
    if (found == listeners_.end()) continue;  // not listened to yet, or not any more
    const auto on_ring = found->second;       // it may end its own listening
    (*on_ring)();
  }
}

}  // namespace vs
