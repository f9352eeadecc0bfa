// The way to one peer: a queue, and the connection that takes from it.
//
// send(), use(), close(), view() and add_samples() may be called from any thread, the rest is the strand's. Of what waits all is
// given up when the peer is not reached: it is older than what its sender says next. Includes Asio: for the files of vs_http only.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/guarded.h"
#include "base/sample.h"
#include "vsmgrd/api/connection.h"
#include "vsmgrd/api/listening.h"
#include "vsmgrd/api/peer_client.h"
#include "vsmgrd/api/socket.h"

namespace vs::http {

class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  // Where the peer is, and by what TLS it is spoken to.
  struct Way {
    std::string shown;
    TcpAddress address;
    std::shared_ptr<SSL_CTX> context;
  };

  // `io` must outlive it.
  PeerLink(boost::asio::io_context& io, std::string name, const PeerLimits& limits, Way way);

  void send(const std::string& body);
  void use(Way way);  // from the next connection on
  void close();       // for good
  [[nodiscard]] handoff::PeerView view() const;
  void add_samples(std::vector<Sample>& samples) const;

 private:
  using Failure = boost::system::error_code;
  using Text = std::shared_ptr<const std::string>;  // of a whole request
  enum class Phase : std::uint8_t { idle, connecting, shaking, ready, writing, answering, pausing, closed };

  // One connection. What is still under way when another takes its place finds that out, and does nothing.
  struct Wire {
    explicit Wire(Socket made) : socket(std::move(made)) {}
    Socket socket;
    boost::beast::flat_buffer buffer;
    std::optional<boost::beast::http::response_parser<boost::beast::http::string_body>> parser;
    bool used = false;  // it has answered before
    bool last = false;  // to be closed after the answer that is awaited
  };
  struct Shared {
    Way way;
    std::deque<Text> queue;
    std::size_t bytes = 0;
    bool heard = false;
    std::string trouble;
  };

  void go_on();
  void connect();
  void shake_hands();
  void on_shaken(Failure failure);
  void write();
  void read();
  void on_read(Failure failure, std::size_t bytes);
  void take_answer();
  void answered();
  void lost(const std::string& why);
  void failed(std::string why);
  void say(std::string trouble);
  void drop_wire();
  void enter(Phase phase, std::chrono::milliseconds deadline);
  void on_deadline();
  [[nodiscard]] std::string words_for(Failure failure);
  // `step`, unless the connection it belongs to is gone by then.
  template <class Step>
  auto of_this_wire(Step step);

  const std::string name_;
  const PeerLimits limits_;
  Strand strand_;
  Timer timer_;
  Phase phase_ = Phase::idle;
  std::uint64_t deadline_ = 0;  // counts deadlines, so that one that was overtaken is known
  std::shared_ptr<Wire> wire_;
  Text under_way_;
  bool again_ = false;  // it was sent before, on a connection that turned out closed
  std::chrono::milliseconds pause_;
  Guarded<Shared> shared_;
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> no_room_{0};       // for one more message
  std::atomic<std::uint64_t> no_room_bytes_{0};
};

}  // namespace vs::http
