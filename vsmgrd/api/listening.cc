#include "vsmgrd/api/listening.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

inline constexpr int kTcpBacklog = 128;
inline constexpr std::size_t kPeerGroupsMax = 65536;  // NGROUPS_MAX of the kernel

using Addresses = std::unique_ptr<addrinfo, CloseWith<&::freeaddrinfo>>;

Result<Addresses> resolve(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorCode::invalid,
                fmt::format("{} is not ADDRESS:PORT or [ADDRESS6]:PORT, in numbers", in_quotes(text)));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string port(text.substr(colon + 1));
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return wrong();
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (host.empty() || error != std::errc{} || end != port.data() + port.size()) return wrong();
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(std::string(host).c_str(), port.c_str(), &hints, &found) != 0) return wrong();
  return Addresses(found);
}

std::string host_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
      ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
    else
      ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

std::string shown_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  const bool v6 = address.ss_family == AF_INET6;
  const auto port = v6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                       : reinterpret_cast<const sockaddr_in&>(address).sin_port;
  const std::string host = host_of(address);
  return fmt::format("{}:{}", v6 ? '[' + host + ']' : host, ntohs(port));
}

Result<Listening> listen_unix(Channel channel, const SocketFile& at) {
  auto file = UnixSocket::listen(at.path, at.mode, at.group);
  if (!file) return fail(std::move(file.error()));
  Listening listening{.channel = channel, .family = AF_UNIX, .shown = at.path.native()};
  listening.fd.reset(file->release_fd());
  listening.file.emplace(std::move(*file));
  return listening;
}

void add_peer(Origin& origin, int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return;
  origin.peer = Peer{credentials.uid, credentials.gid, credentials.pid};
  size = 0;  // asks how many there are
  ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, nullptr, &size);
  if (size > kPeerGroupsMax * sizeof(gid_t)) return;
  origin.groups.resize(size / sizeof(gid_t));
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, origin.groups.data(), &size) != 0)
    origin.groups.clear();
}

}  // namespace

Result<TcpAddress> tcp_address(std::string_view text) {
  const auto resolved = resolve(text);
  if (!resolved) return fail(resolved.error());
  TcpAddress address{.bytes = (*resolved)->ai_addrlen};
  std::memcpy(&address.address, (*resolved)->ai_addr, address.bytes);
  return address;
}

Result<Listening> listen_tcp(Channel channel, std::string_view address) {
  const auto to = tcp_address(address);
  if (!to) return fail(to.error());
  const int family = to->address.ss_family;
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(errno, "socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&to->address), to->bytes) != 0 || ::listen(fd.get(), kTcpBacklog) != 0)
    return fail_errno(errno, address);
  std::string shown = shown_address(fd.get());
  return Listening{
      .channel = channel, .fd = std::move(fd), .family = family, .shown = std::move(shown)};
}

Result<std::vector<Listening>> open_listening(const ServerOptions& options) {
  std::vector<Listening> all;
  const auto add = [&](std::string_view what, Result<Listening> opened) -> Result<> {
    if (!opened) return fail(std::move(opened.error()).within(what));
    all.push_back(std::move(*opened));
    return {};
  };
  auto added = add("api socket", listen_unix(Channel::local, {options.socket_path, options.socket_mode,
                                                              options.socket_group}));
  if (added && options.read_only)
    added = add("read-only api socket", listen_unix(Channel::local_read_only, *options.read_only));
  if (added && !options.metrics_address.empty()) {
    const std::string& at = options.metrics_address;
    added = add("metrics socket", at.starts_with('/') ? listen_unix(Channel::metrics, {at})
                                                      : listen_tcp(Channel::metrics, at));
  }
  if (added && !options.remote_address.empty())
    added = add("remote api", listen_tcp(Channel::remote, options.remote_address));
  if (!added) return fail(std::move(added.error()));
  return all;
}

Origin origin_of(int connected_fd, Channel channel) {
  Origin origin{.channel = channel};
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(connected_fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return origin;
  if (address.ss_family == AF_UNIX)
    add_peer(origin, connected_fd);
  else
    origin.address = host_of(address);
  return origin;
}

std::string client_key(const Origin& origin) {
  if (origin.peer) return fmt::format("uid:{}", origin.peer->uid);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, origin.address.c_str(), &v6) != 1) return origin.address;
  std::memset(&v6.s6_addr[8], 0, 8);
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &v6, text.data(), text.size());
  return fmt::format("{}/64", text.data());
}

}  // namespace vs::http
