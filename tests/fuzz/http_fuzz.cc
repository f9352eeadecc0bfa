// Any bytes, in any pieces, as an HTTP client's end of a connection: answered or refused, and what reaches a handler is whole
// and clean. The first byte says how the rest is cut.

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "vsmgrd/api/connection.h"

namespace {

namespace net = boost::asio;
using namespace vs::http;  // NOLINT: the whole file is about it

constexpr int kTurnsMax = 1000;  // of the loop, after the client has gone

bool clean(std::string_view text) {
  for (const char c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
  return true;
}

class World {
 public:
  World() {
    vs::log::set_level(vs::log::Level::error);
    options_.header_bytes_max = 1024;
    options_.body_bytes_max = 2048;
  }

  void play(std::string_view input) {
    const std::size_t piece = input.empty() || input[0] == 0 ? input.size() + 1 : static_cast<unsigned char>(input[0]);
    if (!input.empty()) input.remove_prefix(1);
    std::array<int, 2> ends{};
    VS_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    vs::UniqueFd client(ends[0]);
    Socket::Plain plain(net::make_strand(io_), net::generic::stream_protocol(AF_UNIX, 0), ends[1]);
    auto connection = std::make_shared<Connection>(owner_, Socket(std::move(plain)), Origin{.peer = vs::http::Peer{0, 0, 1}});
    const std::weak_ptr<Connection> alive = connection;
    connection->start();
    connection.reset();
    turn();
    for (; !input.empty(); input.remove_prefix(std::min(piece, input.size()))) {
      const std::string_view part = input.substr(0, piece);
      if (::send(client.get(), part.data(), part.size(), MSG_NOSIGNAL) < 0) break;  // it hung up, or is slow
      turn();
      receive(client.get());
    }
    ::shutdown(client.get(), SHUT_WR);
    turn();
    receive(client.get());
    client.reset();
    for (int turns = 0; !alive.expired() && turns < kTurnsMax; ++turns) turn();
    VS_CHECK(alive.expired());        // nothing holds a connection whose client has gone
    VS_CHECK(taken_ == sent_);        // and each request was answered, or given up, once
  }

 private:
  void turn() {
    io_.restart();
    io_.poll();
  }

  bool arrived(Arrival arrival) {
    const Head& head = arrival.head;
    VS_CHECK(!head.method.empty() && !head.target.empty() && clean(head.method) && clean(head.target));
    VS_CHECK(check_head(head));
    for (const auto& [name, value] : head.fields) VS_CHECK(!name.empty() && clean(name) && clean(value));
    VS_CHECK(arrival.body.size() <= options_.body_bytes_max);
    ++taken_;
    (void)parse_target(head.target);
    arrival.from->answer(arrival.serial, Response{.content_type = "text/plain", .body = std::move(arrival.body)},
                         [this] { ++sent_; });
    return true;
  }

  // The answers; only that they are such is looked at.
  void receive(int client) {
    std::array<char, 65536> buffer{};
    const ssize_t bytes = ::recv(client, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (bytes >= 7) VS_CHECK(std::string_view(buffer.data(), 7) == "HTTP/1." || taken_ > 0);
  }

  net::io_context io_{1};
  ServerOptions options_;
  TransportCounters counters_;
  vs::SystemClock clock_;
  std::atomic<bool> draining_{false};
  std::uint64_t taken_ = 0;
  std::uint64_t sent_ = 0;
  Connection::Owner owner_{.options = options_,
                           .counters = counters_,
                           .clock = clock_,
                           .draining = draining_,
                           .arrived = [this](Arrival arrival) { return this->arrived(std::move(arrival)); },
                           .closed = [](Connection&) {}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  static World world;
  world.play({reinterpret_cast<const char*>(data), bytes});
  return 0;
}
