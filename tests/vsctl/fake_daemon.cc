#include "tests/vsctl/fake_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

#include <optional>

#include "base/check.h"

namespace vs::ctl::test {
namespace {

constexpr int kSilent = 0;

// The next request of a connection; nullopt when the client is gone or `stop` says so.
class Reader {
 public:
  Reader(int connection, int stop) : connection_(connection), stop_(stop) {}

  std::optional<Asked> next() {
    while (buffer_.find("\r\n\r\n") == std::string::npos)
      if (!more()) return std::nullopt;
    const std::size_t head_end = buffer_.find("\r\n\r\n");
    Asked asked;
    asked.headers = buffer_.substr(0, head_end + 2);
    asked.line = asked.headers.substr(0, asked.headers.find(" HTTP/1.1\r\n"));
    const std::size_t body_bytes = length_in(asked.headers);
    while (buffer_.size() < head_end + 4 + body_bytes)
      if (!more()) return std::nullopt;
    asked.body = buffer_.substr(head_end + 4, body_bytes);
    buffer_.erase(0, head_end + 4 + body_bytes);
    return asked;
  }

  // Blocks until the client goes or the test ends.
  void wait_for_end() {
    while (more()) buffer_.clear();
  }

 private:
  static std::size_t length_in(const std::string& headers) {
    constexpr std::string_view name = "Content-Length: ";
    const auto at = headers.find(name);
    return at == std::string::npos ? 0 : std::stoul(headers.substr(at + name.size()));
  }

  bool more() {
    std::array<pollfd, 2> ready{pollfd{connection_, POLLIN, 0}, pollfd{stop_, POLLIN, 0}};
    if (::poll(ready.data(), ready.size(), -1) < 0 || ready[1].revents != 0) return false;
    std::array<char, 4096> piece{};
    const ssize_t size = ::read(connection_, piece.data(), piece.size());
    if (size <= 0) return false;
    buffer_.append(piece.data(), static_cast<std::size_t>(size));
    return true;
  }

  int connection_;
  int stop_;
  std::string buffer_;
};

std::string wire_form(const Answer& answer) {
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " Said\r\n";
  if (!answer.etag.empty()) head += "ETag: " + answer.etag + "\r\n";
  if (answer.status != 204)
    head += "Content-Type: " + answer.content_type +
            "\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n";
  return head + "\r\n" + (answer.status == 204 ? "" : answer.body);
}

void write_all(int connection, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t size = ::send(connection, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (size <= 0) return;  // the client is gone
    at += static_cast<std::size_t>(size);
  }
}

}  // namespace

FakeDaemon::FakeDaemon(std::string socket_path) : socket_path_(std::move(socket_path)) {
  sockaddr_un address{.sun_family = AF_UNIX};
  VS_CHECK(socket_path_.size() < sizeof address.sun_path);
  socket_path_.copy(address.sun_path, sizeof address.sun_path - 1);
  listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  VS_CHECK(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
           0);
  VS_CHECK(::chmod(socket_path_.c_str(), 0666) == 0);
  VS_CHECK(::listen(listener_.get(), 16) == 0);
  std::array<int, 2> stop{};
  VS_CHECK(::pipe2(stop.data(), O_CLOEXEC) == 0);
  stop_read_.reset(stop[0]);
  stop_write_.reset(stop[1]);
  thread_ = std::thread([this] { serve(); });
}

FakeDaemon::~FakeDaemon() {
  stop_write_.reset();
  thread_.join();
  ::unlink(socket_path_.c_str());
}

void FakeDaemon::answers(const std::string& line, Answer answer) {
  memory_.with([&](Memory& memory) { memory.scripts[line].answers.push_back(std::move(answer)); });
}

void FakeDaemon::answers(const std::string& line, const nlohmann::json& body,
                         const std::string& etag) {
  answers(line, Answer{.body = body.dump(), .etag = etag});
}

void FakeDaemon::refuses(const std::string& line, int status, const nlohmann::json& problem) {
  answers(
      line,
      Answer{.status = status, .body = problem.dump(), .content_type = "application/problem+json"});
}

void FakeDaemon::keeps_silent_on(const std::string& line) {
  answers(line, Answer{.status = kSilent});
}

std::vector<Asked> FakeDaemon::asked() const {
  return memory_.with([](const Memory& memory) { return memory.asked; });
}

std::vector<std::string> FakeDaemon::lines() const {
  std::vector<std::string> lines;
  for (const Asked& request : asked()) lines.push_back(request.line);
  return lines;
}

Answer FakeDaemon::answer_to(const Asked& request) {
  return memory_.with([&](Memory& memory) {
    memory.asked.push_back(request);
    Script& script = memory.scripts[request.line];
    if (script.answers.empty())
      return Answer{.status = 404,
                    .body = nlohmann::json{{"title", "Not Found"},
                                           {"detail", request.line + ": nothing there"}}
                                .dump(),
                    .content_type = "application/problem+json"};
    Answer answer = script.answers[script.given];
    if (script.given + 1 < script.answers.size()) ++script.given;
    return answer;
  });
}

void FakeDaemon::serve() {
  std::vector<std::jthread> talks;  // each ends with its connection, or when `stop` says so
  while (true) {
    std::array<pollfd, 2> ready{pollfd{listener_.get(), POLLIN, 0},
                                pollfd{stop_read_.get(), POLLIN, 0}};
    if (::poll(ready.data(), ready.size(), -1) < 0 || ready[1].revents != 0) return;
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection)
      talks.emplace_back([this, fd = std::move(connection)] { talk(fd.get()); });
  }
}

void FakeDaemon::talk(int connection) {
  Reader reader(connection, stop_read_.get());
  while (const auto request = reader.next()) {
    const Answer answer = answer_to(*request);
    if (answer.status == kSilent) return reader.wait_for_end();
    write_all(connection, wire_form(answer));
  }
}

}  // namespace vs::ctl::test
