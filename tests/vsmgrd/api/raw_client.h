// A client of the API's socket that sends exactly the bytes it is told, right or wrong.
//
// Owned by one thread. Reads block: what never comes is cut off by the test's own time limit. Ends
// the test when the socket cannot even be made.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/unique_fd.h"
#include "vsmgrd/api/wire.h"

namespace vs::http {

struct RawResponse {
  int status = 0;  // 0: the connection ended before a whole response
  std::multimap<std::string, std::string> headers;  // names as sent
  std::string body;

  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [known, value] : headers)
      if (same_word(known, name)) return value;
    return {};
  }
};

class RawClient {
 public:
  RawClient() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) { VS_CHECK(fd_); }
  explicit RawClient(const std::filesystem::path& socket) : RawClient() {
    VS_CHECK(connect(socket));
  }

  bool connect(const std::filesystem::path& socket) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
    return ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }

  // False when the server does not take it all.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void end_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  // The next response; to a HEAD, without waiting for a body.
  RawResponse receive(bool to_head = false) {
    std::size_t end = std::string::npos;
    while ((end = ahead_.find("\r\n\r\n")) == std::string::npos)
      if (!fill()) return {};
    RawResponse response = parse_head(std::string_view(ahead_).substr(0, end));
    ahead_.erase(0, end + 4);
    const std::string length = response.header("Content-Length");
    const std::size_t size = to_head || length.empty() ? 0 : std::stoul(length);
    while (ahead_.size() < size)
      if (!fill()) return {};
    response.body = ahead_.substr(0, size);
    ahead_.erase(0, size);
    return response;
  }
  RawResponse ask(std::string_view bytes) {
    send(bytes);
    return receive();
  }

  bool answered_within(std::chrono::milliseconds time) {
    pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, static_cast<int>(time.count())) > 0;
  }

  // The next chunk of a body; empty: the last one. Nothing when the connection ended before it.
  std::optional<std::string> receive_chunk() {
    std::size_t end = std::string::npos;
    while ((end = ahead_.find("\r\n")) == std::string::npos)
      if (!fill()) return std::nullopt;
    const std::size_t size = std::stoul(ahead_.substr(0, end), nullptr, 16);
    while (ahead_.size() < end + 2 + size + 2)
      if (!fill()) return std::nullopt;
    std::string chunk = ahead_.substr(end + 2, size);
    EXPECT_EQ(ahead_.substr(end + 2 + size, 2), "\r\n");
    ahead_.erase(0, end + 2 + size + 2);
    return chunk;
  }

  // Whether the server has ended the connection, with nothing more to read.
  bool ended() { return ahead_.empty() && !fill(); }
  // Waits for the first byte of an answer, and takes no more than it must.
  bool receive_some() { return fill(1); }

 private:
  bool fill(std::size_t bytes = 65536) {
    char buffer[65536];
    const ssize_t got = ::recv(fd_.get(), buffer, bytes, 0);
    if (got <= 0) return false;
    ahead_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  static RawResponse parse_head(std::string_view head) {
    RawResponse response;
    const std::size_t line = head.find("\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.")) << head;
    if (head.size() >= 12) std::from_chars(head.data() + 9, head.data() + 12, response.status);
    for (std::size_t at = line; at != std::string_view::npos;) {
      head.remove_prefix(at + 2);
      at = head.find("\r\n");
      const std::string_view field = head.substr(0, at);
      const std::size_t colon = field.find(": ");
      response.headers.emplace(field.substr(0, colon), field.substr(colon + 2));
    }
    return response;
  }

  UniqueFd fd_;
  std::string ahead_;
};

}  // namespace vs::http
