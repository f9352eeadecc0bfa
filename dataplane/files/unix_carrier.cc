#include "dataplane/files/unix_carrier.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "base/log.h"
#include "dataplane/files/server.h"

namespace vs::files {

// One client. Keeps what has come of a message that is not whole yet, and answers that it does not take.
class UnixCarrier::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(EventLoop& loop, UniqueFd socket, const Connect& connect)
      : loop_(loop), socket_(std::move(socket)), receive_(connect(kMessageBytesMax)) {}
  ~Client() {
    if (socket_) loop_.unwatch(socket_.get());
  }

  Result<> begin(std::function<void()> on_end) {
    on_end_ = std::move(on_end);
    return loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t events) {
      const auto here = shared_from_this();
      if ((events & EPOLLOUT) != 0 && !flush()) return end();
      if ((events & ~std::uint32_t{EPOLLOUT}) != 0 && !take()) return end();
      listen();
    });
  }

 private:
  void end() {
    loop_.unwatch(socket_.get());
    const auto tell = std::move(on_end_);
    if (tell) tell();
  }

  // False: it is gone, or says what is no message.
  bool take() {
    std::byte bytes[16 << 10];
    const ssize_t received = ::recv(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (received < 0) return errno == EAGAIN || errno == EINTR;
    if (received == 0) return false;
    in_.insert(in_.end(), bytes, bytes + received);
    const Send send = [here = weak_from_this()](std::span<const std::byte> message) {
      if (const auto client = here.lock()) client->send(message);
    };
    std::size_t taken = 0;
    while (in_.size() - taken >= kHeaderBytes) {
      const std::span<const std::byte> rest = std::span(in_).subspan(taken);
      const std::uint32_t size = Parser(rest).u32();
      if (size < kHeaderBytes || size > kMessageBytesMax) return false;
      if (rest.size() < size) break;
      if (auto done = receive_(rest.first(size), send); !done) {
        log::info("files.client_ended", {{"why", done.error()}});
        return false;
      }
      taken += size;
    }
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(taken));
    return flush();
  }

  void send(std::span<const std::byte> message) {
    if (!on_end_) return;  // it has ended
    out_.insert(out_.end(), message.begin(), message.end());
    if (flush()) return listen();
    loop_.defer([here = weak_from_this()] {
      if (const auto client = here.lock()) client->end();
    });
  }

  bool flush() {
    while (!out_.empty()) {
      const ssize_t sent = ::send(socket_.get(), out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      out_.erase(out_.begin(), out_.begin() + sent);
    }
    return true;
  }

  void listen() {
    const std::uint32_t events = (out_.size() < kUnixUnreadMax ? EPOLLIN : 0U) | (out_.empty() ? 0U : EPOLLOUT);
    if (events != std::exchange(events_, events)) loop_.rewatch(socket_.get(), events);
  }

  EventLoop& loop_;
  UniqueFd socket_;
  Receive receive_;
  std::function<void()> on_end_;
  std::uint32_t events_ = EPOLLIN;
  std::vector<std::byte> in_;
  std::vector<std::byte> out_;
};

Result<std::unique_ptr<UnixCarrier>> UnixCarrier::open(EventLoop& loop, const std::filesystem::path& path, Connect connect,
                                                       std::function<void()> on_crowd) {
  auto listener = LocalListener::open(path, SOCK_STREAM);
  if (!listener) return fail(std::move(listener.error()));
  std::unique_ptr<UnixCarrier> carrier(new UnixCarrier(loop, std::move(*listener), std::move(connect), std::move(on_crowd)));
  auto watched = loop.watch(carrier->listener_.fd(), EPOLLIN, [raw = carrier.get()](std::uint32_t) { raw->accept(); });
  if (!watched) return fail(std::move(watched.error()));
  return carrier;
}

UnixCarrier::UnixCarrier(EventLoop& loop, LocalListener listener, Connect connect, std::function<void()> on_crowd)
    : loop_(loop), listener_(std::move(listener)), connect_(std::move(connect)), on_crowd_(std::move(on_crowd)) {}

UnixCarrier::~UnixCarrier() { loop_.unwatch(listener_.fd()); }

void UnixCarrier::accept() {
  auto socket = listener_.accept();
  if (!socket || !*socket) return;
  if (clients_.size() >= kUnixClientsMax) return on_crowd_();
  const int number = (*socket)->get();
  auto client = std::make_shared<Client>(loop_, std::move(**socket), connect_);
  if (auto begun = client->begin([this, number] { clients_.erase(number); }); begun) clients_[number] = std::move(client);
}

}  // namespace vs::files
