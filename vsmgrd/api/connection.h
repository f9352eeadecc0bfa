// One client of the HTTP server, from accept to close: reads requests, one at a time, and writes
// their answers.
//
// Lives on its strand; start(), drain(), abort(), answer() and waiting() may be called from any
// thread. While a request is being answered nothing is read, so a client that pipelines is slowed
// down by its own requests. Keeps itself alive while something is under way. Each phase has one
// deadline; what runs out is counted and told to the client where that is possible. Includes Asio:
// for beast_server.cc only.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/strand.hpp>

#include "base/clock.h"
#include "vsmgrd/api/counters.h"
#include "vsmgrd/api/http.h"
#include "vsmgrd/api/server_options.h"
#include "vsmgrd/api/wire.h"

namespace vs::http {

using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
using Socket = boost::asio::basic_stream_socket<boost::asio::local::stream_protocol, Strand>;
using Timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>, Strand>;

class Connection;

// A whole request. Whoever takes it calls from->answer(serial, ...).
struct Arrival {
  std::shared_ptr<Connection> from;
  std::uint64_t serial = 0;
  Head head;
  std::string body;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Owner {
    const ServerOptions& options;
    TransportCounters& counters;
    const Clock& clock;
    const std::atomic<bool>& draining;  // no request after the one being answered
    // False when no further request can be taken now. Must not block: runs on the strand.
    std::function<bool(Arrival)> arrived;
    std::function<void(Connection&)> closed;
  };
  using Sent = std::function<void()>;  // called exactly once: written, or given up

  // `owner` must outlive the connection.
  Connection(const Owner& owner, Socket socket);
  ~Connection();

  void start();
  void drain();  // owner.draining is set: close now, unless a request is being answered
  void abort();  // close at once

  // Answers request `serial`; the first answer counts, later ones and those to a request given up
  // are dropped.
  void answer(std::uint64_t serial, Response response, Sent sent);
  [[nodiscard]] const std::optional<Peer>& peer() const { return peer_; }
  // Whether the client still waits for that answer.
  [[nodiscard]] bool waiting(std::uint64_t serial) const { return waiting_.load() == serial; }

 private:
  enum class Phase : std::uint8_t { idle, header, body, handling, writing, lingering, closed };
  struct Reading;  // the parser and what has been read ahead

  void next_request();
  void read();
  void on_read(bool failed, std::size_t bytes);
  void feed();
  void feed_header();
  void feed_body();
  void on_header();
  void send_continue();
  void hand_over();
  void timed_out();
  void refuse(int status, std::string detail);
  void refuse_malformed(std::string detail);
  void refuse_too_long(Limit limit);
  void write(const Response& response, bool keep_alive, Sent sent);
  void on_written(bool failed, bool keep_alive);
  void linger();
  void close();
  void enter(Phase phase, std::chrono::milliseconds deadline);
  void on_deadline();

  const Owner& owner_;
  Socket socket_;
  const std::optional<Peer> peer_;
  Timer timer_;
  std::unique_ptr<Reading> reading_;
  Phase phase_ = Phase::idle;
  std::uint64_t deadline_ = 0;  // counts deadlines, so that one that was overtaken is known
  bool expired_ = false;        // the deadline passed while a read was pending
  std::uint64_t serial_ = 0;
  std::atomic<std::uint64_t> waiting_{0};  // the request to be answered; 0: none
  std::string out_;
  Sent sent_;
};

}  // namespace vs::http
