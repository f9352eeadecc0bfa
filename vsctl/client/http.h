// One HTTP exchange after another over a unix socket. The only place that knows libcurl.
//
// Sizes are bytes. Owned by one thread; starts none. Every exchange ends by the deadline given at
// construction. Errors: unavailable, when nobody listens or the connection breaks; denied, when the
// socket may not be opened by this user; timeout; invalid, when the path is too long for a socket.
// Any status that was received is a value, not an error.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "vsctl/client/deadline.h"
#include "vsctl/client/failure.h"

namespace vs::ctl {

inline constexpr std::size_t kReplyBytesMax = std::size_t{256}
                                              << 20;  // a list of 100,000 objects is a third of it
inline constexpr std::size_t kSocketPathBytesMax = 107;  // sun_path, with its final zero

struct HttpRequest {
  std::string method;
  std::string target;                // path and query, already escaped
  std::vector<std::string> headers;  // "If-Match: \"7\""
  std::string body;                  // sent as application/json when not empty
};

struct HttpReply {
  int status = 0;
  std::string content_type;
  std::string etag;
  std::string body;
};

class Http {
 public:
  Http(std::string socket_path, Deadline deadline);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  Outcome<HttpReply> send(const HttpRequest& request);
  // Gives the connection back, which the daemon has few of; the next exchange makes a new one.
  void hang_up();
  [[nodiscard]] const std::string& socket_path() const { return socket_path_; }

  // One segment of a path, so that no name can lead to another route.
  static std::string escape(const std::string& segment);

 private:
  struct Connection;  // libcurl's handle; keeps the connection open between exchanges
  std::string socket_path_;
  Deadline deadline_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace vs::ctl
