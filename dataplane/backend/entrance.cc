#include "dataplane/backend/entrance.h"

#include <utility>
#include <vector>

#include "base/log.h"

namespace vs {

Result<std::unique_ptr<Entrance>> Entrance::open(EventLoop& loop, const std::filesystem::path& path,
                                                 BindingCounters& counters, OnHello on_hello) {
  auto listener = LocalListener::open(path);
  if (!listener) return fail(std::move(listener.error()));
  const int fd = listener->fd();
  std::unique_ptr<Entrance> entrance(new Entrance(loop, std::move(*listener), counters, std::move(on_hello)));
  if (auto watched = loop.watch(fd, EPOLLIN, [opened = entrance.get()](std::uint32_t) { opened->accept(); }); !watched)
    return fail(std::move(watched.error()));
  return entrance;
}

Entrance::Entrance(EventLoop& loop, LocalListener listener, BindingCounters& counters, OnHello on_hello)
    : loop_(loop), listener_(std::move(listener)), counters_(counters), on_hello_(std::move(on_hello)) {}

Entrance::~Entrance() {
  end_handshakes();
  loop_.unwatch(listener_.fd());
}

void Entrance::accept() {
  for (int accepted = 0; accepted < kAcceptsPerEventMax; ++accepted) {
    auto connection = listener_.accept();
    if (!connection) {
      log::warn("session.not_accepted", {{"error", connection.error()}});
      loop_.rewatch(listener_.fd(), 0);
      loop_.after(kAcceptPause, [this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) loop_.rewatch(listener_.fd(), EPOLLIN);
      });
      return;
    }
    if (!*connection) return;
    begin_handshake(std::move(**connection));
  }
}

void Entrance::begin_handshake(UniqueFd socket) {
  if (handshakes_.size() >= kHandshakesPerBindingMax) return refuse(socket.get());
  const int fd = socket.get();
  const auto watched = loop_.watch(fd, EPOLLIN | EPOLLRDHUP, [this, fd](std::uint32_t) { continue_handshake(fd); });
  if (!watched) return refuse(fd);
  const TimerId timer = loop_.after(kHandshakeTimeout, [this, fd] {
    ++counters_.hellos_bad;
    end_handshake(fd);
  });
  handshakes_.emplace(fd, Handshake{std::move(socket), timer});
  continue_handshake(fd);  // a frontend says hello right after connecting: it is mostly here
}

void Entrance::continue_handshake(int fd) {
  vs_local_reason reason = VS_LOCAL_REASON_NONE;
  auto hello = receive_hello(fd, reason);
  if (hello && !*hello) return;
  UniqueFd socket = end_handshake(fd);
  if (hello) return on_hello_(std::move(socket), **hello);
  ++counters_.hellos_bad;
  if (hello.error().code == ErrorCode::invalid) (void)send_refusal(socket.get(), VS_STATUS_INVALID, reason);
}

UniqueFd Entrance::end_handshake(int fd) {
  auto node = handshakes_.extract(fd);
  loop_.cancel(node.mapped().timer);
  loop_.unwatch(fd);
  return std::move(node.mapped().socket);
}

void Entrance::end_handshakes() {
  while (!handshakes_.empty()) end_handshake(handshakes_.begin()->first);
}

void Entrance::refuse(int socket) {
  ++counters_.sessions_exhausted;
  (void)send_refusal(socket, VS_STATUS_EXHAUSTED, VS_LOCAL_REASON_SESSIONS);  // a guest that is gone needs no answer
}

}  // namespace vs
