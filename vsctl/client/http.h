// One HTTP exchange after another over a unix socket, or to a host over TLS 1.3. The only place that
// knows libcurl.
//
// Sizes are bytes. Owned by one thread; starts none. Every exchange ends by the deadline given at
// construction. Errors: unavailable, when nobody listens or the connection breaks; denied, when the
// socket may not be opened by this user; timeout; invalid, when the path is too long for a socket.
// Any status that was received is a value, not an error. A token never shows in a trace.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vsctl/client/deadline.h"
#include "vsctl/client/endpoint.h"
#include "vsctl/client/failure.h"

namespace vs::ctl {

inline constexpr std::size_t kReplyBytesMax = std::size_t{256}
                                              << 20;  // a list of 100,000 objects is a third of it
inline constexpr std::chrono::seconds kStreamSilenceMax{60};  // heartbeats come every 15 s
inline constexpr std::size_t kSocketPathBytesMax = 107;  // sun_path, with its final zero

struct HttpRequest {
  std::string method;
  std::string target;                // path and query, already escaped
  std::vector<std::string> headers;  // "If-Match: \"7\""
  std::string body;
  std::string content_type = "application/json";  // of the body, when there is one
};

struct HttpReply {
  int status = 0;
  std::string content_type;
  std::string etag;
  std::string location;
  std::string body;
};

// Takes a piece of an answer that goes on; false ends it.
using OnPiece = std::function<bool(std::string_view piece)>;

struct AnswerHead {
  int status = 0;
  std::vector<std::string> fields;  // "Content-Type: text/html", but for those about the connection
};
using OnHead = std::function<bool(const AnswerHead& head)>;  // false ends it

class Http {
 public:
  Http(Endpoint endpoint, Deadline deadline);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  Outcome<HttpReply> send(const HttpRequest& request);
  // The same, for an answer that goes on for as long as it likes: a success's body goes to
  // `on_piece`, and no deadline ends it, but silence does.
  Outcome<HttpReply> stream(const HttpRequest& request, const OnPiece& on_piece);
  // An answer of any status as it comes: its head, then its body. As stream() otherwise; `request` says what is accepted. An end that
  // a callback asked for is no error.
  Outcome<> relay(const HttpRequest& request, const OnHead& on_head, const OnPiece& on_piece);
  // Gives the connection back, which the daemon has few of; the next exchange makes a new one.
  void hang_up();
  // The deadline is as far away again as at the start.
  void renew_deadline() { deadline_ = deadline_.renewed(); }
  [[nodiscard]] const std::string& name() const { return endpoint_.name(); }

  // One segment of a path, so that no name can lead to another route.
  static std::string escape(const std::string& segment);

 private:
  [[nodiscard]] Outcome<> check_endpoint() const;
  struct Sinks {
    const OnHead* on_head = nullptr;
    const OnPiece* on_piece = nullptr;
  };
  Outcome<HttpReply> perform(const HttpRequest& request, const Sinks& sinks);
  void trace(const HttpRequest& request, const HttpReply& reply, std::chrono::milliseconds took) const;

  struct Connection;  // libcurl's handle; keeps the connection open between exchanges
  Endpoint endpoint_;
  Deadline deadline_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace vs::ctl
