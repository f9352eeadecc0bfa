// The sockets that the HTTP server listens on, opened before anything is served: a fault in one is a
// fault of the start.
//
// Values that own their sockets; owned by one thread. Errors: those of UnixSocket::listen; invalid,
// for an address that is not "ADDRESS:PORT" with a numeric address ("[ADDRESS6]:PORT"); otherwise by
// errno (unavailable: the address is taken).
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vsmgrd/api/http.h"
#include "vsmgrd/api/server_options.h"
#include "vsmgrd/api/unix_socket.h"

namespace vs::http {

struct Listening {
  Channel channel = Channel::local;
  UniqueFd fd;
  int family = 0;                    // AF_UNIX, AF_INET, AF_INET6
  std::optional<UnixSocket> file{};  // of a unix socket
  std::string shown;                 // its path, or the address with the port it really has
};

// All that `options` names.
Result<std::vector<Listening>> open_listening(const ServerOptions& options);

// Of "ADDRESS:PORT", as above.
struct TcpAddress {
  sockaddr_storage address{};
  socklen_t bytes = 0;
};
Result<TcpAddress> tcp_address(std::string_view text);

Result<Listening> listen_tcp(Channel channel, std::string_view address);

// What is known of who connected, without TLS.
Origin origin_of(int connected_fd, Channel channel);

// Clients that count as one where connections and failures are counted: a user of this node, an
// IPv4 address, a /64 of IPv6.
std::string client_key(const Origin& origin);

}  // namespace vs::http
