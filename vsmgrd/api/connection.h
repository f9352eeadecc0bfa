// One client of the HTTP server, from accept to close: reads requests, one at a time, and writes
// their answers.
//
// Lives on its strand; start(), drain(), abort(), answer() and waiting() may be called from any
// thread. While a request is being answered nothing is read, so a client that pipelines is slowed
// down by its own requests. An answer that goes on (Stream) is the last of its connection; a client
// that does not read what was sent of it within the time of a write is given up. Keeps itself alive while something is under way. Each phase has one
// deadline; what runs out is counted and told to the client where that is possible. Includes Asio:
// for beast_server.cc only.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/basic_waitable_timer.hpp>

#include "base/clock.h"
#include "vsmgrd/api/counters.h"
#include "vsmgrd/api/http.h"
#include "vsmgrd/api/server_options.h"
#include "vsmgrd/api/socket.h"
#include "vsmgrd/api/wire.h"

namespace vs::http {

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
  Connection(const Owner& owner, Socket socket, Origin origin);
  ~Connection();

  void start();
  void drain();  // owner.draining is set: close now, unless a request is being answered
  void abort();  // close at once

  // Answers request `serial`; the first answer counts, later ones and those to a request given up
  // are dropped.
  void answer(std::uint64_t serial, Response response, Sent sent);
  [[nodiscard]] const Origin& origin() const { return origin_; }
  // How much it is worth to keep, less first: what it does, and since when. Nullopt when it must not
  // be closed for another.
  using Standing = std::pair<int, std::chrono::steady_clock::time_point>;
  [[nodiscard]] std::optional<Standing> standing() const;
  // Whether the client still waits for that answer.
  [[nodiscard]] bool waiting(std::uint64_t serial) const { return waiting_.load() == serial; }

 private:
  enum class Phase : std::uint8_t {
    handshake,
    idle,
    header,
    body,
    handling,
    writing,
    streaming,
    lingering,
    closed
  };
  struct Reading;  // the parser and what has been read ahead

  void shake_hands();
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
  [[nodiscard]] std::size_t body_bytes_max() const;  // of this request, by its path
  void refuse_too_long(Limit limit);
  void write(const Response& response, bool keep_alive, Sent sent);
  void on_written(bool failed, bool keep_alive);
  void begin_stream();
  void pump_stream();
  void on_pumped(bool failed, bool last);
  void watch_for_end();
  void linger();
  void close();
  void enter(Phase phase, std::chrono::milliseconds deadline);
  void on_deadline();

  const Owner& owner_;
  Socket socket_;
  Origin origin_;  // complete after the handshake
  Timer timer_;
  std::unique_ptr<Reading> reading_;
  std::atomic<Phase> phase_{Phase::idle};
  std::atomic<std::chrono::steady_clock::time_point> since_{};  // when the phase began
  std::uint64_t deadline_ = 0;  // counts deadlines, so that one that was overtaken is known
  bool expired_ = false;        // the deadline passed while a read was pending
  std::atomic<std::uint64_t> serial_{0};  // requests taken
  std::atomic<std::uint64_t> waiting_{0};  // the request to be answered; 0: none
  std::string out_;
  Sent sent_;
  std::shared_ptr<Stream> stream_;  // that the answer goes on with
  bool pumping_ = false;            // a write of it is under way
};

}  // namespace vs::http
