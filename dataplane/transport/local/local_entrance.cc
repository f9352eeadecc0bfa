#include "dataplane/transport/local/local_entrance.h"

#include <utility>
#include <vector>

#include "base/log.h"
#include "dataplane/transport/local/local_link.h"

namespace vs {
namespace {

class LocalCaller final : public Caller {
 public:
  LocalCaller(EventLoop& loop, UniqueFd socket, Hello hello)
      : Caller(std::move(hello)), loop_(loop), socket_(std::move(socket)) {}

  Result<std::unique_ptr<Link>> welcome(const RegionShape& shape, const SharedMemory& memory, Link::OnSign on_sign) override {
    auto link = LocalLink::make(loop_, socket_, shape, hello().generation, std::move(on_sign));
    if (!link) return fail(std::move(link.error()));
    if (auto sent = (*link)->welcome(memory); !sent) return fail(ErrorCode::unavailable, sent.error().message);
    return std::unique_ptr<Link>(std::move(*link));
  }

  // A guest that is gone already needs no answer.
  void refuse(vs_status status, vs_refusal reason) override { (void)send_refusal(socket_.get(), status, reason); }

 private:
  EventLoop& loop_;
  UniqueFd socket_;
};

}  // namespace

Result<std::unique_ptr<LocalEntrance>> LocalEntrance::open(EventLoop& loop, const std::filesystem::path& path,
                                                           Callbacks callbacks) {
  auto listener = LocalListener::open(path);
  if (!listener) return fail(std::move(listener.error()));
  const int fd = listener->fd();
  std::unique_ptr<LocalEntrance> entrance(new LocalEntrance(loop, std::move(*listener), std::move(callbacks)));
  if (auto watched = loop.watch(fd, EPOLLIN, [opened = entrance.get()](std::uint32_t) { opened->accept(); }); !watched)
    return fail(std::move(watched.error()));
  return entrance;
}

LocalEntrance::LocalEntrance(EventLoop& loop, LocalListener listener, Callbacks callbacks)
    : loop_(loop), listener_(std::move(listener)), callbacks_(std::move(callbacks)) {}

LocalEntrance::~LocalEntrance() {
  end_handshakes();
  loop_.unwatch(listener_.fd());
}

void LocalEntrance::accept() {
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

void LocalEntrance::begin_handshake(UniqueFd socket) {
  if (handshakes_.size() >= kHandshakesPerBindingMax) return refuse(socket.get());
  const int fd = socket.get();
  const auto watched = loop_.watch(fd, EPOLLIN | EPOLLRDHUP, [this, fd](std::uint32_t) { continue_handshake(fd); });
  if (!watched) return refuse(fd);
  const TimerId timer = loop_.after(kHandshakeTimeout, [this, fd] {
    callbacks_.on_bad_hello("it connects and says nothing");
    end_handshake(fd);
  });
  handshakes_.emplace(fd, Handshake{std::move(socket), timer});
  continue_handshake(fd);  // a frontend says hello right after connecting: it is mostly here
}

void LocalEntrance::continue_handshake(int fd) {
  vs_refusal reason = VS_REFUSAL_NONE;
  auto hello = receive_hello(fd, reason);
  if (hello && !*hello) return;
  UniqueFd socket = end_handshake(fd);
  if (hello) {
    LocalCaller caller(loop_, std::move(socket), std::move(**hello));
    return callbacks_.on_hello(caller);
  }
  callbacks_.on_bad_hello(hello.error().code == ErrorCode::invalid ? hello.error().message : std::string());
  if (hello.error().code == ErrorCode::invalid) (void)send_refusal(socket.get(), VS_STATUS_INVALID, reason);
}

UniqueFd LocalEntrance::end_handshake(int fd) {
  auto node = handshakes_.extract(fd);
  loop_.cancel(node.mapped().timer);
  loop_.unwatch(fd);
  return std::move(node.mapped().socket);
}

void LocalEntrance::end_handshakes() {
  while (!handshakes_.empty()) end_handshake(handshakes_.begin()->first);
}

void LocalEntrance::refuse(int socket) {
  callbacks_.on_crowd();
  (void)send_refusal(socket, VS_STATUS_EXHAUSTED, VS_REFUSAL_SESSIONS);  // a guest that is gone needs no answer
}

}  // namespace vs
