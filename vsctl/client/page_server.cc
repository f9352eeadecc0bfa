#include "vsctl/client/page_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "vsctl/client/http.h"
#include "vsctl/client/page_request.h"

namespace vs::ctl {
namespace {

std::string make_secret() {
  std::array<unsigned char, 24> random{};
  VS_CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  std::string text;
  for (const unsigned char byte : random) text += fmt::format("{:02x}", byte);
  return text;
}

Failure failure_of(int error, const std::string& doing) {
  const ExitCode exit = error == EADDRINUSE ? ExitCode::conflict : error == EACCES ? ExitCode::denied : ExitCode::internal;
  return {exit, doing + ": " + std::generic_category().message(error), {}};
}

void limit_time(int socket, int option, std::chrono::seconds limit) {
  const timeval time{.tv_sec = limit.count(), .tv_usec = 0};
  VS_CHECK(::setsockopt(socket, SOL_SOCKET, option, &time, sizeof time) == 0);
}

bool send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// nullopt when the browser did not say enough in time, or too much.
std::optional<std::string> read_head(int socket) {
  const auto until = std::chrono::steady_clock::now() + kPageHeadTime;
  std::string head;
  while (head.size() < kPageHeadBytesMax && std::chrono::steady_clock::now() < until) {
    char piece[4096];
    const ssize_t got = ::recv(socket, piece, sizeof piece, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    head.append(piece, static_cast<std::size_t>(got));
    if (const std::size_t end = head.find("\r\n\r\n"); end != head.npos) return head.substr(0, end + 4);
  }
  return std::nullopt;
}

std::string problem_text(int status, const std::string& why) {
  const std::string body = nlohmann::json{{"status", status}, {"detail", why}}.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return fmt::format("HTTP/1.1 {} Refused\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                     status, body.size(), body);
}

// An answer passes as it came, piece by piece, until one side ends it.
void pass_on(int browser, const Endpoint& endpoint, const Deadline& deadline, const PageRequest& asked) {
  Http http(endpoint, deadline.renewed());
  bool begun = false;
  HttpRequest request{.method = "GET", .target = asked.target, .headers = {}, .body = {}};
  request.headers.push_back("Accept: " + (asked.accept.empty() ? "*/*" : asked.accept));
  const auto passed = http.relay(
      request,
      [&](const AnswerHead& head) {
        begun = true;
        std::string text = fmt::format("HTTP/1.1 {} {}\r\nConnection: close\r\n", head.status, head.status < 400 ? "OK" : "Refused");
        for (const std::string& field : head.fields) text += field + "\r\n";
        return send_all(browser, text + "\r\n");
      },
      [&](std::string_view piece) { return send_all(browser, piece); });
  if (!passed && !begun) send_all(browser, problem_text(502, passed.error().message));
}

void talk(const UniqueFd& browser, const Endpoint& endpoint, const Deadline& deadline, const std::string& secret) {
  limit_time(browser.get(), SO_RCVTIMEO, kPageHeadTime);
  limit_time(browser.get(), SO_SNDTIMEO, kPageWriteTime);
  const auto head = read_head(browser.get());
  if (!head) return;
  const auto asked = judge_page_request(*head, secret);
  if (asked) return pass_on(browser.get(), endpoint, deadline, *asked);
  send_all(browser.get(), problem_text(asked.error().status, asked.error().why));
}

}  // namespace

PageServer::PageServer(UniqueFd listener, Endpoint endpoint, Deadline deadline, std::string secret, std::string address)
    : listener_(std::move(listener)),
      endpoint_(std::move(endpoint)),
      deadline_(deadline),
      secret_(std::move(secret)),
      address_(std::move(address)) {}

Outcome<PageServer> PageServer::open(Endpoint endpoint, Deadline deadline, std::uint16_t port) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener) return give_up(failure_of(errno, "listen on 127.0.0.1"));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int again = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &again, sizeof again);
  socklen_t size = sizeof at;
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&at), size) != 0 || ::listen(listener.get(), kPageConnectionsMax) != 0 ||
      ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0)
    return give_up(failure_of(errno, fmt::format("listen on 127.0.0.1:{}", port)));
  std::string secret = make_secret();
  std::string address = fmt::format("http://127.0.0.1:{}/{}/ui", ntohs(at.sin_port), secret);
  return PageServer(std::move(listener), std::move(endpoint), deadline, std::move(secret), std::move(address));
}

Outcome<> PageServer::serve() {
  const auto open = std::make_shared<std::atomic<int>>(0);
  for (;;) {
    auto browser = std::make_shared<UniqueFd>(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!*browser) {
      if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(kPageRetry);
      if (errno == EINTR || errno == ECONNABORTED || errno == EMFILE || errno == ENFILE) continue;
      return give_up(failure_of(errno, "take a browser's connection"));
    }
    if (*open >= kPageConnectionsMax) continue;
    ++*open;
    // By value: the thread may outlive this.
    std::thread([browser, open, endpoint = endpoint_, deadline = deadline_, secret = secret_] {
      talk(*browser, endpoint, deadline, secret);
      --*open;
    }).detach();
  }
}

}  // namespace vs::ctl
