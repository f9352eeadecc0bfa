#include "vsctl/sandbox/sync.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace vs::ctl {
namespace {

constexpr std::size_t kMessageBytesMax = 4096;

}  // namespace

Result<std::pair<Sync, Sync>> Sync::make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail_errno(errno, "make a socket pair");
  return std::pair(Sync(ends[0]), Sync(ends[1]));
}

Result<> Sync::send(const std::string& message) {
  if (::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0)
    return fail_errno(errno, "talk to the other side of the sandbox");
  return {};
}

Result<> Sync::tell(Step step) { return send(std::string(1, static_cast<char>(step))); }

Result<> Sync::tell(const Error& error) {
  const char code = static_cast<char>(error.code);
  return send(std::string{static_cast<char>(Step::failed), code} +
              error.message.substr(0, kMessageBytesMax - 2));
}

Result<> Sync::await(Step step) {
  std::array<char, kMessageBytesMax> message{};
  ssize_t size = 0;
  do size = ::recv(socket_.get(), message.data(), message.size(), 0);
  while (size < 0 && errno == EINTR);
  if (size < 0) return fail_errno(errno, "listen to the other side of the sandbox");
  if (size == 0) return fail(ErrorCode::unavailable, "the other side of the sandbox is gone");
  if (message[0] == static_cast<char>(Step::failed) && size >= 2)
    return fail(static_cast<ErrorCode>(message[1]),
                std::string(message.data() + 2, static_cast<std::size_t>(size) - 2));
  if (message[0] != static_cast<char>(step))
    return fail(ErrorCode::internal, "the other side of the sandbox is out of step");
  return {};
}

Result<> Sync::close_all_else() {
  constexpr int first_free = 3;
  if (socket_.get() != first_free) {
    if (::dup3(socket_.get(), first_free, O_CLOEXEC) < 0)
      return fail_errno(errno, "move a descriptor");
    socket_.reset(first_free);
  }
  if (::close_range(first_free + 1, ~0U, 0) != 0) return fail_errno(errno, "close all descriptors");
  return {};
}

}  // namespace vs::ctl
