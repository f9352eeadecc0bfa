#include "dataplane/transport/local/local_link.h"

#include <sys/socket.h>

#include <utility>

#include "dataplane/transport/local/local_socket.h"

namespace vs {

Result<std::unique_ptr<LocalLink>> LocalLink::make(EventLoop& loop, UniqueFd& socket, const RegionShape& shape,
                                                   std::uint32_t generation, OnSign on_sign) {
  auto memory = LocalRegion::create(shape, generation);
  if (!memory) return fail(std::move(memory.error()));
  auto in = LocalBell::make();
  if (!in) return fail(std::move(in.error()));
  auto out = LocalBell::make();
  if (!out) return fail(std::move(out.error()));
  std::unique_ptr<LocalLink> link(new LocalLink(loop, std::move(socket), std::move(*memory), std::move(*in),
                                                std::move(*out), std::move(on_sign)));
  if (auto listens = link->listen(); !listens) {
    link->listen_no_more();
    socket = std::move(link->socket_);
    return fail(ErrorCode::exhausted, listens.error().message);
  }
  return link;
}

LocalLink::LocalLink(EventLoop& loop, UniqueFd socket, LocalRegion memory, LocalBell in, LocalBell out, OnSign on_sign)
    : Link(memory.bytes(), memory.header()),
      loop_(&loop),
      socket_(std::move(socket)),
      memory_(std::move(memory)),
      in_(std::move(in)),
      out_(std::move(out)),
      on_sign_(std::move(on_sign)) {}

LocalLink::~LocalLink() { listen_no_more(); }

// What the guest sends over the socket stays there: only its end is waited for.
Result<> LocalLink::listen() {
  if (auto end = loop_->watch(socket_.get(), EPOLLRDHUP | EPOLLET, [this](std::uint32_t) { on_sign_(Sign::end); }); !end)
    return end;
  return loop_->watch(in_.fd(), kBellEvents, [this](std::uint32_t events) {
    // Overflown, which no read or write does: tampered with.
    on_sign_((events & EPOLLERR) != 0 ? Sign::end : Sign::doorbell);
  });
}

void LocalLink::silence() {
  listen_no_more();
  loop_ = nullptr;
}

void LocalLink::listen_no_more() {
  if (loop_ == nullptr) return;
  loop_->unwatch(in_.fd());
  if (socket_) loop_->unwatch(socket_.get());
}

Result<> LocalLink::welcome(const SharedMemory& memory) {
  auto sent = send_welcome(socket_.get(), header().bytes,
                           {.memory = memory_.memory(),
                            .bell_of_frontend = in_.fd(),
                            .bell_of_backend = out_.fd(),
                            .shared = memory});
  memory_.close_memory();
  return sent;
}

void LocalLink::ring() { out_.ring(); }

void LocalLink::hear(bool doorbells) { loop_->rewatch(in_.fd(), doorbells ? kBellEvents : EPOLLET); }

// What rang meanwhile shows at once: the bell is as it was left.
bool LocalLink::move_to(EventLoop& loop, OnSign on_sign) {
  loop_ = &loop;
  on_sign_ = std::move(on_sign);
  if (listen()) return true;
  listen_no_more();
  return false;
}

pid_t LocalLink::peer() const {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

void LocalLink::hang_up() {
  listen_no_more();
  ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace vs
