#include "dataplane/control/channel.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace vs::control {
namespace {

inline constexpr std::size_t kLengthBytes = 4;
inline constexpr std::size_t kReadBytes = 64 << 10;
inline constexpr int kReadsPerEventMax = 16;  // then others have their turn

std::uint32_t length_at(std::string_view bytes) {
  std::uint32_t length;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length;
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorCode::invalid, "socket path " + path + ": longer than " +
                                        std::to_string(sizeof address.sun_path - 1) + " bytes");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

Channel::Channel(EventLoop& loop, UniqueFd socket, Callbacks callbacks)
    : loop_(loop), socket_(std::move(socket)), callbacks_(std::move(callbacks)) {
  const auto watched = loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t events) { on_event(events); });
  if (!watched) loop_.post([this, alive = std::weak_ptr(alive_), why = watched.error()] {
    if (!alive.expired()) close(why);
  });
}

Channel::~Channel() {
  if (socket_) loop_.unwatch(socket_.get());
}

Result<> Channel::send(std::string_view message) {
  if (!socket_) return fail(ErrorCode::unavailable, "control channel: closed");
  if (message.size() > kMessageBytesMax) return fail(ErrorCode::exhausted, "control channel: message too large");
  if (unsent_.size() + message.size() > kSendBytesMax)
    return fail(ErrorCode::exhausted, "control channel: the peer does not read");
  const auto length = static_cast<std::uint32_t>(message.size());
  unsent_.append(reinterpret_cast<const char*>(&length), kLengthBytes);
  unsent_.append(message);
  return flush();
}

void Channel::on_event(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    if (auto flushed = flush(); !flushed) return close(flushed.error());
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive();
}

bool Channel::receive() {
  const std::weak_ptr<bool> alive = alive_;
  std::array<char, kReadBytes> buffer;
  for (int reads = 0; reads < kReadsPerEventMax; ++reads) {
    const ssize_t count = ::read(socket_.get(), buffer.data(), buffer.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (count <= 0) {
      close({ErrorCode::unavailable, "control channel: the peer is gone"});
      return false;
    }
    received_.append(buffer.data(), static_cast<std::size_t>(count));
    if (!deliver() || alive.expired()) return false;
  }
  return true;
}

bool Channel::deliver() {
  const std::weak_ptr<bool> alive = alive_;
  std::size_t at = 0;
  while (received_.size() - at >= kLengthBytes) {
    const std::uint32_t length = length_at(std::string_view(received_).substr(at));
    if (length > kMessageBytesMax) {
      close({ErrorCode::invalid, "control channel: a message longer than allowed"});
      return false;
    }
    if (received_.size() - at - kLengthBytes < length) break;
    const std::string message = received_.substr(at + kLengthBytes, length);
    at += kLengthBytes + length;
    callbacks_.on_message(message);
    if (alive.expired() || !socket_) return false;
  }
  received_.erase(0, at);
  return true;
}

Result<> Channel::flush() {
  while (!unsent_.empty()) {
    const ssize_t count = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      loop_.rewatch(socket_.get(), EPOLLIN | EPOLLOUT);
      return {};
    }
    if (count < 0) return fail_errno(errno, "control channel");
    unsent_.erase(0, static_cast<std::size_t>(count));
  }
  loop_.rewatch(socket_.get(), EPOLLIN);
  return {};
}

void Channel::close(const Error& why) {
  if (!socket_) return;
  loop_.unwatch(socket_.get());
  socket_.reset();
  const auto on_closed = callbacks_.on_closed;  // may destroy this channel
  on_closed(why);
}

Result<UniqueFd> connect_unix(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return fail(address.error());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno(errno, "socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
    return fail_errno(errno, "connect to " + path);
  return socket;
}

Result<UniqueFd> listen_unix(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return fail(address.error());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno(errno, "socket");
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
    return fail_errno(errno, "bind " + path);
  if (::listen(socket.get(), SOMAXCONN) != 0) return fail_errno(errno, "listen at " + path);
  return socket;
}

}  // namespace vs::control
