#include "vsmgrd/lifecycle/probe.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "base/unique_fd.h"

namespace vs {
namespace {

using Moment = std::chrono::steady_clock::time_point;

constexpr std::string_view kQuestion =
    "GET /healthz HTTP/1.1\r\nHost: vsmgrd\r\nConnection: close\r\n\r\n";
constexpr std::string_view kAnswer = "HTTP/1.";

bool ready(int fd, short events, Moment end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  pollfd one{.fd = fd, .events = events, .revents = 0};
  return ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) == 1;
}

// A full queue of a unix socket answers EAGAIN at once, and nothing says when there is room.
bool connect_by(int fd, const sockaddr_un& address, Moment end) {
  while (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EAGAIN || std::chrono::steady_clock::now() >= end) return false;
    ::poll(nullptr, 0, 10);
  }
  return true;
}

}  // namespace

bool answers_http(const std::filesystem::path& socket, std::chrono::milliseconds patience) {
  const Moment end = std::chrono::steady_clock::now() + patience;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.native().size() >= sizeof address.sun_path) return false;
  socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || !connect_by(fd.get(), address, end)) return false;
  if (::send(fd.get(), kQuestion.data(), kQuestion.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kQuestion.size()))
    return false;
  std::array<char, 64> answer{};
  if (!ready(fd.get(), POLLIN, end)) return false;
  const ssize_t bytes = ::recv(fd.get(), answer.data(), answer.size(), 0);
  return bytes > 0 &&
         std::string_view(answer.data(), static_cast<std::size_t>(bytes)).starts_with(kAnswer);
}

}  // namespace vs
